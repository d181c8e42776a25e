"""Deals in which a hand fell short of its bid, replayed trick by trick with perfect play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forge_core.errors import BadInput
from forge_core.texas42.bidding.playouts import BIDDER
from forge_core.texas42.bidding.table import BidTable, draw_deals
from forge_core.texas42.deals import Deal, Hands
from forge_core.texas42.dominoes import HAND_POINTS, N_DOMINOES, N_PLAYS, team
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.state import ILLEGAL, advance, initial_state, to_mover_frame, unpack
from forge_core.texas42.tables import deal_tables
from forge_core.texas42.tricks import Trick, score, tricks_after


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A deal in which the bidder's team took too few points."""

    sample: int
    """the number of the deal in the table"""
    hands: Hands
    points: int
    """points of the bidder's team in the playout"""
    tricks: tuple[Trick, ...]
    """the seven tricks of perfect play by all four seats with all hands seen"""

    @property
    def points_of_line(self) -> int:
        """The points of the bidder's team in `tricks`; equal to `points` for oracle playouts."""
        return score(self.tricks)[team(BIDDER)]


@dataclass(frozen=True, slots=True)
class Suspect:
    """An unseen domino, and the share of deals in which an opponent held it."""

    domino: int
    when_short: float
    """the share among deals that fell short"""
    otherwise: float
    """the share among the other deals; NaN if there are none"""


@dataclass(frozen=True, slots=True)
class Investigation:
    """The deals of one declaration in which the bidder's team took fewer than `below` points."""

    decl: int
    below: int
    samples: int
    """number of deals played out"""
    short: int
    """number of deals that fell short"""
    shown: tuple[Shortfall, ...]
    """the first deals that fell short"""
    suspects: tuple[Suspect, ...]
    """the 21 unseen dominoes by descending `when_short` - `otherwise`; empty if no deal fell short"""


def investigate(table: BidTable, decl: int, below: int, max_show: int = 3) -> Investigation:
    """Find the deals of `table` in which the bidder's team took fewer than `below` points under `decl`.

    max_show: the maximum number of deals to replay. Raises BadInput if the declaration was not played out
    or a number is out of range.
    """
    check_question(below, max_show)
    points = table.points[decl]
    if not len(points):
        raise BadInput(f"declaration {decl} was not played out: include it in the declarations to play")
    deals = draw_deals(table.hand, decl, table.seed, 0, len(points))
    is_short = points < below
    shown = tuple(
        Shortfall(int(sample), deals[sample].tolist(), int(points[sample]), best_line(deals[sample], decl))
        for sample in np.flatnonzero(is_short)[:max_show]
    )
    suspects = _suspects(table.hand, deals, is_short) if is_short.any() else ()
    return Investigation(decl, below, len(points), int(is_short.sum()), shown, suspects)


def check_question(below: int, max_show: int) -> None:
    """Raise BadInput unless 1 <= below <= 42 and max_show >= 0."""
    if not 1 <= below <= HAND_POINTS:
        raise BadInput(f"below {below}: use 1 to {HAND_POINTS} points")
    if max_show < 0:
        raise BadInput(f"{max_show} deals to show: use at least 0")


def best_line(deal: Deal, decl: int) -> tuple[Trick, ...]:
    """Return the seven tricks of perfect play by all four seats, with seat 0 leading.

    Among equally good plays, the domino with the lowest id is played.
    """
    tables = deal_tables(deal, decl)
    state, plays = np.array([initial_state(BIDDER)]), []
    for _ in range(N_PLAYS):
        q = to_mover_frame(root_q(deal, decl, None, state, workers=1), state)[0]
        slot = int(np.where(q == ILLEGAL, -HAND_POINTS - 1, q).argmax())
        plays.append(int(deal[int(unpack(state).mover[0]), slot]))
        state, _ = advance(state, [slot], tables)
    return tuple(tricks_after(plays, BIDDER, decl))


def _suspects(hand: Sequence[int], deals: np.ndarray, is_short: np.ndarray) -> tuple[Suspect, ...]:
    """Compare how often seats 1 and 3 held each unseen domino in deals that fell short and in others."""
    with_opponents = (deals[:, 1::2, :, None] == np.arange(N_DOMINOES)).any(axis=(1, 2))  # [n, 28]
    when_short = with_opponents[is_short].mean(axis=0)
    otherwise = with_opponents[~is_short].mean(axis=0) if not is_short.all() else np.full(N_DOMINOES, np.nan)
    unseen = [domino for domino in range(N_DOMINOES) if domino not in hand]
    ranked = sorted(unseen, key=lambda domino: (-np.nan_to_num(when_short - otherwise)[domino], domino))
    return tuple(Suspect(d, float(when_short[d]), float(otherwise[d])) for d in ranked)
