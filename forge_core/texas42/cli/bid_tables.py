"""`forge bid-tables`: P(make) of the hands of seeds, stored as Dagster does, in the same files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from forge_core.cli.filling import (
    interruptible,
    print_left,
    print_plan,
    require_persistent_store,
    take_first,
)
from forge_core.cli.options import DryRun, Json, Limit, Out, Seeds, expand_settings
from forge_core.cli.status import Stopped
from forge_core.texas42.cli.options import PlayoutDevice, PlayoutModel
from forge_core.texas42.folders import BIDDING_FOLDER
from forge_core.texas42.settings.bidding import BiddingSettings

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.bidding.records import BiddingConfig
    from forge_core.texas42.bidding.table import BidTable


@expand_settings
def bid_tables(
    *,
    seeds: Seeds,
    out: Out,
    settings: BiddingSettings,
    model: PlayoutModel = None,
    device: PlayoutDevice = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Play out seat 0's hand of each seed and store P(make) of every declaration and bid; existing tables are
    kept."""
    from forge_core.cli.screen import notes
    from forge_core.files import Store
    from forge_core.texas42.bidding.playouts import choose_playout
    from forge_core.texas42.bidding.records import TABLES, BiddingConfig, TableKey, missing_seeds

    config = BiddingConfig(choose_playout(settings, model, device), settings.samples, settings.ci_width)
    store = Store(out).join(BIDDING_FOLDER)
    require_persistent_store(store)
    with notes().status("looking for existing tables"):
        missing = missing_seeds(store, seeds, config)
    keys = [TableKey(seed) for seed in missing]
    if dry_run:
        print_plan(TABLES, store, len(seeds), keys, json, seeds=missing, limit=limit)
        return
    if missing:
        store.check_writable()
    started, asked = time.perf_counter(), [key.seed for key in take_first(TABLES, store, keys, limit)]
    made = fill(store, asked, config)
    stopped = len(made) < len(asked)
    print_summary(store, len(seeds), len(missing), made, time.perf_counter() - started, stopped, json)
    print_left(len(missing) - len(asked), TABLES.noun, json)
    if stopped:
        to_go = len(asked) - len(made)
        raise Stopped(f"stopped with {to_go:,} tables left: run the same command again to continue")


def fill(store: Store, missing: list[int], config: BiddingConfig) -> list[BidTable]:
    """Make the missing tables with a progress bar, until Ctrl-C; return those that were made."""
    from forge_core.cli.screen import progress_bar
    from forge_core.texas42.bidding.records import fill_tables

    made: list[BidTable] = []
    with interruptible() as is_stopped, progress_bar("playing out hands", len(missing)) as move:
        for table in fill_tables(store, missing, config):
            made.append(table)
            move(last=f"seed {table.seed}")
            if is_stopped():
                break
    return made


def print_summary(
    store: Store,
    n_wanted: int,
    n_missing: int,
    made: list[BidTable],
    seconds: float,
    stopped: bool,
    json: bool,
) -> None:
    """Print how many tables were made and how many existed before."""
    from forge_core.cli.screen import print_json, seconds_text

    deals = int(sum(table.n.sum() for table in made))
    if json:
        print_json(
            {
                "store": store.url,
                "wanted": n_wanted,
                "made": len(made),
                "there": n_wanted - n_missing,
                "stopped": stopped,
                "deals": deals,
                "seconds": round(seconds, 3),
            }
        )
        return
    print(f"{n_wanted:,} tables in {store.url}: {len(made):,} made, {n_wanted - n_missing:,} kept")
    if made:
        print(f"{deals:,} deals played out in {seconds_text(seconds)}: {deals / seconds:,.0f} deals/s")
