"""Staleness of the assets that are not inspected file by file, by Dagster's rules."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import dagster as dg

from forge_assets.dagster_internals import DATA_VERSION, Cause, StaleCauses, latest_event_ids, latest_tags
from forge_assets.gaps.report import StaleAsset
from forge_assets.materializations import latest_record

if TYPE_CHECKING:
    from forge_assets.dagster_internals import AssetGraph

_COMPARED_BELOW = 100
"""number of upstream partitions below which Dagster compares data versions itself
(SKIP_PARTITION_DATA_VERSION_DEPENDENCY_THRESHOLD)"""


def find_stale(
    instance: dg.DagsterInstance, graph: AssetGraph, partitioned: Collection[str], inspected: Collection[str]
) -> Iterator[StaleAsset]:
    """Yield every asset that is not up to date, in the order in which they are made.

    partitioned: keys of the assets whose files are inspected one by one; of these, only those that were
    neither inspected nor ever made are yielded. inspected: keys of the inspected ones. All other assets are
    stale if Dagster says so, or if some of their 100 or more upstream partitions have changed, which
    Dagster does not check.
    """
    causes = StaleCauses(instance, graph)
    for key in graph.toposorted_asset_keys:
        name, cut = key.to_user_string(), graph.get(key).partitions_def
        if name in partitioned:
            if name not in inspected and not instance.get_latest_materialization_event(key):
                yield StaleAsset(name, None, ())
            continue
        for partition in cut.get_partition_keys() if cut else [None]:
            found = causes.find(key, partition)
            if found is None:
                yield StaleAsset(name, partition, ())
                continue
            reasons = [_sentence(cause) for cause in found]
            reasons += changed_upstream(instance, graph, key, partition)
            if reasons:
                yield StaleAsset(name, partition, tuple(dict.fromkeys(reasons)))


def _sentence(cause: Cause) -> str:
    """Return the text of a cause: `has a new dependency data version: shard_catalog`."""
    if cause.asset is None:
        return cause.reason
    behind = "" if cause.asset in cause.reason else f": {cause.asset}"
    return f"{cause.reason}{behind}{'' if cause.partition is None else f'[{cause.partition}]'}"


def changed_upstream(
    instance: dg.DagsterInstance, graph: AssetGraph, key: dg.AssetKey, partition: str | None
) -> Iterator[str]:
    """Yield a sentence for each upstream asset with many partitions that changed since `key` was made."""
    record = latest_record(instance, key, partition)
    for parent in sorted(graph.get(key).parent_keys):
        above = graph.get(parent).partitions_def
        if record is None or above is None or above.get_num_partitions() < _COMPARED_BELOW:
            continue
        later = sorted(latest_event_ids(instance, parent, after=record.storage_id))
        if later and parent not in _mapped_to_few(graph, key):
            now = latest_tags(instance, parent, DATA_VERSION, later)
            then = latest_tags(instance, parent, DATA_VERSION, later, before=record.storage_id)
            changed = sum(now[name] != then[name] for name in later)
            if changed:
                noun = "partition" if changed == 1 else "partitions"
                verb = "is" if changed == 1 else "are"
                yield f"{changed:,} {noun} of {parent.to_user_string()} {verb} newer"


def _mapped_to_few(graph: AssetGraph, key: dg.AssetKey) -> set[dg.AssetKey]:
    """Return the parents of which only specific partitions are read; Dagster compares those itself."""
    mappings = graph.get(key).partition_mappings
    few = (dg.SpecificPartitionsPartitionMapping, dg.StaticPartitionMapping)
    return {parent for parent, mapping in mappings.items() if isinstance(mapping, few)}
