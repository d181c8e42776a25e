"""The value of hands: P(make) of every declaration and bid, found by playing out deals.

A partition holds fifty seeds; the hand of a seed is seat 0's hand in its deal. Partitions are filled one
after another, and each one is recorded as soon as all its tables exist and pass the checks. Tables that are
already in the store are verified, not made again.

The asset has no upstream assets: deals come from seeds, and the default playouts, `heuristic`, follow rules.
The network of `policy` and `eq` playouts is a setting, and its weights are part of the data version.
"""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from forge_assets.checks import partition_check, report_partition
from forge_assets.filling import fail_if_any, materialization, requested_partitions
from forge_assets.frames.metadata import columns_of, extent_of
from forge_assets.pictures import picture
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, ShardStore, failing_plainly
from forge_assets.settings import config_of
from forge_assets.texas42 import groups, versions
from forge_assets.texas42.blocks import block_seeds
from forge_assets.texas42.partitions import seed_blocks
from forge_assets.texas42.tables import BIDS
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import FileCorrupt, ForgeError
from forge_core.texas42.settings.bidding import BiddingSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.bidding.records import BiddingConfig, TableKey
    from forge_core.texas42.bidding.table import BidTable


class BiddingLaunchpad(config_of(BiddingSettings)):
    """Settings of the tables. All ten declarations are played out."""

    model: str | None = Field(
        None,
        description="Network of policy playouts, and of eq playouts unless their oracle is exact: challenger "
        "or champion from the registry, or a folder relative to the project. Default: the reference network.",
    )

    def bidding_config(self, compute: ComputeDevice, tracker: Tracker) -> "BiddingConfig":
        """Return the configuration for the core. Raise BadInput if the settings contradict each other."""
        from forge_core.texas42.bidding.playouts import open_playout
        from forge_core.texas42.bidding.records import BiddingConfig

        settings = self.settings()
        network = resolve_model(self.model, "qvalue", tracker) if self.model else None
        playout = open_playout(
            settings.playout,
            compute.device,
            compute.workers,
            model=network,
            worlds=settings.worlds,
            oracle=settings.oracle,
        )
        return BiddingConfig(playout, settings.samples, settings.ci_width)


CHECKS = {
    "every_table_made": "no hand of the run was dropped",
    "tables_read_back": "every table of the run, new or old, can be read back: its hand is that of the seed, "
    "and its shares and intervals follow from its points",
    "never_rises": "no bid is made more often than a lower bid",
    "intervals_hold": "each interval contains its share",
}


@dg.asset(
    group_name=groups.BIDDING,
    partitions_def=seed_blocks,
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=versions.BIDDING,
    output_required=False,  # each partition is recorded when it is done, not at the end
    pool=COMPUTE_POOL,
    kinds={"parquet"},
    metadata=columns_of(BIDS),
    check_specs=[
        partition_check("bidding_results", name, description, seed_blocks)
        for name, description in CHECKS.items()
    ],
)
def bidding_results(
    context: dg.AssetExecutionContext,
    config: BiddingLaunchpad,
    store: ShardStore,
    compute: ComputeDevice,
    tracker: Tracker,
) -> Iterator[dg.AssetCheckResult]:
    """One Parquet file per hand: the points of each deal, and P(make) with its confidence interval for each
    declaration and bid. If a hand fails, its partition stays missing, all others are recorded, and the run
    fails at its end."""
    from forge_core.texas42.folders import BIDDING_FOLDER

    found: dict[str, dict[str, str]] = {name: {} for name in CHECKS}
    n_tables = n_made = 0
    with failing_plainly():
        place = store.root().join(BIDDING_FOLDER)
        bidding = config.bidding_config(compute, tracker)
        for partition in requested_partitions(context):
            seeds, begun = block_seeds(partition), time.perf_counter()
            made, error = fill(place, seeds, bidding)
            seconds = time.perf_counter() - begun
            tables, faults = inspect(place, seeds) if error is None else ([], {"every_table_made": error})
            n_tables, n_made = n_tables + len(seeds), n_made + len(made)
            for name, fault in faults.items():
                found[name][partition] = fault
            if not faults:
                event = record(context, partition, tables, made, bidding, seconds, place)
                context.log_event(event)
            report_partition(context, partition, CHECKS, {name: {"fault": of} for name, of in faults.items()})
    for name, faults in found.items():
        counts = {"tables": n_tables, "made": n_made, "failed": len(faults)}
        yield dg.AssetCheckResult(check_name=name, passed=not faults, metadata=counts | faults)
    failed = {partition: fault for faults in found.values() for partition, fault in faults.items()}
    fail_if_any(failed, len(context.partition_keys), "partitions")


def fill(
    place: "Store", seeds: Sequence[int], bidding: "BiddingConfig"
) -> "tuple[list[BidTable], str | None]":
    """Make the missing tables; return them, and the error that stopped the work or None."""
    from forge_core.texas42.bidding.records import fill_tables

    made: list[BidTable] = []
    try:
        for table in fill_tables(place, seeds, bidding, verify=True):
            made.append(table)  # tables made before an error are kept
    except ForgeError as error:
        return made, str(error)
    return made, None


def inspect(place: "Store", seeds: Sequence[int]) -> "tuple[list[BidTable], dict[str, str]]":
    """Read the tables of a partition; return the readable ones, and the first fault of each check."""
    from forge_core.texas42.bidding.records import TABLES, TableKey

    tables: list[BidTable] = []
    faults: dict[str, str] = {}
    for key in map(TableKey, seeds):
        try:
            table = TABLES.remade_by(remake).read(place, key)
        except FileCorrupt as error:
            faults.setdefault("tables_read_back", str(error))
            continue
        if not table.never_rises:
            faults.setdefault("never_rises", f"{key.filename}: a bid is made more often than a lower bid")
        if not table.intervals_hold:
            faults.setdefault("intervals_hold", f"{key.filename}: a share lies outside its interval")
        tables.append(table)
    return tables, faults


def remake(key: "TableKey") -> str:
    """Return the command that makes a table again."""
    return f"forge-pipeline gaps --asset bidding_results --seeds {key.seed} --mend"


def record(
    context: dg.AssetExecutionContext,
    partition: str,
    tables: "Sequence[BidTable]",
    made: "Sequence[BidTable]",
    bidding: "BiddingConfig",
    seconds: float,
    place: "Store",
) -> dg.AssetMaterialization:
    """Return the materialization of a complete partition."""
    from forge_core.files import fingerprint
    from forge_core.texas42.auction import LOWEST_BID, MARK
    from forge_core.texas42.bidding.summary import draw_summary, summarize

    summary, playout = summarize(tables), bidding.playout
    metadata: dict[str, Any] = {
        "p_make": picture(draw_summary(tables)),
        "hands": summary.hands,
        "made": len(made),
        "deals": summary.deals,
        "playout": playout.name,
        "playout_version": playout.version,
        "sees_all": playout.sees_all,
        "interval_width": round(summary.mean_width, 4),
        **{f"worth_{bid}_share": summary.field.share_worth(bid) for bid in (LOWEST_BID, MARK)},
        "settings": bidding.fingerprint,
        **extent_of(place, sum(table.p_make.size for table in tables)),
    }
    if made:
        played = int(sum(table.n.sum() for table in made))
        metadata |= {"seconds": round(seconds, 3), "deals_per_second": round(played / max(seconds, 1e-9), 1)}
    data_version = fingerprint({"settings": bidding.fingerprint, "seeds": [table.seed for table in tables]})
    return materialization(context, partition, versions.BIDDING, data_version, metadata)
