"""Why a hand fell short: the deals in which it did, played trick by trick by perfect play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forge_core.errors import BadInput
from forge_core.texas42.bidding.playouts import BIDDER
from forge_core.texas42.bidding.table import BidTable, draw_deals
from forge_core.texas42.deals import Deal, Hands
from forge_core.texas42.dominoes import HAND_POINTS, N_DOMINOES, N_PLAYS, N_SEATS, team
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.rules import trick_points, trick_winner
from forge_core.texas42.state import ILLEGAL, advance, initial_state, to_mover_frame, unpack
from forge_core.texas42.tables import deal_tables


@dataclass(frozen=True, slots=True)
class Trick:
    """A trick as it was played."""

    leader: int
    dominoes: tuple[int, int, int, int]
    """ids, lead first, clockwise"""
    winner: int
    """seat"""
    points: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A deal in which the bidder's team took too little."""

    sample: int
    """its number in the table"""
    hands: Hands
    points: int
    """of the playout"""
    tricks: tuple[Trick, ...]
    """seven, by perfect play of all four, all hands seen"""

    @property
    def points_of_line(self) -> int:
        """What the bidder's team takes in `tricks`; by oracle playouts the same as `points`."""
        return sum(trick.points for trick in self.tricks if team(trick.winner) == team(BIDDER))


@dataclass(frozen=True, slots=True)
class Suspect:
    """An unseen domino, and how often an opponent held it."""

    domino: int
    when_short: float
    """share of the deals that fell short"""
    otherwise: float
    """share of the others; NaN if there are none"""


@dataclass(frozen=True, slots=True)
class Investigation:
    """The deals of a declaration that fell short of a number of points."""

    decl: int
    below: int
    samples: int
    """deals played out"""
    short: int
    """deals that fell short"""
    shown: tuple[Shortfall, ...]
    """the first of them"""
    suspects: tuple[Suspect, ...]
    """the 21 unseen dominoes, the most suspicious first; none unless a deal fell short"""


def investigate(table: BidTable, decl: int, below: int, max_show: int = 3) -> Investigation:
    """Find the deals of `table` in which `decl` took fewer than `below` points.

    Raises BadInput if the declaration was not played out, or for numbers that mean nothing.
    """
    check_question(below, max_show)
    points = table.points[decl]
    if not len(points):
        raise BadInput(f"declaration {decl} was not played out: ask for it")
    deals = draw_deals(table.hand, decl, table.seed, 0, len(points))
    is_short = points < below
    shown = tuple(
        Shortfall(int(sample), deals[sample].tolist(), int(points[sample]), best_line(deals[sample], decl))
        for sample in np.flatnonzero(is_short)[:max_show]
    )
    suspects = _suspects(table.hand, deals, is_short) if is_short.any() else ()
    return Investigation(decl, below, len(points), int(is_short.sum()), shown, suspects)


def check_question(below: int, max_show: int) -> None:
    """Raise BadInput unless `below` is a number of points that can be missed, and deals may be shown."""
    if not 1 <= below <= HAND_POINTS:
        raise BadInput(f"below {below} points: use 1..{HAND_POINTS}")
    if max_show < 0:
        raise BadInput(f"{max_show} deals to show: use 0 or more")


def best_line(deal: Deal, decl: int) -> tuple[Trick, ...]:
    """Perfect play of all four seats from the lead of seat 0, as seven tricks; of equals the lowest id."""
    tables = deal_tables(deal, decl)
    state, plays, movers = np.array([initial_state(BIDDER)]), [], []
    for _ in range(N_PLAYS):
        worth = to_mover_frame(root_q(deal, decl, None, state, workers=1), state)[0]
        slot = int(np.where(worth == ILLEGAL, -HAND_POINTS - 1, worth).argmax())
        mover = int(unpack(state).mover[0])
        plays.append(int(deal[mover, slot]))
        movers.append(mover)
        state, _ = advance(state, [slot], tables)
    return tuple(
        _trick(movers[first], plays[first : first + N_SEATS], decl) for first in range(0, N_PLAYS, N_SEATS)
    )


def _trick(leader: int, dominoes: Sequence[int], decl: int) -> Trick:
    a, b, c, d = dominoes
    winner = (leader + trick_winner(dominoes, decl)) % N_SEATS
    return Trick(leader, (a, b, c, d), winner, trick_points(dominoes))


def _suspects(hand: Sequence[int], deals: np.ndarray, is_short: np.ndarray) -> tuple[Suspect, ...]:
    """How often each unseen domino was in seat 1 or 3."""
    against = (deals[:, 1::2, :, None] == np.arange(N_DOMINOES)).any(axis=(1, 2))  # [n, 28]
    when_short = against[is_short].mean(axis=0)
    otherwise = against[~is_short].mean(axis=0) if not is_short.all() else np.full(N_DOMINOES, np.nan)
    unseen = [domino for domino in range(N_DOMINOES) if domino not in hand]
    ranked = sorted(unseen, key=lambda domino: (-np.nan_to_num(when_short - otherwise)[domino], domino))
    return tuple(Suspect(d, float(when_short[d]), float(otherwise[d])) for d in ranked)
