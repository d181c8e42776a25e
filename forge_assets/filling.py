"""Runs that fill several partitions and record each one as soon as it is complete.

Partitions that finish before a run is killed stay recorded, and a failed partition does not affect others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import dagster as dg

from forge_assets.dagster_internals import (
    CODE_VERSION,
    DATA_VERSION,
    INPUT_POINTER,
    INPUT_VERSION,
    RANGE_END,
    RANGE_START,
)
from forge_assets.materializations import latest_record


def requested_partitions(context: dg.AssetExecutionContext) -> Sequence[str]:
    """Return the partitions of a run, at least one. Raises Failure if its range is empty.

    A range whose start comes after its end, or whose ends do not exist, contains no partition; a run of it
    would do nothing, and yet its checks would pass.
    """
    partitions = context.partition_keys
    if not partitions:
        ends = [context.run.tags.get(tag, "?") for tag in (RANGE_START, RANGE_END)]
        raise dg.Failure(
            f"the range of partitions from {ends[0]} to {ends[1]} contains none: "
            "start it with the earlier partition",
            allow_retries=False,
        )
    return partitions


class Report(Protocol):
    """The outcome of making one file."""

    @property
    def key(self) -> Hashable:
        """Key of the file."""
        ...


AnyReport = TypeVar("AnyReport", bound=Report)


def completed(
    wanted: Mapping[str, Sequence[Hashable]], reports: Iterable[AnyReport]
) -> Iterator[tuple[str, list[AnyReport]]]:
    """Yield each partition with its reports, of success or failure, as soon as the last report arrives.

    wanted: partition -> keys of its files.
    """
    partition_of = {key: partition for partition, keys in wanted.items() for key in keys}
    reported: dict[str, list[AnyReport]] = defaultdict(list)
    for report in reports:
        partition = partition_of[report.key]
        reported[partition].append(report)
        if len(reported[partition]) == len(wanted[partition]):
            yield partition, reported.pop(partition)


def fail_if_any(failed: Mapping[str, str], total: int, noun: str) -> None:
    """Raise Failure if anything of a run failed.

    failed: name of a file or partition -> reason. total: number of those of the run. noun: for what they are,
    in the plural.
    """
    if failed:
        name, reason = next(iter(failed.items()))
        raise dg.Failure(
            f"{len(failed)} of {total} {noun} failed; the others are complete; {name}: {reason}",
            metadata={"failed": dict(failed)},
        )


def materialization(
    context: dg.AssetExecutionContext,
    partition: str,
    code_version: str,
    data_version: str,
    metadata: Mapping[str, Any],
    input_versions: Mapping[str, str] | None = None,
) -> dg.AssetMaterialization:
    """Return the event that records a complete partition, for `context.log_event`.

    Dagster adds no versions to events that are logged this way: without these tags it would not notice
    changes of the code, the data, or the upstream data (see `input_versions`).
    """
    return dg.AssetMaterialization(
        asset_key=context.asset_key,
        partition=partition,
        metadata=metadata,
        tags={CODE_VERSION: code_version, DATA_VERSION: data_version, **(input_versions or {})},
    )


def input_versions(
    context: dg.AssetExecutionContext, upstream: dg.AssetKey, partition: str
) -> dict[str, str]:
    """Return the tags that name the latest materialization of an upstream partition at this moment."""
    found, name = latest_record(context.instance, upstream, partition), upstream.to_user_string()
    return {
        f"{INPUT_VERSION}{name}": (found and found.data_version) or "INITIAL",
        f"{INPUT_POINTER}{name}": str(found.storage_id) if found else "NULL",
    }
