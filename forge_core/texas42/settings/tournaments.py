"""User settings of tournaments: whole games to seven marks, in pairs."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.arena.settings import DEFAULT_BATCH, MatchSettings
from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.settings import like, setting

DEFAULT_PAIRS, MOST_PAIRS = 100, 100_000
"""the default and the largest number of pairs of games; more than that is a typing error"""


def read_pairs(text: str) -> int:
    """Parse a number of pairs of games, 2..MOST_PAIRS. Raises BadInput."""
    pairs = whole(text, "number of pairs")
    if not 2 <= pairs <= MOST_PAIRS:
        raise BadInput(f"{pairs:,} pairs of games: use 2 to {MOST_PAIRS:,}")
    return pairs


@dataclass(frozen=True, slots=True)
class TournamentSettings:
    """Settings of a tournament: the games to play."""

    pairs: int = setting(
        DEFAULT_PAIRS,
        "Pairs of games for each two sides; both games of a pair have the same deals, with seats exchanged.",
        read=read_pairs,
    )
    seed: int = like(MatchSettings, "seed")
    forced: bool = setting(False, "House rule: the dealer must bid if all others pass.")
    batch: int = setting(DEFAULT_BATCH, "Pairs played in lockstep; does not change results.", read=read_pairs)
