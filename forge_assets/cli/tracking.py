"""The tracker of `forge-pipeline train`."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any


class DeferredTracker:
    """A TrainingTracker that is built when training begins: importing Dagster and MLflow takes a second."""

    def check(self) -> None:
        """Raise BadInput if MLFLOW_TRACKING_URI is no address at which MLflow keeps records."""
        from forge_assets.tracking.address import default_address

        default_address()

    def follow(self, *arguments: Any) -> AbstractContextManager[Any]:
        """See `forge_core.learning.labelled.teaching.Tracking`."""
        from forge_assets.tracking.tracker import Tracker
        from forge_assets.tracking.training import TrainingTracker

        return TrainingTracker(Tracker()).follow(*arguments)
