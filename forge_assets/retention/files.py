"""Files that are not needed: folders and checkpoints of training runs, fetched models, temporary files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from forge_assets.folders import RESULT
from forge_assets.retention.items import (
    CHECKPOINT,
    DAY_S,
    FETCHED,
    FOLDER,
    TEMPORARY,
    Item,
    Places,
    size_of,
)
from forge_assets.retention.models import Models
from forge_assets.tracking.tracker import TRACKING
from forge_core.files import Store


def find_training_files(places: Places, before: float, models: Models) -> Iterator[Item]:
    """Yield folders of runs that are not needed, checkpoints of finished runs, and models fetched from the
    registry that are no longer needed. before: seconds since 1970."""
    unneeded = {item.name for item in models.items(before)}
    for folder in _folders(places.runs):
        last = _last_change(folder)
        if last >= before or Store(str(folder)).is_held():
            continue
        if _tracked_as(folder) in unneeded and str(folder / "model") not in models.paths:
            yield Item(FOLDER, str(folder), folder.name, size_of(folder), last)
        elif _is_over(folder) and (checkpoint := folder / "checkpoints" / "last.ckpt").exists():
            yield Item(CHECKPOINT, str(checkpoint), folder.name, checkpoint.stat().st_size, last)
    for folder in _folders(places.runs / "registered"):
        last = _last_change(folder)
        is_needed = folder.name in models.named or any(str(folder) in path for path in models.paths)
        if last < before and not is_needed:
            yield Item(FETCHED, str(folder), folder.name, size_of(folder), last)


def find_temporaries(places: Places, now: float) -> Iterator[Item]:
    """Yield the temporary files that killed writers left in the store and in the folder of runs."""
    roots = [places.runs, *([Path(places.store.url)] if places.store.is_local else [])]
    for folder in (folder for place in roots for folder in _all_folders(place)):
        for name in Store(str(folder)).abandoned(DAY_S, now):
            status = (folder / name).stat()
            yield Item(TEMPORARY, str(folder / name), folder.name, status.st_size, status.st_mtime)


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    named = (path for path in place.iterdir() if not path.name.startswith(".") and path.name != "registered")
    return sorted(path for path in named if path.is_dir() and not path.is_symlink())


def _all_folders(place: Path) -> list[Path]:
    return [place, *(path for path in place.rglob("*") if path.is_dir())] if place.is_dir() else []


def _last_change(folder: Path) -> float:
    return max((path.stat().st_mtime for path in folder.rglob("*") if path.is_file()), default=0.0)


def _tracked_as(folder: Path) -> str | None:
    """Return the id of the MLflow run of a training folder; None if it was not tracked."""
    store = Store(str(folder))
    if not store.exists(TRACKING):
        return None
    try:
        return str(store.read_json(TRACKING)["run_id"])
    except (ValueError, KeyError, TypeError):
        return None


def _is_over(folder: Path) -> bool:
    """Return True if a run has reached its last step, so that it will not resume from its checkpoint."""
    import csv

    store = Store(str(folder))
    if store.exists(RESULT):
        return True
    if not (store.exists("config.json") and store.exists("metrics.csv")):
        return False
    try:
        steps = int(store.read_json("config.json")["train"]["recipe"]["steps"])
        lines = list(csv.DictReader(store.read("metrics.csv").decode().splitlines()))
        return bool(lines) and int(lines[-1]["step"]) >= steps
    except (ValueError, KeyError, TypeError):
        return False
