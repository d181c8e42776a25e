"""`forge-pipeline gaps`: find partitions that are missing, damaged, outdated or not recorded, and start the
backfill that repairs them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from forge_assets.games import all_games
from forge_assets.texas42.expected import ExpectedShards
from forge_core.cli.options import Json, expand_settings, read_place
from forge_core.cli.status import FAILED
from forge_core.errors import BadInput
from forge_core.ranges import parse_blocks, parse_seeds
from forge_core.splits import BLOCK_SIZE

_PARTITIONED = ", ".join(asset for game in all_games() for asset in game.partitioned)


@expand_settings
def gaps(
    *,
    blocks: Annotated[
        list | None,
        typer.Option(
            "--blocks",
            parser=parse_blocks,
            metavar="LIST",
            show_default="all that have data",
            help=f"Blocks of {BLOCK_SIZE} seeds: 7, 0-19 or 0-9,18. Block 0 holds seeds 0-{BLOCK_SIZE - 1}. "
            "With --asset liuzhou_self_play: generations.",
        ),
    ] = None,
    seeds: Annotated[
        list | None,
        typer.Option(
            "--seeds",
            parser=parse_seeds,
            metavar="LIST",
            help="Instead of --blocks: the blocks that contain these seeds.",
        ),
    ] = None,
    asset: Annotated[
        list[str] | None,
        typer.Option(
            "--asset",
            metavar="NAME",
            show_default="oracle_shards",
            help=f"Inspect only this asset, which must have all blocks: {_PARTITIONED}. May be repeated. "
            "By default oracle_shards must have all blocks, and the other assets are inspected only in "
            "blocks that have data.",
        ),
    ] = None,
    expected: ExpectedShards,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read whole files, not only footers (20 ms per shard).")
    ] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Start a backfill that repairs exactly the faulty partitions.")
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", parser=read_place, metavar="URL", help="Store; default: FORGE_STORE, or ./data."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List partitions that are missing, corrupt, outdated or not recorded; with --mend, repair them.

    Exit with status 1 if there are gaps that are not being repaired.
    """
    from forge_assets.cli.gap_report import as_record, print_report, print_what_to_do
    from forge_assets.gaps.backfill import mend as start
    from forge_assets.gaps.find import find_gaps
    from forge_assets.gaps.report import GapQuery
    from forge_assets.resources import find_instance
    from forge_assets.texas42.blocks import BLOCK_SIZE
    from forge_core.cli.screen import print_json, progress_bar
    from forge_core.files import Store, default_store_url

    if blocks is not None and seeds is not None:
        raise BadInput("--blocks and --seeds both choose the blocks: give only one of them")
    if seeds is not None:
        blocks = sorted({seed // BLOCK_SIZE for seed in seeds})
    query = GapQuery(None if blocks is None else tuple(blocks), tuple(asset or ()), asdict(expected), verify)
    with find_instance() as instance:
        with progress_bar("inspecting", None) as move:

            def advance(done: int, total: int) -> None:
                move(completed=done, total=total)

            found = find_gaps(query, Store(store or default_store_url()), instance, advance=advance)
        started = start(found, instance) if mend else []
        if json:
            print_json(as_record(found, started))
        else:
            print_report(found, verify)
            print_what_to_do(found, started, mend, instance)
    mended = {mending.asset: mending.partitions for mending in started}
    left = any(len(of.gaps) > mended.get(of.asset, 0) for of in found.assets)
    if left or (found.stale and not mend):
        raise typer.Exit(FAILED)
