"""Runs in this process, without a daemon or a queue; the instance records them like any others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from forge_assets.dagster_internals import runs_of_location
from forge_assets.run_config import asset_key, default_definitions, run_config

DEFINITIONS, LOCATION = "forge_assets.definitions", "forge"
"""module and name of the code location in workspace.yaml"""


def materialize_here(
    asset: str,
    instance: dg.DagsterInstance,
    tags: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    definitions: dg.Definitions | None = None,
) -> dg.ExecuteInProcessResult:
    """Materialize one asset in this process; its log goes to the instance, not to the terminal.

    asset: `name` or `prefix/name`. tags: run tags; those of `block_range` select a range of partitions.
    settings: settings of the asset. resources: settings by resource name. definitions: the project's by
    default.
    """
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job = default_definitions(definitions).resolve_implicit_global_asset_job_def()
    with runs_of_location(instance, DEFINITIONS, LOCATION):
        return job.execute_in_process(
            asset_selection=[asset_key(asset)],
            instance=instance,
            tags={"dagster/max_retries": "0"} | dict(tags or {}),  # the caller decides whether to retry
            run_config=quiet | run_config(asset, settings, resources, definitions),
            raise_on_error=False,
        )
