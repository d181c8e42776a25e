"""Links from Dagster to MLflow: from the run of an asset to the MLflow run that it created or extended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from forge_assets.tracking.runs import TrackedRun
from forge_assets.tracking.tracker import Tracker


def link_run(context: dg.AssetExecutionContext, run: TrackedRun) -> dict[str, Any]:
    """Tag this Dagster run with an MLflow run, and return metadata that links to it."""
    context.instance.add_run_tags(context.run.run_id, {"mlflow_run_id": run.run_id})
    return {"mlflow_run_id": run.run_id, "mlflow_url": dg.MetadataValue.url(run.url)}


def link_training(context: dg.AssetExecutionContext, folder: str | Path, tracker: Tracker) -> dict[str, Any]:
    """Do the same as `link_run` for the MLflow run of a training folder; return {} if there is none."""
    run = tracker.reopen(folder)
    return link_run(context, run) if run else {}
