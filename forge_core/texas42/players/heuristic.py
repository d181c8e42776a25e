"""A player like a good beginner: cashes high dominoes, trumps first; wins cheaply; feeds a winning partner.

It uses its hand, the plays, and the suits that others have shown out of. It assumes that every
opponent who may hold a domino of the suit follows with it, and counts no further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.texas42.declarations import N_DECLARATIONS, has_trump_power
from forge_core.texas42.dominoes import N_SEATS
from forge_core.texas42.players.protocol import Keys, Slots
from forge_core.texas42.tables import (
    BEATEN_BY,
    CALLED,
    COUNTS,
    FOLLOWING,
    HIGH_PIP,
    LED_SUIT,
    LOW_PIP,
    TRICK_RANK,
)
from forge_core.texas42.views import Views
from forge_core.texas42.worlds.voids import unseen

HEURISTIC_VERSION = "h1"
"""Raised when its plays change."""

_TRUMPS = CALLED & np.array([[has_trump_power(decl)] for decl in range(N_DECLARATIONS)])
_OPPONENTS = (0, 2)
"""hidden seats, clockwise from the mover: the next player and the last; 1 is the partner"""
_STILL_TO_PLAY = (2, 1, 1, 0)
"""opponents who play after the mover, by plays in the trick"""

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HeuristicPlayer:
    """Fixed rules, without a random draw."""

    @property
    def name(self) -> str:
        """`heuristic`."""
        return "heuristic"

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {"player": "heuristic", "version": HEURISTIC_VERSION}

    def slots(self, views: Views, keys: Keys) -> Slots:
        """See Player."""
        opponents = _Opponents.of(views)
        hand = views.hand.astype(np.int64)
        own_suit = LED_SUIT[opponents.decl, hand]
        count = 100 * COUNTS[hand].astype(np.int64)
        high = opponents.cannot_beat(own_suit, hand)
        dear = _dear(opponents.decl, hand, high)
        stay_low = -count - dear
        if views.seen.step % N_SEATS:
            partner_holds, partner_wins, wins = _table(views, opponents, hand)
            support = np.where(partner_wins, count, -count) - dear
            contest = np.where(wins, 10_000 + count - dear, stay_low)
            worth = np.where(partner_holds, support, contest)
        else:
            sure = opponents.cannot_beat(own_suit, hand, whatever=True)
            worth = np.where(high, 10_000 * (1 + sure) + dear, stay_low)
        return np.where(views.legal, worth, np.iinfo(np.int64).min).argmax(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Opponents:
    """The dominoes that the movers' opponents may hold, in N games."""

    decl: Numbers
    """[N, 1]"""
    may_hold: tuple[Numbers, ...]
    """[N, 1] each: 28-bit masks, the next player's first"""

    @classmethod
    def of(cls, views: Views) -> _Opponents:
        hidden = unseen(views)
        bits = np.int64(1) << hidden.dominoes.astype(np.int64)
        may = tuple((bits * (hidden.allowed >> j & 1)).sum(axis=1, keepdims=True) for j in _OPPONENTS)
        return cls(views.seen.decl[:, None].astype(np.int64), may)

    def cannot_beat(
        self, suit: npt.NDArray, dominoes: Numbers, in_trick: int = 0, whatever: bool = False
    ) -> Flags:
        """Return [N, k] True where `dominoes` [N, k] stand, led by `suit` [N, k], after `in_trick` plays.

        Assumes that opponents who may follow suit do; with `whatever`, that they play anything.
        """
        threats = np.zeros(dominoes.shape, dtype=np.int64)
        for held in self.may_hold[: _STILL_TO_PLAY[in_trick]]:
            following = held & FOLLOWING[self.decl, suit]
            threats |= np.where((following == 0) | whatever, held, following)
        return (BEATEN_BY[self.decl, suit, dominoes] & threats) == 0


def _dear(decl: Numbers, hand: Numbers, high: Flags) -> Numbers:
    """Return [N, 7] 0..99 how much each domino is worth keeping: trumps, then high ones, then pips."""
    pips = HIGH_PIP[hand] + LOW_PIP[hand].astype(np.int64)
    rank = np.where(HIGH_PIP[hand] == LOW_PIP[hand], 14, pips)
    return 50 * _TRUMPS[decl, hand] + 20 * high + rank


def _table(views: Views, opponents: _Opponents, hand: Numbers) -> tuple[Flags, Flags, Flags]:
    """Return three masks: [N, 1] the partner holds the trick; [N, 1] it will stand; [N, 7] this play wins."""
    trick = views.seen.trick.astype(np.int64)
    suit = LED_SUIT[opponents.decl, trick[:, :1]]
    rank = TRICK_RANK[opponents.decl, suit, trick]
    place = rank.argmax(axis=1)[:, None]
    best = np.take_along_axis(trick, place, axis=1)
    beats = TRICK_RANK[opponents.decl, suit, hand] > rank.max(axis=1, keepdims=True)
    in_trick = trick.shape[1]
    partner_holds = place == in_trick - 2
    partner_wins = opponents.cannot_beat(suit, best, in_trick)
    return partner_holds, partner_wins, beats & opponents.cannot_beat(suit, hand, in_trick)
