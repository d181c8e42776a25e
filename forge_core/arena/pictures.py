"""Pictures of matches: each player against all others, every pair, games won and lost, and ratings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forge_core.arena.names import short_name
from forge_core.arena.ratings import Rating
from forge_core.arena.scores import Tally
from forge_core.arena.standings import PairMatch, Standing, standings
from forge_core.errors import BadInput
from forge_core.pictures import BLUE, FAINT, INK, ORANGE, SOFT, new_figure, style_axes, to_png, write_above
from forge_core.stats import Measure, mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_LABEL = 24
"""maximum number of characters of a name next to an axis"""


def draw_standings(matches: Sequence[PairMatch], measure: Measure, note: str = "bars: 95 %") -> bytes:
    """Draw the standings of matches as a PNG 1000 pixels wide.

    measure: the words for the swing of a match. note: the line below the left panel. Raises BadInput if
    there are no matches.
    """
    if not matches:
        raise BadInput("there are no matches to draw: play one first")
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
    """Draw the swing of each row's player against each column's, in bold if its interval excludes 0."""
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
    style_axes(axes, "The row against the column", "by rank; bold: the interval excludes 0", grid=None)
    axes.tick_params(labelleft=False)


def draw_ladder(tallies: Sequence[Tally], ratings: Sequence[Rating]) -> bytes:
    """Draw the results of matches and the Elo ratings of the players as a PNG 1000 pixels wide.

    The left panel has a bar per match, with the games that its first player won, drew and lost, and the
    score with its interval; the right panel has the ratings. Raises BadInput if there are no matches.
    """
    if not tallies:
        raise BadInput("there are no matches to draw: play one first")
    figure = new_figure(1.6 + 0.42 * max(len(tallies), len(ratings)))
    of_one = len({tally.a for tally in tallies}) == 1
    labels = [
        short_name(tally.b, _LABEL) if of_one else f"{short_name(tally.a, 12)} : {short_name(tally.b, 12)}"
        for tally in tallies
    ]
    names = [short_name(rating.name, _LABEL) for rating in ratings]
    margin, gap = (0.02 + 0.0085 * max(map(len, texts), default=0) for texts in (labels, names))
    inch, width = 1 / figure.get_figheight(), (0.94 - margin - gap) / 2
    bottom, height = 0.75 * inch, 1 - 1.35 * inch
    title = f"Games of {short_name(tallies[0].a, 32)}" if of_one else "Games"
    _draw_tallies(figure.add_axes((margin, bottom, width, height)), tallies, labels, title)
    _draw_ratings(figure.add_axes((margin + width + gap + 0.03, bottom, width, height)), ratings, names)
    return to_png(figure)


def _draw_tallies(axes: Axes, tallies: Sequence[Tally], labels: Sequence[str], title: str) -> None:
    """Draw the shares of games won, drawn and lost, with the score above them."""
    for row, tally in enumerate(tallies):
        begin = 0.0
        for n, color in ((tally.won, BLUE), (tally.drawn, FAINT), (tally.lost, ORANGE)):
            share = n / tally.games
            axes.barh(row, share, left=begin, height=0.62, color=color, alpha=0.85)
            if share >= 0.06:
                ink = INK if color == FAINT else "white"
                axes.text(begin + share / 2, row, f"{n}", ha="center", va="center", fontsize=9, color=ink)
            begin += share
        score = tally.score
        axes.plot([score.low, score.high], [row - 0.4, row - 0.4], color=INK, linewidth=1.6)
        axes.plot([score.mean], [row - 0.4], color=INK, marker="o", markersize=4)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(tallies) - 0.4, -0.7)
    axes.set_yticks(range(len(tallies)), labels)
    style_axes(axes, title, "won, drawn, lost; dot: score, with its 95 % interval", grid=None)


def _draw_ratings(axes: Axes, ratings: Sequence[Rating], names: Sequence[str]) -> None:
    """Draw the Elo ratings with their intervals, best first."""
    for row, rating in enumerate(ratings):
        axes.plot([rating.low, rating.high], [row, row], color=BLUE, linewidth=2.5, alpha=0.45)
        axes.plot([rating.elo], [row], color=BLUE, marker="o", markersize=6)
        write_above(axes, rating.elo, row, f"{rating.elo:+.0f}")
    axes.set_yticks(range(len(ratings)), names)
    axes.set_ylim(len(ratings) - 0.5, -0.7)
    axes.margins(x=0.12)
    style_axes(axes, "Elo", "bars: 95 %", grid="x")
