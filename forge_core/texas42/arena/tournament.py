"""Tournaments: every two of several sides play whole games; their shares, ratings and calibration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from forge_core.arena.ratings import Rating, bootstrap_ratings
from forge_core.arena.settings import DEFAULT_BATCH, held_out_seeds
from forge_core.errors import BadInput
from forge_core.stats import Difference, wilson_interval
from forge_core.streams import stream
from forge_core.texas42.arena.whole_games import GAMES_PER_PAIR, PairedGames, PlayedHand, Side, play_pairs
from forge_core.texas42.dominoes import N_SEATS

PLACES = ("first to call", "second", "third", "dealer")
"""the places in the order of calling"""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The contracts of a side: how many it expected to make, and how many it made."""

    place: int | None
    """the bidder's place in the order of calling, 0..3; None for all places"""
    contracts: int
    promised: float
    """mean chance to make the bid, as the bidder estimates it when it declares"""
    made: float
    """share of contracts made"""
    low: float
    """lower end of the 95 % interval of the share made"""
    high: float
    """upper end"""


@dataclass(frozen=True, slots=True)
class SideReport:
    """One of the two sides of a comparison."""

    name: str
    contracts_per_game: float
    mean_marks: float
    """marks that a contract of the side is worth"""
    calibration: tuple[Calibration, ...]
    """for all contracts, and then for each place with contracts"""
    bidding_s: float
    """CPU seconds per game"""
    playing_s: float
    """CPU seconds per game"""


@dataclass(frozen=True, slots=True)
class GamesReport:
    """A comparison of two sides by whole games."""

    pairs: int
    share: Difference
    """share of the games that side a won, over pairs of games"""
    both: int
    """pairs of which side a won both games"""
    neither: int
    """pairs of which it won none"""
    hands_per_game: float
    """hands that were played; those that all passed do not count"""
    a: SideReport
    b: SideReport

    @classmethod
    def of(cls, games: PairedGames) -> GamesReport:
        """Return the comparison for the games of two sides."""
        n = GAMES_PER_PAIR * len(games.seed)
        a, b = (_side(name, side, games, n) for side, name in enumerate((games.a, games.b)))
        won = games.won.sum(axis=1)
        return cls(
            len(games.seed),
            games.share,
            int((won == GAMES_PER_PAIR).sum()),
            int((won == 0).sum()),
            len(games.hands) / n,
            a,
            b,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON types."""
        return asdict(self)


def calibrate(hands: Iterable[PlayedHand]) -> tuple[Calibration, ...]:
    """Return the calibration of contracts: of all, then by place; empty if there are none."""
    hands = list(hands)
    by_place = [[hand for hand in hands if hand.place == place] for place in range(N_SEATS)]
    parts = [(None, hands), *enumerate(by_place)]
    return tuple(_calibration(place, some) for place, some in parts if some)


def play_tournament(
    sides: Sequence[Side],
    pairs: int,
    seed: int = 0,
    forced: bool = False,
    batch: int = DEFAULT_BATCH,
    on_games: Callable[[int], None] | None = None,
) -> list[PairedGames]:
    """Play `pairs` pairs of games between every two sides, on the same seeds of the val split.

    The rest: see `play_pairs`. Raises BadInput for fewer than two sides, or two of the same name.
    """
    names = [side.name for side in sides]
    if len(sides) < 2 or len(set(names)) < len(names):
        raise BadInput(f"sides {', '.join(names)}: name at least two, each one once")
    seeds = held_out_seeds(pairs)
    return [play_pairs(a, b, seeds, seed, forced, batch, on_games) for a, b in combinations(sides, 2)]


def rate_sides(matches: Sequence[PairedGames], anchor: str, seed: int = 0) -> list[Rating]:
    """Return Elo ratings, best first, with bootstrapped intervals; that of the anchor is 0."""
    return bootstrap_ratings([games.pair_scores for games in matches], anchor, stream(seed, "tournament"))


def _side(name: str, side: int, games: PairedGames, n: int) -> SideReport:
    hands, cost = [hand for hand in games.hands if hand.side == side], games.costs[side]
    marks = [hand.contract.marks for hand in hands]
    return SideReport(
        name,
        len(hands) / n,
        float(np.mean(marks)) if marks else 0.0,
        calibrate(hands),
        cost.bidding / n,
        cost.playing / n,
    )


def _calibration(place: int | None, hands: Sequence[PlayedHand]) -> Calibration:
    made = sum(hand.made for hand in hands)
    low, high = wilson_interval(made, len(hands))
    promised = float(np.mean([hand.p_make for hand in hands]))
    return Calibration(place, len(hands), promised, made / len(hands), float(low), float(high))
