"""Inspection of training runs: damaged or half-written files, each with what to do.

A checkpoint is not unpickled: its archive is checked, and with `whole` also its checksums and the digest of
the network's weights.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge_core.files import Store
from forge_core.files.catalog import Fault
from forge_core.learning.runs import CHECKPOINT, CONFIG, CURVE, MODEL, check_record

_PARTS = (CONFIG, CURVE, CHECKPOINT)
"""files by which the folder of a run is recognised"""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The contents of one folder of runs."""

    name: str
    evaluations: int
    step: int | None
    """step of the last evaluation; None before the first"""
    nbytes: int
    is_held: bool
    """True if a process is training in it"""
    can_resume: bool
    """True if it has a checkpoint"""
    faults: tuple[Fault, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the status as JSON types, without the faults."""
        names = ("name", "evaluations", "step", "can_resume")
        return {**{name: getattr(self, name) for name in names}, "held": self.is_held, "bytes": self.nbytes}


def inspect_runs(place: Path, whole: bool = False) -> list[RunStatus]:
    """Return the status of each run in a folder, by name. whole: also compare checksums.

    Empty if the folder does not exist; other folders in it are left out.
    """
    if not place.is_dir():
        return []
    folders = sorted(folder for folder in place.iterdir() if folder.is_dir())
    return [_inspect(folder, whole) for folder in folders if any((folder / part).exists() for part in _PARTS)]


def _inspect(folder: Path, whole: bool) -> RunStatus:
    is_held, faults = Store(str(folder)).is_held(), list[Fault]()

    def check(read: Any, name: str, remedy: str) -> Any:
        """Return what `read` returns; note a fault if it raises."""
        try:
            return read(folder / name)
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            faults.append(Fault(str(folder / name), f"it is damaged ({error}): {remedy}"))
            return None

    can_resume = (folder / CHECKPOINT).exists()
    has_model = (folder / MODEL / "model.json").exists()
    again = f"start a new run{f' from its network (--init-from {folder / MODEL})' if has_model else ''}"
    if (folder / CONFIG).exists():
        check(_read_config, CONFIG, f"restore it from a copy, or {again}")
    else:
        faults.append(Fault(str(folder / CONFIG), f"it is missing: restore it from a copy, or {again}"))
    points: tuple[int, int | None] = (0, None)
    rewrite = "resume the run, which writes it again"
    if (folder / CURVE).exists():
        points = check(_read_curve, CURVE, rewrite) or points
    elif can_resume and has_model:  # a run that was stopped before its first evaluation has neither
        faults.append(Fault(str(folder / CURVE), f"it is missing: {rewrite}"))
    if can_resume:
        check(lambda path: _check_archive(path, whole), CHECKPOINT, f"{again}, because it cannot be resumed")
    if (folder / MODEL).is_dir() and not (is_held and whole):  # a process may be between its two files
        remedy = f"resume the run, which writes it again if it was stopped there, or copy {MODEL} again"
        check(lambda path: _check_model(path, whole), MODEL, remedy)
    nbytes = sum(path.stat().st_size for path in _files(folder))
    evaluations, step = points
    return RunStatus(folder.name, evaluations, step, nbytes, is_held, can_resume, tuple(faults))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _read_config(path: Path) -> None:
    """Raise ValueError unless a file is the config.json of a run."""
    check_record(json.loads(path.read_text()))


def _read_curve(path: Path) -> tuple[int, int | None]:
    """Return the number of evaluations and the last step. Raise ValueError for a damaged curve."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    if not rows or "step" not in rows[0]:
        raise ValueError("it has no column step")
    step = None
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]):
            raise ValueError(f"line {number} has {len(row)} of {len(rows[0])} columns")
        figures = {name: float(text) for name, text in zip(rows[0], row, strict=True) if text}
        step = int(figures["step"])
    return len(rows) - 1, step


def _check_archive(path: Path, whole: bool) -> None:
    """Raise ValueError unless a file is a complete archive. whole: also compare its checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip() if whole else None
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ValueError("it is truncated or not an archive") from error
    if broken:
        raise ValueError(f"the checksum of {broken} differs")


def _check_model(folder: Path, whole: bool) -> None:
    """Raise ValueError unless a folder has a network. whole: also compare the digest of its weights."""
    from forge_core.learning.checkpoints import CARD, WEIGHTS, digest

    for name in (WEIGHTS, CARD):
        if not (folder / name).exists():
            raise ValueError(f"{name} is missing, so it is half written")
    card = json.loads((folder / CARD).read_text())
    if not isinstance(card, dict) or "weights" not in card:
        raise ValueError(f"{CARD} is not a model card")
    with (folder / WEIGHTS).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        size = (folder / WEIGHTS).stat().st_size
        if length > size:
            raise ValueError(f"{WEIGHTS} is truncated")
        header = json.loads(file.read(length))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    if 8 + length + max(ends, default=0) != size:
        raise ValueError(f"{WEIGHTS} is truncated")
    if whole and digest((folder / WEIGHTS).read_bytes()) != card["weights"]:
        raise ValueError(f"{WEIGHTS} does not match {CARD}")
