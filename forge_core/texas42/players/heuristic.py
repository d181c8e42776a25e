"""A rule-based player at the level of a good beginner.

It cashes high dominoes, trumps first; wins tricks cheaply; and gives count to a winning partner. It uses
its hand, the plays made, and the suits in which others have shown out. It assumes that every opponent who
may hold a domino of the led suit follows with it, and looks no further ahead. `one_hand.heuristic` is the
same player as a kernel, for playouts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.texas42.declarations import N_DECLARATIONS, has_trump_power
from forge_core.texas42.dominoes import N_DOMINOES, N_SEATS
from forge_core.texas42.one_hand.heuristic import HEURISTIC_VERSION
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

_TRUMPS = CALLED & np.array([[has_trump_power(decl)] for decl in range(N_DECLARATIONS)])
_TRUMP_MASKS = (_TRUMPS.astype(np.int64) << np.arange(N_DOMINOES)).sum(axis=1)
"""[10] 28-bit masks"""
_OPPONENTS = (0, 2)
"""numbers of the opponents among the hidden seats, clockwise from the mover; 1 is the partner"""
_STILL_TO_PLAY = (2, 1, 1, 0)
"""number of opponents who play after the mover, by number of plays in the trick"""

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HeuristicPlayer:
    """A player that follows fixed rules without random draws."""

    saves_trumps: bool = False
    """if set, it leads no trump once no opponent can hold one, and so keeps its last trumps to regain the
    lead; the playouts of `forge bid` do so, while the player of matches stays the one that others were
    measured against"""

    @property
    def name(self) -> str:
        """The name: `heuristic`."""
        return "heuristic"

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on; see Player."""
        settings = {"saves_trumps": True} if self.saves_trumps else {}
        return {"player": "heuristic", "version": HEURISTIC_VERSION, **settings}

    def slots(self, views: Views, keys: Keys) -> Slots:
        """Return a legal play in each of N games; `keys` are not used."""
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
            if self.saves_trumps:
                high &= ~_TRUMPS[opponents.decl, hand] | opponents.may_hold_trumps
            worth = np.where(high, 10_000 * (1 + sure) + dear, stay_low)
        return np.where(views.legal, worth, np.iinfo(np.int64).min).argmax(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Opponents:
    """The dominoes that the movers' opponents may hold, in N games."""

    decl: Numbers
    """[N, 1]"""
    may_hold: tuple[Numbers, ...]
    """[N, 1] each: 28-bit masks of dominoes, those of the next player first"""

    @classmethod
    def of(cls, views: Views) -> _Opponents:
        hidden = unseen(views)
        bits = np.int64(1) << hidden.dominoes.astype(np.int64)
        may = tuple((bits * (hidden.allowed >> j & 1)).sum(axis=1, keepdims=True) for j in _OPPONENTS)
        return cls(views.seen.decl[:, None].astype(np.int64), may)

    @property
    def may_hold_trumps(self) -> Flags:
        """[N, 1] True if an opponent may hold a trump."""
        return np.bitwise_or(*self.may_hold) & _TRUMP_MASKS[self.decl] != 0

    def cannot_beat(
        self, suit: npt.NDArray, dominoes: Numbers, in_trick: int = 0, whatever: bool = False
    ) -> Flags:
        """Return [N, k]: True if no opponent still to play can beat `dominoes` [N, k] in a trick.

        suit: [N, k], the led suit. in_trick: the number of plays already in the trick. Assumes that
        opponents who may be able to follow suit do so; with `whatever`, that they may play any domino.
        """
        threats = np.zeros(dominoes.shape, dtype=np.int64)
        for held in self.may_hold[: _STILL_TO_PLAY[in_trick]]:
            following = held & FOLLOWING[self.decl, suit]
            threats |= np.where((following == 0) | whatever, held, following)
        return (BEATEN_BY[self.decl, suit, dominoes] & threats) == 0


def _dear(decl: Numbers, hand: Numbers, high: Flags) -> Numbers:
    """Return [N, 7], 0..99: the value of keeping each domino; trumps first, then high dominoes, then pips."""
    pips = HIGH_PIP[hand] + LOW_PIP[hand].astype(np.int64)
    rank = np.where(HIGH_PIP[hand] == LOW_PIP[hand], 14, pips)
    return 50 * _TRUMPS[decl, hand] + 20 * high + rank


def _table(views: Views, opponents: _Opponents, hand: Numbers) -> tuple[Flags, Flags, Flags]:
    """Return three masks for the current trick.

    [N, 1]: the partner's domino is winning it; [N, 1]: the winning domino cannot be beaten; [N, 7]: playing
    this domino wins the trick.
    """
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
