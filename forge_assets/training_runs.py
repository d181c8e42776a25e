"""Training runs of assets: their folders, tags and results.

Each run has its own folder, named by a fingerprint of its settings and data. If the same run is started
again, a finished run is found, and an interrupted one continues from its checkpoint.
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
"""file in the folder of a finished run"""


def run_folder(runs: str, name: str | None, stem: str, asked: Mapping[str, Any]) -> Path:
    """Return the folder of a run, which is the same for the same settings, data and code.

    runs: folder of all runs. name: name chosen by the user; if None, `stem` followed by a fingerprint of
    `asked`, which holds JSON types.
    """
    from forge_core.files import fingerprint

    return runs_folder(runs) / (name or f"{stem}-{fingerprint(asked)[:8]}")


def run_tags(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Return the MLflow tags that link a training run to the Dagster run that started it."""
    tags = {"dagster.run_id": context.run.run_id, "dagster.asset": context.asset_key.to_user_string()}
    asked_by = {name: tag for name, tag in context.run.tags.items() if name.startswith("forge/")}
    return tags | {name.replace("/", "."): tag for name, tag in asked_by.items()}


def keep_result(folder: Path, result: TrainResult, more: Mapping[str, Any] | None = None) -> None:
    """Store the result of a finished run. more: further entries, JSON types by name."""
    from forge_core.files import Store

    record = {"result": asdict(result), **(more or {})}
    Store(str(folder)).write(RESULT, json.dumps(record, indent=2).encode())


def find_result(folder: Path) -> tuple[TrainResult, dict[str, Any]] | None:
    """Return the record of `keep_result`; None if the run has not finished, or the record is damaged."""
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
