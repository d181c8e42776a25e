"""What `forge-pipeline train` is given to keep track by."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any


class DeferredTracker:
    """A TrainingTracker that is made when a run begins: Dagster and MLflow take a second to import."""

    def follow(self, *asked: Any) -> AbstractContextManager[Any]:
        """See forge_core.texas42.cli.train.Tracking."""
        from forge_assets.tracking.tracker import Tracker
        from forge_assets.tracking.training import TrainingTracker

        return TrainingTracker(Tracker()).follow(*asked)
