"""The folder of a training run: claiming it, and its configuration, curve and result.

    runs/NAME/config.json            settings, data, versions and device of the run
              metrics.csv            the curve: one line per evaluation
              checkpoints/last.ckpt  everything needed to resume (see `resumption`)
              model/                 the network of the best evaluation (see `checkpoints`)

Every kind of training uses this module: `claim_folder` at the start, `Progress` at each evaluation,
`TrainResult` at the end. Throughout the run it locks the folder (`Store.held`), so that no other
process can train there. `config.json` has at least the keys REQUIRED. This module imports neither
torch nor Lightning.
"""

from __future__ import annotations

import csv
import io
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from forge_core.device import device_name
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.folders import MODEL

if TYPE_CHECKING:
    from forge_core.learning.networks.network import Record

CONFIG, CURVE = "config.json", "metrics.csv"
CHECKPOINT = "checkpoints/last.ckpt"

REQUIRED = ("train", "spec", "data", "init_from", "precision")
"""keys of config.json that must be the same when a run is resumed: its settings, the input of its network,
its data, the model it started from, and its precision"""

ORIGIN = "origin"
"""key in `data` for the origin of the data; it may differ in a resumed run, since the version identifies
the data"""

REMAINING = "remaining"
"""figure by which a run that learns from its own play compares evaluations: the share of the run that is
left, so that the newest network is the best. Losses do not show which network plays better, since the data
change too, and the best of several evaluations by few games would be the luckiest."""

Point = dict[str, float]
"""One evaluation: step, rows, seconds, cpu_seconds, loss and the measured figures"""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The result of a run, or of the part until it was stopped."""

    folder: str
    """empty after a fast dev run, which saves nothing"""
    model: str
    """folder of the best weights; empty like `folder`"""
    points: list[Point]
    best: Point
    device: str
    precision: str
    parameters: int
    stopped_early: bool
    """True if training ended before its last step because evaluations no longer improved"""
    unfinished: bool = False
    """True if time ran out; the run can be resumed"""


class Follower(Protocol):
    """An observer of one run, such as an experiment tracker."""

    def point(self, point: Point) -> None:
        """Record an evaluation."""

    def finish(self, result: TrainResult) -> None:
        """Record the result; called only if the run reaches its end."""


S = TypeVar("S")


def read_run(folder: str | Path) -> dict[str, Any]:
    """Return the contents of a run's config.json. Raises BadInput if it is missing or damaged."""
    store = Store(str(folder))
    if not store.exists(CONFIG):
        raise BadInput(f"{folder} contains no run: choose an existing run, or start one without resuming")
    try:
        record = store.read_json(CONFIG)
        check_record(record)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{store.path(CONFIG)} is damaged ({error}): start a new run") from error
    return record


def check_record(record: Any) -> None:
    """Raise ValueError unless a value is the contents of the config.json of a run."""
    if not isinstance(record, dict):
        raise ValueError("it is not a JSON object")
    if missing := [name for name in REQUIRED if name not in record]:
        raise ValueError(f"it lacks {missing[0]}")
    for name in ("train", "data"):
        if not isinstance(record[name], dict):
            raise ValueError(f"{name} is not a JSON object")


def claim_folder(
    folder: Path,
    record: dict[str, Any],
    resume: bool,
    complete: Callable[[Mapping[str, Any]], dict[str, Any]] = dict,
) -> dict[str, Any]:
    """Start a run in `folder`, or check that the run in it can be resumed.

    record: the contents of config.json, with the keys REQUIRED. complete: adds to stored settings
    (`train`) from an older version the defaults of settings that were added later. Returns the record
    for the model card; for a resumed run it keeps the digest of the original parent. Raises BadInput if
    the folder already contains a run, if it contains none to resume, or if the run was started with
    other settings or data, or by a version of the code that trains a different network (`model_version`).
    """
    store = Store(str(folder))
    if not resume:
        if store.exists(CHECKPOINT):  # a run that stopped before its first checkpoint is started again
            raise BadInput(f"{folder} already contains a run: resume it, or choose another name")
        store.write(CONFIG, json.dumps(record, indent=2).encode())
        (folder / CHECKPOINT).parent.mkdir(parents=True, exist_ok=True)
        return record
    if not store.exists(CHECKPOINT):
        raise BadInput(f"{folder} contains no checkpoint to resume from: start the run without resuming")
    before = read_run(folder)
    started_by, version = (described.get("model_version") for described in (before, record))
    if started_by is not None and started_by != version:
        raise BadInput(
            f"the run in {folder} was started by training of version {started_by}, but this code trains by "
            f"version {version}: resume it with the Forge that started it, or start a new run from its "
            f"network ({folder / MODEL})"
        )
    before["train"] = complete(before["train"])
    now = json.loads(json.dumps(record))
    kept = {
        **record,
        "parent_weights": before.get("parent_weights"),
    }  # the model at that path may have changed since
    for described in (before, now):
        described["data"] = {name: value for name, value in described["data"].items() if name != ORIGIN}
    if differing := find_difference(before, now, REQUIRED):
        raise BadInput(
            f"the run in {folder} differs in {differing}: resume it with its original settings and data, "
            "or choose another name"
        )
    return kept


def find_difference(before: Mapping[str, Any], now: Mapping[str, Any], parts: Sequence[str]) -> str | None:
    """Return the first of `parts` in which two descriptions of a run differ; None if they agree.

    before, now: JSON types by part. A part with entries is followed by those that differ: `train (lr)`.
    """
    for part in parts:
        one, other = before.get(part), now.get(part)
        if one == other:
            continue
        if not (isinstance(one, dict) and isinstance(other, dict)):
            return part
        names = [name for name in {**other, **one} if one.get(name) != other.get(name)]
        return f"{part} ({', '.join(names)})"
    return None


def settings_from(kind: type[S], stored: Mapping[str, Any]) -> S:
    """Return settings of a kind from `train` of a config.json; those added since have their defaults.

    Raises BadInput for a setting that this code does not know.
    """
    known = {each.name for each in fields(kind)}  # pyright: ignore[reportArgumentType]
    if unknown := sorted(set(stored) - known):
        raise BadInput(f"the run has a setting {unknown[0]} that this code does not know: start a new run")
    return kind(**stored)


def describe_run(
    *,
    train: Mapping[str, Any],
    spec: Record,
    data: Mapping[str, Any],
    init_from: str | None,
    model_version: str,
    device: str,
    precision: str,
    **more: Any,
) -> dict[str, Any]:
    """Return the contents of a run's config.json, which are also the start of its model card.

    train: its settings. spec: the input of its network. data: what it learns from. init_from: folder of the
    model that it starts from. device, precision: resolved names. more: entries of one kind of training.
    """
    from forge_core.learning.checkpoints import weights_digest

    return {
        "train": dict(train),
        "spec": spec.to_dict(),
        "data": dict(data),
        "init_from": init_from,
        "parent_weights": weights_digest(init_from) if init_from else None,
        "model_version": model_version,
        **more,
        **describe_machine(device, precision),
    }


def describe_machine(device: str, precision: str) -> dict[str, Any]:
    """Return the entries of config.json that describe the machine. device, precision: resolved names."""
    import torch

    return {
        "device": device_name(device),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,  # includes the build, unlike the version of the package
            **{name: version(name) for name in ("forge", "lightning", "numpy")},
        },
    }


def write_curve(folder: Path, points: Sequence[Point]) -> None:
    """Write metrics.csv atomically, with all points so far. A figure that a point lacks is an empty cell."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for point in reversed(points) for key in point))  # the last has most
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(points)
    Store(str(folder)).write(CURVE, text.getvalue().encode())


class Progress:
    """The curve of a run and the time it has used; part of the checkpoint.

    At each evaluation, `add` its point, call `write_curve`, save the network if it is the best so far,
    save a checkpoint that includes `state_dict()`, and stop if `is_time_over()`. With this order, all
    that a checkpoint refers to is on disk, and a resumed run rewrites whatever a killed run wrote after its
    last checkpoint.
    """

    def __init__(self, goal: str, until: float | None = None) -> None:
        """goal: the figure by which evaluations are compared; lower is better. until: the time.monotonic() by
        which the run must stop; None for no limit."""
        self.goal = goal
        self.rows = 0
        """number of rows trained on; the training loop counts them here"""
        self.points: list[Point] = []
        self._until, self._evaluated = until, time.monotonic()
        self._spent = {"seconds": 0.0, "cpu_seconds": 0.0}
        self._clocks = _read_clocks()

    @property
    def best(self) -> Point:
        """The point with the lowest goal. Raises ValueError if there is none yet."""
        return min(self.points, key=lambda point: point[self.goal])

    def add(self, step: int, figures: Mapping[str, float]) -> tuple[Point, bool]:
        """Add the evaluation after `step`; return its point, and True if it is the best so far."""
        self._count_time()
        costs = {name: round(value, 3) for name, value in self._spent.items()}
        point: Point = {"step": step, "rows": self.rows, **costs, **figures}
        is_best = point[self.goal] < min((p[self.goal] for p in self.points), default=float("inf"))
        self.points.append(point)
        return point, is_best

    def is_time_over(self) -> bool:
        """Return True if the next evaluation would be too late, assuming it takes as long as this one."""
        now = time.monotonic()
        took, self._evaluated = now - self._evaluated, now
        return self._until is not None and now + took > self._until

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"points": self.points, "rows": self.rows, "spent": self._spent}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state from a checkpoint, dropping points that were added after it."""
        self.points, self.rows, self._spent = state["points"], state["rows"], dict(state["spent"])
        self._clocks = _read_clocks()

    def _count_time(self) -> None:
        now = _read_clocks()
        for name in self._spent:
            self._spent[name] += now[name] - self._clocks[name]
        self._clocks = now


def _read_clocks() -> dict[str, float]:
    return {"seconds": time.perf_counter(), "cpu_seconds": time.process_time()}
