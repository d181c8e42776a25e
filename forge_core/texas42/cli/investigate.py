"""`forge investigate`: show why a hand fell short of its bid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Json, expand_settings
from forge_core.ranges import whole
from forge_core.texas42.cli.options import (
    BidHand,
    PlayoutDevice,
    PlayoutModel,
    SampleSeed,
    read_declaration,
)
from forge_core.texas42.dominoes import HAND_POINTS
from forge_core.texas42.settings.bidding import PlayoutSettings

if TYPE_CHECKING:
    from rich.console import Console

    from forge_core.texas42.bidding.investigate import Investigation, Shortfall
    from forge_core.texas42.tricks import Trick

N_SUSPECTS = 5
"""the number of suspects to show"""


def read_below(text: str) -> int:
    """Parse a whole number; `check_question` checks its range. Raises BadInput."""
    return whole(text, "below")


def read_max_show(text: str) -> int:
    """Parse a whole number of at least 0. Raises BadInput."""
    return whole(text, "max-show")


@expand_settings
def investigate(
    *,
    hand: BidHand,
    trump: Annotated[
        int,
        typer.Option(
            "--decl",
            "--trump",
            parser=read_declaration,
            metavar="NAME",
            help="Declaration: blanks to sixes, doubles-trump, doubles-suit, notrump, or 0 to 9.",
        ),
    ],
    below: Annotated[
        int,
        typer.Option(
            "--below", parser=read_below, metavar="N", help="Show deals with fewer points than this."
        ),
    ] = HAND_POINTS,
    max_show: Annotated[
        int,
        typer.Option(
            "--max-show", parser=read_max_show, metavar="N", help="Maximum number of deals to replay."
        ),
    ] = 3,
    settings: PlayoutSettings,
    model: PlayoutModel = None,
    device: PlayoutDevice = None,
    seed: SampleSeed = 0,
    json: Json = False,
) -> None:
    """Replay trick by trick the deals in which a hand took too few points."""
    from forge_core.cli.screen import print_json, progress_bar, screen
    from forge_core.texas42.bidding.investigate import check_question
    from forge_core.texas42.bidding.investigate import investigate as find
    from forge_core.texas42.bidding.playouts import choose_playout
    from forge_core.texas42.bidding.table import play_out, provenance
    from forge_core.texas42.cli.bid import playout_record

    check_question(below, max_show)
    how = choose_playout(settings, model, device)
    with progress_bar("playing deals", settings.samples) as move:
        table = play_out(hand, how, settings.samples, seed, [trump], advance=move)
    found = find(table, trump, below, max_show)
    if json:
        print_json({"hand": table.hand, "seed": seed, **playout_record(table), **as_record(found)})
        return
    out = screen()
    print_summary(out, found, settings.playout)
    for shortfall in found.shown:
        print_shortfall(out, shortfall, trump)
    out.print()
    out.print(provenance(table), style="dim", soft_wrap=True)


def as_record(found: Investigation) -> dict[str, Any]:
    """Return an investigation as JSON types: dominoes as ids, an unknown share as None."""
    from dataclasses import asdict
    from math import isnan

    from forge_core.texas42.declarations import NAMES

    record = {**asdict(found), "decl": NAMES[found.decl]}
    for shortfall, shown in zip(found.shown, record["shown"], strict=True):
        shown["tricks"] = [trick_record(trick) for trick in shortfall.tricks]
    record["suspects"] = [
        {**suspect, "otherwise": None if isnan(suspect["otherwise"]) else suspect["otherwise"]}
        for suspect in record["suspects"]
    ]
    return record


def trick_record(trick: Trick) -> dict[str, Any]:
    """Return a trick as JSON types."""
    return {
        "leader": trick.leader,
        "dominoes": trick.dominoes,
        "winner": trick.winner,
        "points": trick.points,
    }


def print_summary(out: Console, found: Investigation, playout: str) -> None:
    """Print how many deals fell short, and the dominoes that opponents held in them."""
    from forge_core.cli.screen import table
    from forge_core.stats import wilson_interval
    from forge_core.texas42.declarations import NAMES
    from forge_core.texas42.notation import domino_text

    low, high = wilson_interval(found.short, found.samples)
    share = 100 * found.short / found.samples
    out.print(
        f"{NAMES[found.decl]}: {found.short:,} of {found.samples:,} deals bring fewer than {found.below} "
        f"points in {playout} playouts, {share:.1f} % ({100 * low:.1f} to {100 * high:.1f}).",
        soft_wrap=True,
    )
    if not found.suspects:
        return
    grid = table("an opponent held", "when short, %", "otherwise, %")
    for column in grid.columns[1:]:
        column.justify = "right"
    for suspect in found.suspects[:N_SUSPECTS]:
        otherwise = "" if found.short == found.samples else f"{100 * suspect.otherwise:.0f}"
        grid.add_row(domino_text(suspect.domino), f"{100 * suspect.when_short:.0f}", otherwise)
    out.print()
    out.print(grid)


def print_shortfall(out: Console, shortfall: Shortfall, decl: int) -> None:
    """Print a deal as a picture, and its tricks in a table."""
    from forge_core.cli.screen import table
    from forge_core.texas42.cli.picture import print_deal
    from forge_core.texas42.dominoes import team
    from forge_core.texas42.notation import domino_text

    out.print()
    print_deal(out, shortfall.hands, f"deal {shortfall.sample} · {shortfall.points} points", decl, leader=0)
    out.print()
    grid = table("", "seat 0", "seat 1", "seat 2", "seat 3", "taken by", "ours", "theirs")
    grid.columns[6].justify = grid.columns[7].justify = "right"
    totals = [0, 0]
    for number, trick in enumerate(shortfall.tricks, start=1):
        cells = [""] * 4
        for offset, domino in enumerate(trick.dominoes):
            seat = (trick.leader + offset) % 4
            text = f"{domino_text(domino)}{' leads' if offset == 0 else ''}"
            cells[seat] = f"[bold]{text}[/bold]" if seat == trick.winner else text
        assert trick.winner is not None
        totals[team(trick.winner)] += trick.points
        taken = f"seat {trick.winner}, {trick.points}"
        style = "red" if team(trick.winner) else ""
        grid.add_row(f"{number}", *cells, taken, f"{totals[0]}", f"{totals[1]}", style=style)
    out.print(grid)
    if shortfall.points_of_line != shortfall.points:
        out.print("The tricks shown are those of perfect play; the playout was different.", style="dim")
