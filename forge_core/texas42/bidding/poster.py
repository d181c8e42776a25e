"""A one-page poster of a hand, as PDF or PNG: its dominoes, P(make) by declaration and bid, and advice."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from forge_core.errors import BadInput
from forge_core.pictures import BLUE, INK, ORANGE, SOFT, new_figure, style_axes, to_pdf, to_png
from forge_core.texas42.auction import PASS, call_text
from forge_core.texas42.bidding.advice import Advice, explain
from forge_core.texas42.bidding.table import BIDS, BidTable, bid_index, provenance
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.domino_art import draw_domino
from forge_core.texas42.notation import by_suit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

FORMATS = ("pdf", "png")
_MARKED = "#222222"
_EVEN = "#fbfaf6"
"""the colour for P(make) = 0.5, between ORANGE for 0 and BLUE for 1"""
_LINE = 145
"""characters per line of the small print"""
_SURE = 0.75
"""P(make) is written in white if twice its distance from 0.5 exceeds this"""


def draw_poster(table: BidTable, advice: Advice, kind: str = "pdf") -> bytes:
    """Draw the poster. kind: one of FORMATS. Equal tables give equal bytes. Raises BadInput."""
    if kind not in FORMATS:
        raise BadInput(f"poster format {kind!r}: use {' or '.join(FORMATS)}")
    figure = new_figure(8.5, 11, facecolor="white")
    decl = advice.recommended.decl
    figure.text(0.05, 0.94, "What is this hand worth?", fontsize=22, color=INK)
    _draw_hand(figure, table, decl)
    _draw_heat(figure, table, advice)
    for line, text in enumerate(explain(advice, table)):
        figure.text(0.05, 0.165 - 0.03 * line, text, fontsize=11, color=INK)
    figure.text(0.05, 0.05, fill(provenance(table), _LINE), fontsize=8.5, color=SOFT, va="top")
    return to_pdf(figure) if kind == "pdf" else to_png(figure)


def shade() -> LinearSegmentedColormap:
    """Return the colour map for P(make) from 0 to 1."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("made", [ORANGE, _EVEN, BLUE])


def _draw_hand(figure: Figure, table: BidTable, decl: int | None) -> None:
    """Draw the seven dominoes by suit, with the trumps of the recommended declaration coloured."""
    from forge_core.texas42.declarations import is_called

    axes = figure.add_axes((0.05, 0.735, 0.9, 0.18))
    axes.set_axis_off()
    axes.set_xlim(0, 11 * 0.9)
    axes.set_ylim(0, 8.5 * 0.18)
    for place, domino in enumerate(by_suit(table.hand, decl)):
        called = decl is not None and is_called(domino, decl)
        draw_domino(axes, domino, 0.36 + 0.86 * place, 0.75, size=0.66, called=called)


def _draw_heat(figure: Figure, table: BidTable, advice: Advice) -> None:
    """Draw P(make) by declaration (best on top) and bid, with a frame around the recommended bid."""
    from matplotlib.patches import Rectangle

    asked = np.flatnonzero(table.n)
    p_make, n = table.p_make[asked], table.n[asked]
    order = np.argsort(-p_make.sum(axis=1), kind="stable")
    asked, p_make, n = asked[order], p_make[order], n[order]
    means = [float(table.points[decl].mean()) for decl in asked]

    axes = figure.add_axes((0.145, 0.225, 0.72, 0.42))
    axes.imshow(p_make, cmap=shade(), vmin=0, vmax=1, aspect="auto")
    for row, of_decl in enumerate(p_make):
        for column, p in enumerate(of_decl):
            ink = "white" if abs(p - 0.5) * 2 > _SURE else INK
            axes.text(column, row, f"{100 * p:.0f}", ha="center", va="center", fontsize=9.5, color=ink)
    _dress(axes, [NAMES[decl] for decl in asked])
    _margin(axes, len(BIDS) + 0.4, "points", [f"{mean:.1f}" for mean in means])
    _margin(axes, len(BIDS) + 1.2, "deals", [f"{deals:,}" for deals in n])
    best = advice.recommended
    if best.decl is not None and best.call != PASS:
        corner = (bid_index(best.call) - 0.5, int(np.flatnonzero(asked == best.decl)[0]) - 0.5)
        axes.add_patch(
            Rectangle(corner, 1, 1, fill=False, edgecolor=_MARKED, linewidth=2.2, clip_on=False, zorder=5)
        )
        axes.set_title(
            f"framed: {call_text(best.call)}, {NAMES[best.decl]}",
            loc="right",
            fontsize=9,
            color=SOFT,
            pad=30,
        )


def _dress(axes: Axes, names: list[str]) -> None:
    style_axes(axes, "Deals made, in percent (marks: as 42)", grid=None, pad=28)
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(BIDS)), [str(bid) for bid in BIDS])
    axes.tick_params(labelsize=10, top=False, labeltop=True, labelbottom=False)
    axes.set_xticks(np.arange(len(BIDS) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)


def _margin(axes: Axes, x: float, title: str, cells: list[str]) -> None:
    """Write a column of figures to the right of the heat map."""
    for row, cell in enumerate([title, *cells], start=-1):
        color = SOFT if row < 0 else INK
        axes.text(x, row if row >= 0 else -0.78, cell, ha="right", va="center", fontsize=9.5, color=color)
