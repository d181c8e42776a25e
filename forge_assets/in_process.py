"""Runs in this process: recorded in the instance as any others, without a daemon or a queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from forge_assets.definitions import defs


def materialize_here(
    asset: str,
    instance: dg.DagsterInstance,
    tags: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """One run of one asset in this process; what it logs goes to the instance, not to the terminal.

    tags: those of `block_range` for a rectangle of partitions. settings: of the asset.
    """
    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if settings:
        config["ops"] = {asset: {"config": dict(settings)}}
    if resources:
        config["resources"] = {name: {"config": value} for name, value in resources.items()}
    return defs.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[dg.AssetKey(asset)],
        instance=instance,
        tags={"dagster/max_retries": "0"} | dict(tags or {}),  # whoever asked is here, and may ask again
        run_config=config,
        raise_on_error=False,
    )
