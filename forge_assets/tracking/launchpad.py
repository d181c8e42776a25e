"""The setting by which an asset is told which network to use: the latest one, an alias, or a folder."""

from __future__ import annotations

import dagster as dg
from pydantic import Field

from forge_assets.games import find_model
from forge_assets.materializations import latest_record
from forge_assets.run_config import asset_key
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput

LATEST = "latest"


class ModelLaunchpad(dg.Config):
    """The network to use."""

    model: str = Field(
        default=LATEST,
        description="latest: the network that was trained last; challenger or champion: of the registry; or "
        "a folder, such as models/... of the project",
    )

    def find(self, context: dg.AssetExecutionContext, objective: str, tracker: Tracker) -> str:
        """Return the folder of the network. Raises BadInput where there is none, TrackerUnusable."""
        if self.model != LATEST:
            return resolve_model(self.model, objective, tracker)
        _, kind = find_model(objective)
        record = latest_record(context.instance, asset_key(kind.asset), kind.partition)
        if not record:
            such_as = f", such as {kind.reference}" if kind.reference else ""
            missing = f"{kind.asset} has no {objective} network yet"
            raise BadInput(f"{missing}: materialize it first, or name another model{such_as}")
        return str(record.metadata["model"].value)
