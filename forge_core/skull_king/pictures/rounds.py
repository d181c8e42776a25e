"""Points and bids met by round, of several players."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_core.arena.names import short_name
from forge_core.errors import BadInput
from forge_core.pictures import BLUE, GREY, INK, ORANGE, SOFT, new_figure, style_axes, to_png

if TYPE_CHECKING:
    from forge_core.skull_king.arena import Result

COLOURS = (BLUE, GREY, ORANGE, SOFT, INK)
"""of the players, in order; the first is the subject"""


def draw_rounds(results: Sequence[Result], names: Sequence[str], title: str) -> bytes:
    """Draw the points and the share of bids met in each round, as a PNG 1000 pixels wide.

    results, names: one per player, at most five, the subject first. Raises BadInput for no players.
    """
    if not results:
        raise BadInput("there is no result to draw: evaluate a player first")
    figure = new_figure(4.2)
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.06, right=0.985, top=0.87, bottom=0.15, wspace=0.14)
    for result, name, colour in zip(results, names, COLOURS, strict=False):
        by_round = result.rounds()
        numbers = range(1, len(by_round) + 1)
        for axes, place in ((left, 0), (right, 1)):
            of = [each[place] for each in by_round]
            axes.fill_between(
                numbers, [d.low for d in of], [d.high for d in of], color=colour, alpha=0.25, linewidth=0
            )
            label = f"{short_name(name, 24)}, {result.score.mean:+.0f}"
            axes.plot(
                numbers,
                [d.mean for d in of],
                color=colour,
                marker="o",
                markersize=3,
                linewidth=1.6,
                label=label,
            )
            axes.set_xticks(numbers)
    style_axes(left, title, "round; bands: 95 %")
    style_axes(right, "Share of bids met", "round")
    right.set_ylim(0, 1)
    left.legend(frameon=False, fontsize=9)
    return to_png(figure)
