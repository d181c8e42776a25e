"""Summaries of P(make) over many hands, as figures and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forge_core.errors import BadInput
from forge_core.pictures import BLUE, INK, SOFT, new_figure, to_png
from forge_core.texas42.bidding.field import EVEN, Field, measure_field
from forge_core.texas42.bidding.poster import shade
from forge_core.texas42.bidding.table import BIDS, BidTable
from forge_core.texas42.declarations import N_DECLARATIONS, NAMES


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures for a number of hands."""

    hands: int
    deals: int
    """number of deals played out, over all hands and declarations"""
    mean_width: float
    """mean full width of the intervals"""
    field: Field
    """the share of hands that are worth each bid, and how often they make it"""
    best: tuple[int, ...]
    """[10] number of hands for which each declaration is the best"""


def summarize(tables: Sequence[BidTable]) -> Summary:
    """Summarize tables, one per hand. Raises BadInput if there are none or a declaration was not played."""
    p_make, low, high = _stack(tables)
    return Summary(
        hands=len(tables),
        deals=int(sum(table.n.sum() for table in tables)),
        mean_width=float((high - low).mean()),
        field=measure_field(p_make),
        best=tuple(np.bincount(_best(p_make), minlength=N_DECLARATIONS).tolist()),
    )


def draw_summary(tables: Sequence[BidTable]) -> bytes:
    """Draw P(make) of each hand under its best declaration, and how often each declaration is best, as a PNG.

    Raises BadInput like `summarize`.
    """
    p_make, *_ = _stack(tables)
    best = _best(p_make)
    of_best = p_make[np.arange(len(best)), best]
    order = np.argsort(-of_best.sum(axis=1), kind="stable")
    figure = new_figure(5, dpi=90, facecolor="white", layout="constrained")
    heat, bars = figure.subplots(1, 2, width_ratios=(3, 2))
    image = heat.imshow(of_best[order], cmap=shade(), vmin=0, vmax=1, aspect="auto", interpolation="none")
    heat.set_xticks(range(len(BIDS)), [str(bid) for bid in BIDS])
    heat.set_yticks([])
    heat.set(xlabel="bid", ylabel=f"{len(tables)} hands, the best on top")
    heat.set_title("P(make) by the best declaration", loc="left", fontsize=11, color=INK)
    figure.colorbar(image, ax=heat, shrink=0.6, ticks=(0, EVEN, 1))
    counts = np.bincount(best, minlength=N_DECLARATIONS)
    bars.barh(NAMES, counts, color=BLUE)
    bars.invert_yaxis()
    bars.set_title("Hands it is best for", loc="left", fontsize=11, color=INK)
    bars.spines[["top", "right", "left"]].set_visible(False)
    for axes in (heat, bars):
        axes.tick_params(length=0, colors=INK)
    sees = "all hands seen" if tables[0].sees_all else "every seat sees only its own hand"
    figure.suptitle(f"{tables[0].playout} playouts, {sees}", fontsize=9, color=SOFT, x=0.01, ha="left")
    return to_png(figure)


def _stack(tables: Sequence[BidTable]) -> np.ndarray:
    """Return P(make) and the lower and upper ends of its intervals, [3, N, 10, 13]."""
    if not tables:
        raise BadInput("there are no hands to summarize: pass at least one table")
    if not all(table.n.all() for table in tables):
        raise BadInput("a hand lacks a declaration: play out all ten declarations of every hand")
    return np.stack([np.stack([table.p_make, *table.interval]) for table in tables], axis=1)


def _best(p_make: np.ndarray) -> np.ndarray:
    """Return [N]: the declaration with the largest sum of P(make) over bids, the lowest if tied."""
    return p_make.sum(axis=2).argmax(axis=1)
