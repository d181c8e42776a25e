"""Training runs of assets: where they are kept, who asked for them, and how they ended.

Each run has its own folder, named by a fingerprint of its settings and data. If the same run is asked for
again, a finished one is found, and an interrupted one continues from its checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from forge_assets.resources import runs_folder

if TYPE_CHECKING:
    from forge_core.learning.runs import TrainResult

RESULT = "result.json"
"""in the folder of a run that has come to its end"""


def run_folder(runs: str, name: str | None, stem: str, asked: Mapping[str, Any]) -> Path:
    """Return the folder of a run: the same folder for the same settings, data and code.

    runs: folder of all runs. name: chosen by the user; None: `stem` and a fingerprint of `asked`, JSON types.
    """
    from forge_core.files import fingerprint

    return runs_folder(runs) / (name or f"{stem}-{fingerprint(asked)[:8]}")


def run_tags(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Return the tags in MLflow that lead from a training to the run of Dagster that asked for it."""
    tags = {"dagster.run_id": context.run.run_id, "dagster.asset": context.asset_key.to_user_string()}
    asked_by = {name: tag for name, tag in context.run.tags.items() if name.startswith("forge/")}
    return tags | {name.replace("/", "."): tag for name, tag in asked_by.items()}


def keep_result(folder: Path, result: TrainResult, more: Mapping[str, Any] | None = None) -> None:
    """Store the end of a run. more: JSON types by name."""
    from forge_core.files import Store

    record = {"result": asdict(result), **(more or {})}
    Store(str(folder)).write(RESULT, json.dumps(record, indent=2).encode())


def find_result(folder: Path) -> tuple[TrainResult, dict[str, Any]] | None:
    """Return what `keep_result` stored; None if the run has not come to its end, or its record is damaged."""
    from forge_core.files import Store
    from forge_core.learning.runs import TrainResult

    place = Store(str(folder))
    if not place.exists(RESULT):
        return None
    try:
        record = place.read_json(RESULT)
        return TrainResult(**record.pop("result")), record
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
