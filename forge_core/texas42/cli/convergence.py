"""`forge convergence`: show how many deals it takes until the advice is stable."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from forge_core.cli.options import Json, expand_settings
from forge_core.texas42.cli.bid import (
    Bids,
    Forced,
    Marks,
    Seat,
    best_record,
    playout_record,
    read_score,
)
from forge_core.texas42.cli.options import BidHand, PlayoutDevice, PlayoutModel, SampleSeed
from forge_core.texas42.settings.bidding import ConvergenceSettings

if TYPE_CHECKING:
    from forge_core.texas42.bidding.convergence import Convergence
    from forge_core.texas42.bidding.table import BidTable


@expand_settings
def convergence(
    *,
    hand: BidHand,
    settings: ConvergenceSettings,
    model: PlayoutModel = None,
    device: PlayoutDevice = None,
    bids: Bids = None,
    seat: Seat = None,
    score: Marks = "0-0",  # pyright: ignore[reportArgumentType]
    forced: Forced = False,
    seed: SampleSeed = 0,
    json: Json = False,
) -> None:
    """Show the width of the intervals and the stability of the advice for growing numbers of deals."""
    from forge_core.cli.screen import print_json, progress_bar
    from forge_core.texas42.bidding.advice import Situation
    from forge_core.texas42.bidding.convergence import REDRAWS, converge
    from forge_core.texas42.bidding.playouts import choose_playout
    from forge_core.texas42.bidding.table import play_out
    from forge_core.texas42.declarations import N_DECLARATIONS

    situation = Situation.of(bids, seat, read_score(score) if isinstance(score, str) else score, forced)
    how = choose_playout(settings, model, device)
    with progress_bar("playing deals", N_DECLARATIONS * settings.samples) as move:
        table = play_out(hand, how, settings.samples, seed, advance=move)
    found = converge(table, situation)
    if json:
        rungs = [{**asdict(point), "recommended": best_record(point.recommended)} for point in found]
        print_json(
            {"hand": table.hand, "seed": seed, **playout_record(table), "redraws": REDRAWS, "by_n": rungs}
        )
    else:
        print_convergence(table, found)


def print_convergence(table: BidTable, found: list[Convergence]) -> None:
    """Print a table with a row for each number of deals."""
    from forge_core.cli.screen import screen
    from forge_core.cli.screen import table as grid_of
    from forge_core.texas42.auction import call_text
    from forge_core.texas42.bidding.convergence import REDRAWS
    from forge_core.texas42.bidding.table import provenance
    from forge_core.texas42.declarations import NAMES

    grid = grid_of(
        "deals", "interval", "widest", "advice", "same call, %", "and declaration, %", numbers="deals"
    )
    for place in (1, 2, 4, 5):
        grid.columns[place].justify = "right"
    for point in found:
        best = point.recommended
        grid.add_row(
            f"{point.n:,}",
            f"±{point.mean_width / 2:.3f}",
            f"±{point.widest / 2:.3f}",
            call_text(best.call) if best.decl is None else f"{call_text(best.call)}, {NAMES[best.decl]}",
            f"{100 * point.same_call:.0f}",
            f"{100 * point.agreement:.0f}",
        )
    out = screen()
    out.print(grid)
    out.print()
    out.print(
        f"same call: share of {REDRAWS} resampled tables with this number of deals whose advice is the same "
        "as that of all deals.",
        soft_wrap=True,
    )
    out.print(provenance(table), style="dim", soft_wrap=True)
