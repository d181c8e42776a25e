"""Links between Dagster and MLflow: from a run of an asset to the run in MLflow that it made or added to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from forge_assets.tracking.runs import TrackedRun
from forge_assets.tracking.tracker import Tracker


def link_run(context: dg.AssetExecutionContext, run: TrackedRun) -> dict[str, Any]:
    """Tag this run of Dagster with a run in MLflow, and return the metadata that leads there."""
    context.instance.add_run_tags(context.run.run_id, {"mlflow_run_id": run.run_id})
    return {"mlflow_run_id": run.run_id, "mlflow_url": dg.MetadataValue.url(run.url)}


def link_training(context: dg.AssetExecutionContext, folder: str | Path, tracker: Tracker) -> dict[str, Any]:
    """Do the same for the run of a training folder; without one return no metadata."""
    run = tracker.reopen(folder)
    return link_run(context, run) if run else {}
