"""What matches say: figures with their intervals, who stands where, and a picture of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.pictures import BLUE, INK, SOFT, new_figure, style_axes, to_png
from forge_core.stats import Difference, Verdict, mcnemar, paired_difference, wilson_interval
from forge_core.texas42.arena.match import Match

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Contracts:
    """What a player made of the deals when it bid."""

    made: int
    low: float
    """of the interval of the share made"""
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two players on the same D deals, each bidding once."""

    a: str
    b: str
    deals: int
    swing: Difference
    """points a deal by which a is better: with the bidders' hands, it takes so many more than b with them"""
    contracts_a: Contracts
    contracts_b: Contracts
    p_contracts: float
    """McNemar: how likely so unequal a number of contracts is if both make them equally often"""
    marks_a: int
    """over both games of each deal, by its own contracts and by those of b that are set"""
    marks_b: int
    better: str | None
    """by the sequential test: `a` or `b`; None if it is open or was not asked for"""

    @classmethod
    def of(cls, match: Match) -> Comparison:
        """Raises BadInput for a match of fewer than two deals."""
        n, worth = len(match), match.by_a.marks
        by_a, by_b = match.made
        made_a, made_b = int(by_a.sum()), int(by_b.sum())
        verdict = match.sprt.verdict if match.sprt else Verdict.CONTINUE
        return cls(
            a=match.a,
            b=match.b,
            deals=n,
            swing=paired_difference(match.by_a.points, match.by_b.points),
            contracts_a=_contracts(made_a, n),
            contracts_b=_contracts(made_b, n),
            p_contracts=mcnemar(int((by_a & ~by_b).sum()), int((by_b & ~by_a).sum())),
            marks_a=int(worth[by_a].sum() + worth[~by_b].sum()),
            marks_b=int(worth[by_b].sum() + worth[~by_a].sum()),
            better={Verdict.ACCEPT_H1: "a", Verdict.ACCEPT_H0: "b"}.get(verdict),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a player does against all others."""

    name: str
    swing: Difference
    """points a deal, on average over the others, on the deals played against each of them"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return asdict(self)


def _contracts(made: int, n: int) -> Contracts:
    low, high = wilson_interval(made, n)
    return Contracts(made, float(low), float(high))


def standings(matches: Sequence[Match]) -> list[Standing]:
    """The players of matches, best first. Raises BadInput where one has no two deals in common with all."""
    names = list(dict.fromkeys(name for match in matches for name in (match.a, match.b)))
    found = [_standing(name, [match for match in matches if name in (match.a, match.b)]) for name in names]
    return sorted(found, key=lambda standing: -standing.swing.mean)


def by_rank(matches: Sequence[Match], ranked: Sequence[Standing]) -> list[Match]:
    """The matches in order of rank, each told of the better against the worse."""
    names = [standing.name for standing in ranked]
    told = [match if names.index(match.a) <= names.index(match.b) else match.swapped() for match in matches]
    return sorted(told, key=lambda match: (names.index(match.a), names.index(match.b)))


def _standing(name: str, matches: Sequence[Match]) -> Standing:
    common = reduce(np.intersect1d, [match.by_a.seed for match in matches])
    told = [match if match.a == name else match.swapped() for match in matches]
    swings = [match.swing[np.isin(match.by_a.seed, common)] for match in told]
    return Standing(name, paired_difference(np.mean(swings, axis=0), np.zeros(len(common))))


# --- the picture ------------------------------------------------------------------------------


def draw_standings(matches: Sequence[Match]) -> bytes:
    """Who stands where, and every pair: a PNG 1000 pixels wide. Raises BadInput for no match."""
    if not matches:
        raise BadInput("there is no match to draw: play one")
    ranked = standings(matches)
    names = [standing.name for standing in ranked]
    figure = new_figure(1.5 + 0.45 * len(names))
    left, right = figure.subplots(1, 2, sharey=True)
    margin, inch = min(0.4, 0.045 + 0.0085 * max(map(len, names))), 1 / figure.get_figheight()
    figure.subplots_adjust(left=margin, right=0.985, top=1 - 0.6 * inch, bottom=0.75 * inch, wspace=0.08)
    _draw_ranks(left, ranked)
    _draw_pairs(right, matches, names)
    left.set_yticks(range(len(names)), [f"{name}  {1 + place}" for place, name in enumerate(names)])
    left.set_ylim(len(names) - 0.5, -0.5)
    return to_png(figure)


def _draw_ranks(axes: Axes, ranked: Sequence[Standing]) -> None:
    """Points a deal against all others, with intervals."""
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
    title, label = "Points a deal against all others", "better by, with the same hands; bars: 95 %"
    style_axes(axes, title, label, grid="x")


def _draw_pairs(axes: Axes, matches: Sequence[Match], names: Sequence[str]) -> None:
    """The row against the column, points a deal; faint where the interval holds 0."""
    swing = np.full((len(names), len(names)), np.nan)
    for found in map(Comparison.of, (*matches, *(match.swapped() for match in matches))):
        row, column, sure = names.index(found.a), names.index(found.b), found.swing.decided
        swing[row, column] = found.swing.mean
        axes.text(
            column,
            row,
            f"{found.swing.mean:+.1f}",
            ha="center",
            va="center",
            fontsize=9,
            color=INK if sure else SOFT,
            weight="bold" if sure else "normal",
        )
    most = max(1.0, float(np.nanmax(np.abs(swing))))
    axes.imshow(swing, cmap="PuOr_r", vmin=-2 * most, vmax=2 * most, aspect="auto")
    axes.set_xticks(range(len(names)), [str(1 + place) for place in range(len(names))])
    style_axes(axes, "The row against the column", "by rank; bold: the interval leaves out 0", grid=None)
    axes.tick_params(labelleft=False)
