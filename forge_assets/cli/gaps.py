"""`forge-pipeline gaps`: what is missing, damaged, old or not recorded; and the backfill that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Json, read_place
from forge_core.cli.status import FAILED
from forge_core.errors import BadInput
from forge_core.ranges import parse_blocks, parse_seeds
from forge_core.texas42.cli.options import read_sample_seed
from forge_core.texas42.cli.shards import read_opponents, read_rows

if TYPE_CHECKING:
    from rich.console import Console

    from forge_assets.gaps.find import AssetGaps, GapReport, Mending, StaleAsset

MOST_SHOWN = 10
"""faulty files named of an asset; --json names all"""


def gaps(
    blocks: Annotated[
        list | None,
        typer.Option(
            "--blocks",
            parser=parse_blocks,
            metavar="LIST",
            show_default="those begun",
            help="Blocks of 50 seeds: 7, 0-19 or 0-9,18. Block 0 holds seeds 0-49.",
        ),
    ] = None,
    seeds: Annotated[
        list | None,
        typer.Option("--seeds", parser=parse_seeds, metavar="LIST", help="Instead: the blocks of these."),
    ] = None,
    asset: Annotated[
        list[str] | None,
        typer.Option(
            "--asset",
            metavar="NAME",
            show_default="oracle_shards",
            help="Held to all of the blocks, and alone looked at: oracle_shards, marginalized_shards, "
            "golden_shards, eq_games, bidding_results; may be given again. Without it, those are held to all "
            "blocks, the others to what was begun of them.",
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            "--rows",
            parser=read_rows,
            metavar="N",
            show_default="as most have",
            help="States of a shard; or all.",
        ),
    ] = None,
    sample_seed: Annotated[
        int | None,
        typer.Option(
            "--sample-seed",
            parser=read_sample_seed,
            metavar="N",
            show_default="as most have",
            help="By which they were drawn.",
        ),
    ] = None,
    declarations: Annotated[
        str,
        typer.Option(
            "--declarations", metavar="NAME", help="one: a seed under seed % 10; all: under all ten."
        ),
    ] = "one",
    opponents: Annotated[
        int | None,
        typer.Option(
            "--opponents",
            parser=read_opponents,
            metavar="N",
            show_default="as the store has",
            help="Of a marginalised hand.",
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read whole files, not only footers: 20 ms a shard.")
    ] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help="Start the backfill that makes exactly these partitions good.")
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            "--store", parser=read_place, metavar="URL", help="Its root; default: FORGE_STORE, or ./data."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Say what is missing, corrupt, old or not recorded; --mend has Dagster make it good.

    Exit 1 if anything is missing and not being mended.
    """
    from forge_assets.gaps.find import GapQuery, find_gaps
    from forge_assets.gaps.find import mend as start
    from forge_assets.resources import find_instance
    from forge_assets.texas42.blocks import BLOCK_SIZE
    from forge_core.cli.screen import print_json
    from forge_core.files import Store, default_store_url

    if blocks is not None and seeds is not None:
        raise BadInput("--blocks and --seeds say the same: give one of them")
    if declarations not in ("one", "all"):
        raise BadInput(f"declarations {declarations!r}: use one or all")
    if seeds is not None:
        blocks = sorted({seed // BLOCK_SIZE for seed in seeds})
    asked = GapQuery(
        blocks=None if blocks is None else tuple(blocks),
        assets=tuple(asset or ()),
        rows=rows,
        sample_seed=sample_seed,
        declarations=declarations,
        opponents=opponents,
        verify=verify,
    )
    with find_instance() as instance:
        with progress() as advance:
            found = find_gaps(asked, Store(store or default_store_url()), instance, advance=advance)
        started = start(found, instance) if mend else []
        if json:
            print_json(as_record(found, started))
        else:
            print_findings(found, asked.verify)
            print_what_to_do(found, started, mend, instance)
    mended = {mending.asset: mending.partitions for mending in started}
    left = any(len(of.gaps) > mended.get(of.asset, 0) for of in found.assets)
    if left or (found.stale and not mend):
        raise typer.Exit(FAILED)


@contextmanager
def progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from forge_core.cli.screen import notes

    console = notes()
    bar = Progress(
        TextColumn("looking"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task("", total=None)
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=total)


def partitions_text(partitions: Sequence[str]) -> str:
    """`blocks 0-3, 7 (sixes); block 9 (all declarations)`: those of a block asset, in few words."""
    from forge_assets.texas42.blocks import block_seeds
    from forge_core.ranges import ranges_text
    from forge_core.texas42.declarations import NAMES

    by_decl: dict[str, list[int]] = {}
    for partition in partitions:
        decl, _, rest = partition.rpartition("|")
        golden = rest.startswith("seed_")
        number = int(rest.removeprefix("seed_")) if golden else block_seeds(rest)[0] // len(block_seeds(rest))
        by_decl.setdefault(decl, []).append(number)
    noun = "seed" if any("|seed_" in partition for partition in partitions) else "block"
    alike: dict[str, list[str]] = {}
    for decl, numbers in by_decl.items():
        alike.setdefault(ranges_text(numbers), []).append(decl)
    said = []
    for numbers, decls in alike.items():
        many = "s" if "," in numbers or "-" in numbers else ""
        which = "" if decls == [""] else " of all declarations" if len(decls) == len(NAMES) else ""
        which = which or ("" if decls == [""] else f" of {', '.join(decls)}")
        said.append(f"{noun}{many} {numbers.replace(',', ', ')}{which}")
    return "; ".join(said)


def print_findings(found: GapReport, verified: bool) -> None:
    """An asset a line, what is wrong with it below; then the rest of the graph."""
    from forge_core.cli.screen import screen

    out = screen()
    out.print(f"[bold]{'store':<22}[/bold]", end="")
    out.print(found.store, markup=False, soft_wrap=True)
    for of in found.assets:
        print_asset(out, of, verified)
    for wanted, causes in together(found):
        out.print(f"[bold yellow]{'stale':<22}[/bold yellow]", end="")
        out.print(f"{wanted}: {causes}", markup=False, soft_wrap=True)
    if found.never_made:
        names = names_text(found.never_made)
        out.print(f"[bold]{'never made':<22}[/bold]", end="")
        out.print(names, markup=False, soft_wrap=True)


def print_asset(out: Console, of: AssetGaps, verified: bool) -> None:
    """How many partitions are as they should be, and what the others are."""
    from forge_assets.gaps.find import settings_text

    wrong = len(of.gaps)
    style = "bold red" if wrong else "bold green"
    held = "" if verified else ", by their footers"
    out.print(f"[{style}]{of.asset:<22}[/{style}]", end="")
    sound = f"{len(of.partitions) - wrong:,} of {len(of.partitions):,} partitions as they should be"
    what = f"{of.files:,} {of.noun}, {settings_text(of.settings)}{held}"
    out.print(f"{sound}: {partitions_text(of.partitions)}; {what}", markup=False, soft_wrap=True)
    for kinds, alike in of.by_kinds().items():
        files = sum(gap.missing + len(gap.files) for gap in alike)
        counted = f", {files:,} {of.noun if files > 1 else of.noun.removesuffix('s')}" if files else ""
        partitions = partitions_text([gap.partition for gap in alike])
        out.print(f"  {', '.join(kinds)}: ", end="", style="red", markup=False)
        plural = "" if len(alike) == 1 else "s"
        out.print(f"{len(alike):,} partition{plural}{counted}: {partitions}", markup=False, soft_wrap=True)
    faults = [fault for gap in of.gaps for fault in gap.files]
    for path, reason in faults[:MOST_SHOWN]:
        out.print(f"    {path}: {reason}", markup=False, soft_wrap=True, style="dim")
    if len(faults) > MOST_SHOWN:
        out.print(f"    and {len(faults) - MOST_SHOWN:,} more: --json names all", style="dim")


def together(found: GapReport) -> list[tuple[str, str]]:
    """The names of what is stale for the same causes, and the causes."""
    alike: dict[tuple[str, ...], list[StaleAsset]] = {}
    for wanted in found.stale:
        alike.setdefault(wanted.causes, []).append(wanted)
    return [(names_text(of_all), "; ".join(causes)) for causes, of_all in alike.items()]


def names_text(others: Sequence[StaleAsset]) -> str:
    """`shard_catalog, token_splits (train, val)`."""
    partitions: dict[str, list[str]] = {}
    for wanted in others:
        partitions.setdefault(wanted.asset, []).extend(filter(None, [wanted.partition]))
    return ", ".join(f"{asset} ({', '.join(of)})" if of else asset for asset, of in partitions.items())


def print_what_to_do(found: GapReport, started: Sequence[Mending], mended: bool, instance: Any) -> None:
    """One step a line."""
    from forge_assets.gaps.find import daemon_is_up
    from forge_core.cli.screen import screen

    out = screen()

    def say(line: str) -> None:
        out.print(line, markup=False, soft_wrap=True)

    if found.whole:
        say("nothing is missing")
        return
    out.print()
    for mending in started:
        what = f"{mending.partitions:,} partitions of {mending.asset}"
        if mending.new:
            say(f"backfill {mending.backfill_id} mends {what}: watch it in Dagster under Runs, Backfills")
        else:
            say(f"backfill {mending.backfill_id} of {mending.asset} has not ended yet: nothing was started")
    if started:
        up = daemon_is_up(instance)
        say("the daemon carries it out" if up else "no daemon is running: make ui starts one, which goes on")
    for of in found.assets:
        if of.mendable and not mended:
            say(f"{of.asset}: mend {len(of.mendable):,} partitions by the same command with --mend")
        left = [gap for gap in of.gaps if gap.partition not in set(of.mendable)]
        if left and of.run_config is None:
            say(f"{of.asset}: no run is recorded whose settings to take: materialize it in Dagster")
        elif any("foreign" in gap.kinds for gap in left):
            say(f"{of.asset}: move files of other makers away first; they are never overwritten")
        if any("recorded before its network changed" in gap.kinds for gap in left):
            say(f"{of.asset}: to have games by the new network, materialize these partitions in Dagster")
    if found.stale:
        names = names_text(found.stale)
        say(f"then make anew in Dagster, in this order (Assets, Materialize stale): {names}")


def as_record(found: GapReport, started: Sequence[Mending]) -> dict[str, Any]:
    """What `--json` prints."""
    from dataclasses import asdict

    from forge_core.ranges import ranges_text

    return {
        "store": found.store,
        "blocks": None if found.blocks is None else ranges_text(found.blocks),
        "whole": found.whole,
        "assets": {
            of.asset: {
                "partitions": len(of.partitions),
                of.noun: of.files,
                "settings": dict(of.settings),
                "gaps": [
                    {
                        "partition": gap.partition,
                        "kinds": list(gap.kinds),
                        "missing": gap.missing,
                        "files": dict(gap.files),
                    }
                    for gap in of.gaps
                ],
                "mendable": len(of.mendable),
            }
            for of in found.assets
        },
        "stale": {wanted.name: list(wanted.causes) for wanted in found.stale},
        "never_made": [wanted.name for wanted in found.never_made],
        "backfills": [asdict(mending) for mending in started],
    }
