"""The setting that chooses an asset's network: the latest one, an alias, or a folder."""

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
    """Setting of the network to use."""

    model: str = Field(
        default=LATEST,
        description="Network to use: latest (the one trained last), challenger or champion from the "
        "registry, or a folder relative to the project, such as models/NAME.",
    )

    def find(self, context: dg.AssetExecutionContext, objective: str, tracker: Tracker) -> str:
        """Return the folder of the network.

        Raise BadInput if there is none, TrackerUnusable if MLflow fails.
        """
        if self.model != LATEST:
            return resolve_model(self.model, objective, tracker)
        _, kind = find_model(objective)
        record = latest_record(context.instance, asset_key(kind.asset), kind.partition)
        if not record:
            such_as = f", such as {kind.reference}" if kind.reference else ""
            missing = f"{kind.asset} has no {objective} network yet"
            raise BadInput(f"{missing}: materialize it first, or choose another model{such_as}")
        return str(record.metadata["model"].value)
