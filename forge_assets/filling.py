"""Runs that fill several partitions: each is recorded as soon as it is complete.

So what was finished when a run is killed stays known, and one that failed fails alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import dagster as dg

if TYPE_CHECKING:
    from forge_core.texas42.oracle.shards import ShardKey


class Report(Protocol):
    """What became of one file."""

    @property
    def key(self) -> ShardKey:
        """Which."""
        ...


AnyReport = TypeVar("AnyReport", bound=Report)


def completed(
    wanted: Mapping[str, Sequence[ShardKey]], reports: Iterable[AnyReport]
) -> Iterator[tuple[str, list[AnyReport]]]:
    """Each partition of `wanted` with its reports, good or bad, as soon as the last of them has come."""
    partition_of = {key: partition for partition, keys in wanted.items() for key in keys}
    come: dict[str, list[AnyReport]] = defaultdict(list)
    for report in reports:
        partition = partition_of[report.key]
        come[partition].append(report)
        if len(come[partition]) == len(wanted[partition]):
            yield partition, come.pop(partition)


def materialization(
    context: dg.AssetExecutionContext,
    partition: str,
    code_version: str,
    data_version: str,
    metadata: Mapping[str, Any],
    input_versions: Mapping[str, str] | None = None,
) -> dg.AssetMaterialization:
    """The event that says a partition is complete, for `context.log_event`.

    Events logged by hand carry no versions of their own: without such tags Dagster would
    never see that the code, the data, or what they rest on (see `input_versions`), has changed.
    """
    versions = {"dagster/code_version": code_version, "dagster/data_version": data_version}
    return dg.AssetMaterialization(
        asset_key=context.asset_key,
        partition=partition,
        metadata=metadata,
        tags={**versions, **(input_versions or {})},
    )


def input_versions(
    context: dg.AssetExecutionContext, upstream: dg.AssetKey, partition: str
) -> dict[str, str]:
    """Tags that say which materialization of a partition upstream this run finds."""
    wanted = dg.AssetRecordsFilter(upstream, asset_partitions=[partition])
    found = context.instance.fetch_materializations(wanted, limit=1).records
    name = upstream.to_user_string()
    version = (found[0].asset_materialization.tags or {}).get("dagster/data_version") if found else None
    return {
        f"dagster/input_data_version/{name}": version or "INITIAL",
        f"dagster/input_event_pointer/{name}": str(found[0].storage_id) if found else "NULL",
    }
