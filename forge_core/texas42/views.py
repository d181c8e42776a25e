"""Knowledge at the table: everything all players have seen, and the view of the mover in each of N games.

N games advance together, one play at a time, so all have the same number of plays. A view cannot
leak a hidden hand: it consists of copies and holds no reference to the deal.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from forge_core.texas42.auction import NO_CALL
from forge_core.texas42.dominoes import HAND_POINTS, N_SEATS
from forge_core.texas42.tables import COUNTS, FOLLOWS, LED_SUIT, TRICK_RANK

Bytes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Everything that is visible to all players of N games after t plays."""

    decl: Bytes
    """[N] declaration"""
    bidder: Bytes
    """[N] seat that made the winning bid"""
    bid: npt.NDArray[np.int16]
    """[N] 30..42, or 84, 126, ... for two or more marks"""
    plays: Bytes
    """[N, t] domino ids in playing order"""
    players: Bytes
    """[N, t] seat that made each play"""
    turn: Bytes
    """[N] seat to play; after the last play, the seat that took the last trick"""
    points: npt.NDArray[np.int16]
    """[N, 2] points taken so far by teams 0 and 1"""
    calls: npt.NDArray[np.int16]
    """[N, 4] calls of the auction in order, from the dealer's left: bids, 0 for a pass; NO_CALL in games
    whose contract comes from no auction"""
    forced: npt.NDArray[np.bool_]
    """[N] True if the dealer had to bid after three passes, by the house rule"""

    def __len__(self) -> int:
        return len(self.decl)

    @property
    def step(self) -> int:
        """t, the number of plays so far, 0..28."""
        return self.plays.shape[1]

    @property
    def leader(self) -> Bytes:
        """[N] seat that led the first trick."""
        return self.players[:, 0] if self.step else self.turn

    @property
    def had_auction(self) -> npt.NDArray[np.bool_]:
        """[N] bool: True if an auction led to the contract."""
        return self.calls[:, 0] != NO_CALL

    @property
    def callers(self) -> Bytes:
        """[N, 4] the seat that made each call; without meaning in games without an auction."""
        first = self.bidder - self.calls.argmax(axis=1)
        return ((first[:, None] + np.arange(N_SEATS)) % N_SEATS).astype(np.int8)

    @property
    def trick(self) -> Bytes:
        """[N, 0..3] ids in the current trick, lead first."""
        return self.plays[:, self.step - self.step % N_SEATS :]

    @property
    def needed(self) -> npt.NDArray[np.int16]:
        """[N] total points that the bidding team must take: the points bid, or all 42 for a bid of marks."""
        return np.minimum(self.bid, HAND_POINTS).astype(np.int16)

    def legal(self, hand: Bytes, held: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return [N, 7] bool: the mover's legal slots. hand: [N, 7] ids; held: [N, 7] slots still held."""
        if self.step % N_SEATS == 0:
            return held
        suit = LED_SUIT[self.decl, self.trick[:, 0]]
        following = held & FOLLOWS[self.decl[:, None], suit[:, None], hand]
        return np.where(following.any(axis=1, keepdims=True), following, held)

    def after(self, dominoes: Bytes) -> Seen:
        """Return the games after one more play each: domino ids [N], played by `turn`. Not checked."""
        trick = np.concatenate([self.trick, dominoes[:, None]], axis=1)
        turn, points = (self.turn + 1) % N_SEATS, self.points
        if trick.shape[1] == N_SEATS:
            leader = turn  # four seats later is the same seat
            suit = LED_SUIT[self.decl, trick[:, 0]]
            rank = TRICK_RANK[self.decl[:, None], suit[:, None], trick]
            turn = (leader + rank.argmax(axis=1)) % N_SEATS
            points = points.copy()
            points[np.arange(len(self)), turn % 2] += 1 + COUNTS[trick].sum(axis=1, dtype=np.int16)
        return replace(
            self,
            plays=np.concatenate([self.plays, dominoes[:, None]], axis=1),
            players=np.concatenate([self.players, self.turn[:, None]], axis=1),
            turn=turn.astype(np.int8),
            points=points,
        )

    def take(self, index) -> Seen:
        """Return a copy of the games at `index`: integers or a boolean mask."""
        return Seen(*(np.array(getattr(self, field.name)[index]) for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """The view of the player to move in each of N games."""

    seen: Seen
    hand: Bytes
    """[N, 7] ids in the mover's hand as dealt, ascending; a slot is an index into this row"""

    def __len__(self) -> int:
        return len(self.hand)

    @property
    def seat(self) -> Bytes:
        """[N] the seat whose view this is."""
        return self.seen.turn

    @property
    def held(self) -> npt.NDArray[np.bool_]:
        """[N, 7] bool: slots not yet played."""
        return ~(self.hand[:, :, None] == self.seen.plays[:, None, :]).any(axis=2)

    @property
    def legal(self) -> npt.NDArray[np.bool_]:
        """[N, 7] bool: legal slots."""
        return self.seen.legal(self.hand, self.held)

    def take(self, index) -> Views:
        """Return a copy of the views at `index`: integers or a boolean mask."""
        return Views(self.seen.take(index), np.array(self.hand[index]))
