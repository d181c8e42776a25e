"""Figures of networks that earlier runs have recorded in MLflow, by the digest of their weights."""

from __future__ import annotations

from forge_assets.games import all_games
from forge_assets.lineage.models import ModelFinder
from forge_assets.tracking.errors import mlflow_errors
from forge_assets.tracking.tracker import Tracker


def recorded_figure(tracker: Tracker, weights: str, name: str) -> float | None:
    """Return the last figure of a name that the run of a network has; None: it was not tracked, or has none.

    Raises TrackerUnusable.
    """
    models = ModelFinder(tracker, all_games())
    found, client = models.tracked(None, weights, None), models.client()
    if found is None or client is None:
        return None
    with mlflow_errors(tracker.address()):
        return client.get_run(found.run_id).data.metrics.get(name)
