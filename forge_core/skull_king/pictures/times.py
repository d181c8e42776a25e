"""Times of decisions by round, of several players."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forge_core.arena.names import short_name
from forge_core.errors import BadInput
from forge_core.pictures import new_figure, style_axes, to_png
from forge_core.skull_king.pictures.rounds import COLOURS
from forge_core.skull_king.timing import DecisionTimes

MARKERS = "osD^v"
"""of the players, in order, so that lines differ not only by colour"""


def draw_times(times: Sequence[DecisionTimes], names: Sequence[str]) -> bytes:
    """Draw the CPU milliseconds per bid and per play in each round, as a PNG 1000 pixels wide.

    times, names: one per player, at most five, the subject first. Raises BadInput for no players.
    """
    if not times:
        raise BadInput("there are no times to draw: time the decisions of a player first")
    figure = new_figure(4.2)
    left, right = figure.subplots(1, 2, sharey=True)
    figure.subplots_adjust(left=0.075, right=0.985, top=0.87, bottom=0.15, wspace=0.07)
    for of, name, colour, marker in zip(times, names, COLOURS, MARKERS, strict=False):
        for axes, by_round, mean in ((left, of.bids, of.mean_bid), (right, of.plays, of.mean_play)):
            label = f"{short_name(name, 24)}, {number_text(mean)} ms"
            axes.plot(
                np.arange(1, len(by_round) + 1),
                by_round,
                color=colour,
                marker=marker,
                markersize=4,
                linewidth=1.6,
                label=label,
            )
    for axes, title in ((left, "Time of a bid, CPU ms"), (right, "Time of a play with a choice, CPU ms")):
        axes.set_yscale("log")
        axes.set_xticks(range(1, len(times[0].bids) + 1))
        style_axes(axes, title, "round")
        axes.tick_params(which="both", length=0)
        axes.yaxis.set_major_formatter(lambda value, _: number_text(value))
        axes.margins(y=0.25)
        axes.legend(frameon=False, fontsize=9, loc="upper left", ncols=2)
    return to_png(figure)


def number_text(value: float) -> str:
    """Return a number of milliseconds with two digits: `0.12`, `3.4`, `76`."""
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"
