"""Items that may be removed, and the places that are searched for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from forge_assets.folders import runs_folder
from forge_assets.games import Game, all_games
from forge_assets.tracking.tracker import Tracker
from forge_core.files import Store

DAY_S = 86_400.0

DAGSTER_RUN, MLFLOW_RUN = "dagster run", "mlflow run"
FOLDER, CHECKPOINT, FETCHED, TEMPORARY = "training folder", "checkpoint", "fetched model", "temporary"


@dataclass(frozen=True, slots=True)
class Item:
    """An item that may be removed."""

    kind: str
    """one of the kinds above"""
    name: str
    """id or path"""
    of: str
    """what it belongs to: the assets, run or folder, by name"""
    nbytes: int
    """size on this disk; 0 if it is in a database or on another machine"""
    last: float
    """time of the last change, seconds since 1970"""

    def to_dict(self) -> dict[str, Any]:
        """Return the item as JSON types."""
        return {**asdict(self), "last": datetime.fromtimestamp(self.last, UTC).isoformat(timespec="seconds")}


@dataclass(frozen=True, slots=True)
class Places:
    """The places that are searched."""

    instance: dg.DagsterInstance
    tracker: Tracker
    store: Store
    """root of the store"""
    runs: Path = field(default_factory=runs_folder)
    """folder of the training runs"""
    games: tuple[Game, ...] = field(default_factory=all_games)
    """games whose networks are looked up in MLflow"""


def by_kind(items: Iterable[Item]) -> dict[str, list[Item]]:
    """Group items by their kind."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.kind, []).append(item)
    return found


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
