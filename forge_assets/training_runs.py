"""Training runs of assets: their folders, tags and results.

Each run has its own folder, named by a fingerprint of its settings and data. If the same run is started
again, a finished run is found, and an interrupted one continues from its checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.folders import RESULT, runs_folder
from forge_core.errors import BadInput
from forge_core.learning.folders import run_name

if TYPE_CHECKING:
    from forge_core.learning.runs import TrainResult


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run and its folder, where it may have been started or finished before."""

    folder: Path
    asked: Mapping[str, Any]
    """everything that its network depends on: `train` (settings), `data`, `init_from`, `code`; JSON types"""


def plan_run(runs: str, name: str | None, stem: str, asked: Mapping[str, Any]) -> PlannedRun:
    """Return a run, whose folder is the same for the same settings, data and code.

    runs: folder of all runs. name: name chosen by the user; if None, `stem` followed by a fingerprint of
    `asked`: see PlannedRun.
    """
    return PlannedRun(runs_folder(runs) / (name or run_name(stem, asked)), asked)


def run_tags(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Return the MLflow tags that link a training run to the Dagster run that started it."""
    tags = {"dagster.run_id": context.run.run_id, "dagster.asset": context.asset_key.to_user_string()}
    asked_by = {name: tag for name, tag in context.run.tags.items() if name.startswith("forge/")}
    return tags | {name.replace("/", "."): tag for name, tag in asked_by.items()}


def keep_result(run: PlannedRun, result: TrainResult, more: Mapping[str, Any] | None = None) -> None:
    """Store the result of a finished run. more: further entries, JSON types by name."""
    from forge_core.files import Store

    record = {"result": asdict(result), "asked": dict(run.asked), **(more or {})}
    Store(str(run.folder)).write(RESULT, json.dumps(record, indent=2).encode())


def find_result(run: PlannedRun) -> tuple[TrainResult, dict[str, Any]] | None:
    """Return the record of `keep_result`; None if the run has not finished, or the record is damaged.

    Raise BadInput if a run with other settings, data or code has finished in its folder.
    """
    from forge_core.files import Store
    from forge_core.learning.runs import TrainResult, find_difference

    place, now = Store(str(run.folder)), json.loads(json.dumps(run.asked))
    if not place.exists(RESULT):
        return None
    try:
        record = place.read_json(RESULT)
        result = TrainResult(**record.pop("result"))
        before = dict(record.pop("asked", now))  # records of older versions of Forge lack it
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if differing := find_difference(before, now, tuple(now)):
        raise BadInput(
            f"the run in {run.folder} has finished, and differs in {differing}: choose another name, or the "
            "settings of that run"
        )
    return result, record
