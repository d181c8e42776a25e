"""`forge summary`: summarize a set of recorded games ply by ply."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.options import Json
from forge_core.cli.status import FAILED

if TYPE_CHECKING:
    from forge_core.texas42.eq.records import GameRecord
    from forge_core.texas42.eq.summary import PlyFigures, Summary

Games = Annotated[
    str, typer.Argument(metavar="PATH", help="A game, a folder of games, or the root of a store.")
]


def summary(path: Games, json: Json = False) -> None:
    """Summarize recorded games ply by ply: how certain their estimates are, and what play gave away."""
    from dataclasses import asdict

    from forge_core.cli.screen import print_json
    from forge_core.texas42.eq.files import find_games
    from forge_core.texas42.eq.summary import summarize

    faults: list[str] = []
    found = summarize(read(find_games(path, on_sealed=print_sealed), faults))
    if json:
        print_json({**asdict(found), "faults": faults})
    else:
        draw(found)
    for fault in faults:
        print(f"forge: {fault}", file=sys.stderr)
    if faults:
        raise typer.Exit(FAILED)


def print_sealed(n_sealed: int) -> None:
    """Say on standard error how many sealed games were left out."""
    from forge_core.cli.screen import notes

    notes().print(f"left out {n_sealed:,} game{'s' * (n_sealed > 1)} of the sealed test split")


def read(paths: list[str], faults: list[str] | None = None) -> Iterator[GameRecord]:
    """Read games with a progress bar. faults: collects the errors of corrupt files instead of raising."""
    from forge_core.cli.screen import progress_bar
    from forge_core.errors import FileCorrupt
    from forge_core.texas42.eq.files import open_game

    with progress_bar("reading games", len(paths)) as advance:
        for path in paths:
            try:
                yield open_game(path)
            except FileCorrupt as fault:
                if faults is None:
                    raise
                faults.append(str(fault))
            advance()


def draw(found: Summary) -> None:
    """Print a table with a line per ply and one for all plies."""
    from forge_core.cli.screen import screen, table

    console = screen()
    made = f"the bid was made in {found.bids_made:.1%}, the bidders took {found.bidders_points:.1f} of 42"
    console.print(f"{found.games:,} games; {made}", soft_wrap=True)
    if len(found.settings) > 1:
        console.print(
            f"{len(found.settings)} different settings: {', '.join(found.settings)}", soft_wrap=True
        )
    columns = ("ply", "forced", "spread", "widest", "ESS", "p10", "least", "sure", "worlds", "of", "gap")
    grid = table(*columns, numbers=" ".join(columns), gap=2)
    for ply in found.plies:
        grid.add_row(*cells(ply))
    grid.add_section()
    grid.add_row(*cells(found.all), style="bold")
    console.print(grid)
    console.print(
        "spread, widest: mean and largest standard deviation of Q over worlds, in points; ESS, p10, least: "
        "median, 10th percentile and minimum of the effective number of worlds; sure: share of E[Q] with the "
        "requested precision; worlds, of: worlds evaluated, and the median number of consistent ones; gap: "
        "points given away per choice",
        style="dim",
        soft_wrap=True,
    )


def cells(of: PlyFigures) -> tuple[str, ...]:
    """Return the cells of one line of the table."""
    return (
        "all" if of.ply is None else str(of.ply),
        f"{of.forced:.0%}",
        f"{of.u_mean:.2f}",
        f"{of.u_max:.2f}",
        short(of.ess_median),
        short(of.ess_p10),
        short(of.ess_min),
        f"{of.converged:.0%}",
        short(of.worlds),
        short(of.world_count_median),
        "" if of.q_gap is None else f"{of.q_gap:.3f}",
    )


def short(number: float) -> str:
    """Return a number in at most five characters: `8.5`, `3,080`, `757k` or `399M`."""
    if number < 1e4:
        return f"{number:.1f}" if number < 100 and number % 1 else f"{number:,.0f}"
    return f"{number / 1e3:.0f}k" if number < 1e6 else f"{number / 1e6:.0f}M"
