"""Partitions of runs of assets, and what Dagster recorded about these runs."""

from __future__ import annotations

from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from forge_assets.dagster_internals import RANGE_END, RANGE_START
from forge_assets.definitions import defs


def partition_range(first: str, last: str | None = None) -> dict[str, str]:
    """Return the run tags that select the partitions first..last; only the first by default."""
    return {RANGE_START: first, RANGE_END: last or first}


def materializations(instance, asset: str) -> dict[str, list[dg.AssetMaterialization]]:
    """Return every materialization event of an asset by partition, latest first."""
    records = instance.fetch_materializations(dg.AssetKey.from_user_string(asset), limit=1000).records
    found: dict[str, list[dg.AssetMaterialization]] = {}
    for record in records:
        found.setdefault(record.partition_key, []).append(record.asset_materialization)
    return found


def metadata_of(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    """Return the metadata of the one partition that a run made."""
    (event,) = result.asset_materializations_for_node(asset)
    return {name: entry.value for name, entry in event.metadata.items()}


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Return the check results of a run by name."""
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def reason_of(result: dg.ExecuteInProcessResult) -> str:
    """Return the reason why a run failed."""
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return failures[0].user_failure_data.description


def stale_status(definitions: dg.Definitions, instance, asset: str, partition=None) -> StaleStatus:
    """Return whether Dagster calls an asset, or one of its partitions, stale."""
    graph = definitions.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return resolver.get_status(dg.AssetKey(asset), partition)


def with_code_versions(suffix: str) -> dg.Definitions:
    """Return the definitions with the code versions they would have after an algorithm changed."""
    return defs.map_asset_specs(
        func=lambda spec: spec.replace_attributes(code_version=f"{spec.code_version}{suffix}")
    )
