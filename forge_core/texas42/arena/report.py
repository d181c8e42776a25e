"""Match reports: points, contracts and marks of a pair of players, and the picture of the standings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from forge_core.arena import pictures
from forge_core.arena.standings import Column, better_side
from forge_core.stats import Difference, mcnemar, paired_difference, wilson_interval
from forge_core.texas42.arena.match import Match
from forge_core.texas42.arena.measures import SWING


@dataclass(frozen=True, slots=True)
class Contracts:
    """The number of contracts that a player made as bidder, with the interval of the share made."""

    made: int
    low: float
    """lower end of the interval"""
    high: float
    """upper end of the interval"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of two players on the same D deals, in which each bids once."""

    a: str
    b: str
    deals: int
    swing: Difference
    """points per deal that a takes with the bidders' hands, minus those that b takes with the same hands"""
    contracts_a: Contracts
    contracts_b: Contracts
    p_contracts: float
    """McNemar's p-value for the hypothesis that both players make equally many contracts"""
    marks_a: int
    """a's marks over both games of each deal: contracts that a made, and contracts in which it set b"""
    marks_b: int
    better: str | None
    """the better player by the sequential test, `a` or `b`; None if undecided or without a test"""

    @classmethod
    def of(cls, match: Match) -> Comparison:
        """Return the comparison for a match. Raises BadInput if it has fewer than two deals."""
        n, worth = len(match), match.by_a.marks
        by_a, by_b = match.made
        made_a, made_b = int(by_a.sum()), int(by_b.sum())
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
            better=better_side(match.sprt),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON types."""
        return asdict(self)


def _contracts(made: int, n: int) -> Contracts:
    low, high = wilson_interval(made, n)
    return Contracts(made, float(low), float(high))


def pair_columns(percent: str = "") -> list[Column[Match]]:
    """Return the columns of Texas 42 for a table of pairs. percent: the text after a percentage."""

    def made(match: Match) -> str:
        found = Comparison.of(match)
        shares = (100 * side.made / found.deals for side in (found.contracts_a, found.contracts_b))
        return " : ".join(f"{share:.0f}{percent}" for share in shares)

    def p_contracts(match: Match) -> str:
        return f"{Comparison.of(match).p_contracts:.2g}"

    def marks(match: Match) -> str:
        found = Comparison.of(match)
        return f"{found.marks_a:,} : {found.marks_b:,}"

    return [Column("made", made), Column("p", p_contracts), Column("marks", marks)]


def draw_standings(matches: Sequence[Match]) -> bytes:
    """Draw the standings of matches as a PNG 1000 pixels wide. Raises BadInput if there are no matches."""
    return pictures.draw_standings(matches, SWING, "advantage with the same hands; bars: 95 %")
