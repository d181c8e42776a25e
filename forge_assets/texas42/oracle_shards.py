"""Solved deals on disk: the three assets that fill the store with shards.

A run solves the deals of all its partitions together, hard ones first and on all cores, and records each
partition as soon as its last shard is done: partitions that finish before a run is killed stay recorded.
Shards that are already in the store are not made again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field

from forge_assets.checks import partition_check, report_partition
from forge_assets.filling import completed, fail_if_any, materialization, requested_partitions
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.partitions import golden_keys, golden_partitions, shard_keys, shard_partitions
from forge_assets.texas42.tables import STATES
from forge_core.errors import ForgeError, is_damaged
from forge_core.texas42.folders import GOLDEN_SHARDS, MARGINALIZED_SHARDS, STANDARD_SHARDS
from forge_core.texas42.settings.shards import MarginalizedSettings, ShardSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, ShardReport


CHECKS = {
    "every_deal_solved": "no deal was dropped",
    "shards_read_back": "one old and one new shard, if there are any, can be read back: row count, values in "
    "range, V = the best legal Q, weights that sum to the number of states; the others are verified when "
    "they are used",
}


class ShardLaunchpad(config_of(ShardSettings)):
    """Settings of shards: the states to draw from each solved deal, and the check of existing files."""


class Declarations(dg.Config):
    """Setting that selects the deals of a partition."""

    declarations: Literal["one", "all"] = Field(
        "one",
        description="one: the seeds of the block whose seed % 10 is the declaration; all: every seed",
    )


class BlockLaunchpad(Declarations, config_of(ShardSettings)):
    """Settings of shards, and the deals of a partition."""


class MarginalizedLaunchpad(Declarations, config_of(MarginalizedSettings)):
    """Settings of shards, the deals of a partition, and the number of deals per base hand."""


def shard_asset(name: str, partitions: dg.PartitionsDefinition):
    """Return the decorator of an asset that fills partitions with shards."""
    return dg.asset(
        name=name,
        group_name=groups.ORACLE,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        code_version=versions.SHARDS,
        output_required=False,  # each partition is recorded when it is done, not at the end
        pool=COMPUTE_POOL,
        kinds={"parquet"},
        metadata=columns_of(STATES),
        check_specs=[
            partition_check(name, check, description, partitions) for check, description in CHECKS.items()
        ],
    )


@shard_asset("oracle_shards", shard_partitions)
def oracle_shards(
    context: dg.AssetExecutionContext, config: BlockLaunchpad, store: ShardStore, compute: ComputeDevice
) -> Iterator[dg.AssetCheckResult]:
    """One Parquet file per completely solved deal: states, V and Q. A partition holds five files."""
    with failing_plainly():
        settings = config.settings()
        wanted = {key: shard_keys(key, config.declarations) for key in requested_partitions(context)}
    yield from fill_partitions(context, STANDARD_SHARDS, wanted, settings, store, compute)


@shard_asset("marginalized_shards", shard_partitions)
def marginalized_shards(
    context: dg.AssetExecutionContext,
    config: MarginalizedLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
) -> Iterator[dg.AssetCheckResult]:
    """Solved deals of each base hand with several deals of the other hands: the value of a hand to a player
    who sees only that hand."""
    with failing_plainly():
        settings = config.settings()
        wanted = {
            key: shard_keys(key, config.declarations, settings.opponents)
            for key in requested_partitions(context)
        }
    yield from fill_partitions(context, MARGINALIZED_SHARDS, wanted, settings, store, compute)


@shard_asset("golden_shards", golden_partitions)
def golden_shards(
    context: dg.AssetExecutionContext, config: ShardLaunchpad, store: ShardStore, compute: ComputeDevice
) -> Iterator[dg.AssetCheckResult]:
    """The fixed benchmark: solved deals of a few val and test seeds, under every declaration."""
    with failing_plainly():
        settings = config.settings()
        wanted = {key: golden_keys(key) for key in requested_partitions(context)}
    yield from fill_partitions(context, GOLDEN_SHARDS, wanted, settings, store, compute)


def fill_partitions(
    context: dg.AssetExecutionContext,
    folder: str,
    wanted: "Mapping[str, list[ShardKey]]",
    settings: ShardSettings,
    store: ShardStore,
    compute: ComputeDevice,
) -> Iterator[dg.AssetCheckResult]:
    """Make the shards of each partition, and record each partition when it is complete.

    Raise dg.Failure at the end if a deal failed: its partition stays missing, all others are recorded.
    """
    from forge_core.texas42.oracle.shards import ShardConfig, fill_shards

    unsolved: dict[str, str] = {}
    unsound: dict[str, str] = {}
    n_deals, n_made, n_read = sum(map(len, wanted.values())), 0, 0
    with failing_plainly():
        place, config = store.root().join(folder), ShardConfig(settings.rows, settings.sample_seed)
        keys = [key for of_one in wanted.values() for key in of_one]
        filling = fill_shards(place, keys, config, compute.device, compute.workers, verify=settings.verify)
        with closing(filling) as reports:  # a cancelled run finishes the file it is writing
            for partition, done in completed(wanted, reports):
                failed = {report.key.filename: str(report.error) for report in done if report.error}
                sound = [report for report in done if not report.error]
                some = {report.made: report.key for report in reversed(sound)}  # one old, one new
                found = {key.filename: read_back(place, key) for key in some.values()}
                faults = {filename: fault for filename, fault in found.items() if fault}
                n_made += sum(report.made for report in done)
                n_read += bool(some)
                unsolved |= failed
                unsound |= faults
                if not (failed or faults):
                    context.log_event(record(context, partition, done, config, place))
                of_checks = dict(zip(CHECKS, (failed, faults), strict=True))
                report_partition(context, partition, CHECKS, of_checks)
    yield dg.AssetCheckResult(
        check_name="every_deal_solved",
        passed=not unsolved,
        metadata={"deals": n_deals, "made": n_made, "failed": unsolved},
    )
    yield dg.AssetCheckResult(
        check_name="shards_read_back",
        passed=not unsound and n_read == len(wanted),
        metadata={"partitions": len(wanted), "read": n_read, "unsound": unsound},
    )
    fail_if_any(unsolved | unsound, n_deals, "deals")


def read_back(folder: "Store", key: "ShardKey") -> str | None:
    """Return the fault of a shard on disk, None if it is sound. Delete a damaged shard so it is remade."""
    from forge_core.texas42.oracle.shards import read_shard

    try:
        read_shard(folder, key)
    except ForgeError as error:
        if is_damaged(error):
            folder.join(key.split).delete(key.filename)
        return str(error)
    return None


def record(
    context: dg.AssetExecutionContext,
    partition: str,
    reports: "list[ShardReport]",
    config: "ShardConfig",
    place: "Store",
) -> dg.AssetMaterialization:
    """Return the materialization of a complete partition."""
    from forge_core.texas42.oracle.shards import settings_made

    made = [report for report in reports if report.made]
    seconds = sum(report.seconds for report in made)
    metadata: dict[str, Any] = {
        "made": len(made),
        "rows": sum(report.rows for report in reports),
        "states": sum(report.states for report in reports),
        "root_value_mean": sum(report.root_value for report in reports) / len(reports),
        "gib": round(sum(report.nbytes for report in reports) / 2**30, 6),
        **extent_of(place, sum(report.rows for report in reports)),
    }
    if made:
        metadata |= {
            "seconds": round(seconds, 3),
            "states_per_second": round(sum(report.states for report in made) / max(seconds, 1e-9)),
            "device": made[0].device,
        }
    names = [report.key.filename for report in reports]
    data_version = version_of(settings_made(config), names)
    return materialization(context, partition, versions.SHARDS, data_version, metadata)


def version_of(settings: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the data version of a complete partition: equal for equal shards.

    settings: see `settings_made`.
    """
    from forge_core.files import fingerprint
    from forge_core.texas42.oracle.shards import ShardConfig

    return fingerprint({"config": ShardConfig(**settings).fingerprint, "shards": sorted(names)})
