"""The picture of standings: players against all others, and every pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forge_core.arena.standings import PairMatch, Standing, standings
from forge_core.errors import BadInput
from forge_core.pictures import BLUE, INK, SOFT, new_figure, style_axes, to_png
from forge_core.stats import Measure, mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_standings(matches: Sequence[PairMatch], measure: Measure, note: str = "bars: 95 %") -> bytes:
    """Return the standings of matches as a PNG 1000 pixels wide.

    measure: words for the swing of a match. note: the line below the ranks. Raises BadInput for no
    match.
    """
    if not matches:
        raise BadInput("there is no match to draw: play one")
    ranked = standings(matches)
    names = [standing.name for standing in ranked]
    figure = new_figure(1.5 + 0.45 * len(names))
    left, right = figure.subplots(1, 2, sharey=True)
    margin, inch = min(0.4, 0.045 + 0.0085 * max(map(len, names))), 1 / figure.get_figheight()
    figure.subplots_adjust(left=margin, right=0.985, top=1 - 0.6 * inch, bottom=0.75 * inch, wspace=0.08)
    title = f"{measure.per_case} against all others"
    _draw_ranks(left, ranked, title[0].upper() + title[1:], note)
    _draw_pairs(right, matches, names)
    left.set_yticks(range(len(names)), [f"{name}  {1 + place}" for place, name in enumerate(names)])
    left.set_ylim(len(names) - 0.5, -0.5)
    return to_png(figure)


def _draw_ranks(axes: Axes, ranked: Sequence[Standing], title: str, note: str) -> None:
    """Draw the swing of each player against all others, with its interval."""
    for row, standing in enumerate(ranked):
        swing = standing.swing
        axes.plot([swing.low, swing.high], [row, row], color=BLUE, linewidth=2.5, alpha=0.45)
        axes.plot([swing.mean], [row], color=BLUE, marker="o", markersize=6)
        axes.annotate(
            f"{swing.mean:+.2f}",
            (swing.high, row),
            textcoords="offset points",
            xytext=(7, 0),
            va="center",
            fontsize=9,
            color=INK,
        )
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.margins(x=0.18)
    style_axes(axes, title, note, grid="x")


def _draw_pairs(axes: Axes, matches: Sequence[PairMatch], names: Sequence[str]) -> None:
    """Draw the swing of each row against each column, in bold where its interval leaves out 0."""
    means = np.full((len(names), len(names)), np.nan)
    for match in (*matches, *(match.swapped() for match in matches)):
        row, column, swing = names.index(match.a), names.index(match.b), mean_interval(match.swing)
        means[row, column] = swing.mean
        axes.text(
            column,
            row,
            f"{swing.mean:+.1f}",
            ha="center",
            va="center",
            fontsize=9,
            color=INK if swing.decided else SOFT,
            weight="bold" if swing.decided else "normal",
        )
    most = max(1.0, float(np.nanmax(np.abs(means))))
    axes.imshow(means, cmap="PuOr_r", vmin=-2 * most, vmax=2 * most, aspect="auto")
    axes.set_xticks(range(len(names)), [str(1 + place) for place in range(len(names))])
    style_axes(axes, "The row against the column", "by rank; bold: the interval leaves out 0", grid=None)
    axes.tick_params(labelleft=False)
