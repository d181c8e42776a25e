"""Knowledge at the table: what everybody has seen, and what the mover of each of N games knows.

N games advance together, one play at a time, so all have made the same number of plays. A view
cannot contain a hidden hand: it is made of copies, without a reference to the deal.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from forge_core.texas42.dominoes import HAND_POINTS, N_SEATS
from forge_core.texas42.tables import COUNTS, FOLLOWS, LED_SUIT, TRICK_RANK

Bytes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Everything that all players of N games have seen after t plays."""

    decl: Bytes
    """[N] declaration"""
    bidder: Bytes
    """[N] seat that made the bid"""
    bid: npt.NDArray[np.int16]
    """[N] 30..42, or 84 and more for marks"""
    plays: Bytes
    """[N, t] domino ids in the order of play"""
    players: Bytes
    """[N, t] seat that made each play"""
    turn: Bytes
    """[N] seat to play; after the last play, the seat that took the last trick"""
    points: npt.NDArray[np.int16]
    """[N, 2] points taken so far by teams 0 and 1"""

    def __len__(self) -> int:
        return len(self.decl)

    @property
    def step(self) -> int:
        """t, the number of plays so far, 0..28."""
        return self.plays.shape[1]

    @property
    def leader(self) -> Bytes:
        """[N] the seat that led the first trick."""
        return self.players[:, 0] if self.step else self.turn

    @property
    def trick(self) -> Bytes:
        """[N, 0..3] ids of the trick so far, lead first."""
        return self.plays[:, self.step - self.step % N_SEATS :]

    @property
    def needed(self) -> npt.NDArray[np.int16]:
        """[N] the points that the bidders must take in all: those bid, or all 42 for a bid of marks."""
        return np.minimum(self.bid, HAND_POINTS).astype(np.int16)

    def legal(self, hand: Bytes, held: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Return [N, 7] the legal slots of the players to move, who hold slots `held` of the ids `hand`."""
        if self.step % N_SEATS == 0:
            return held
        suit = LED_SUIT[self.decl, self.trick[:, 0]]
        following = held & FOLLOWS[self.decl[:, None], suit[:, None], hand]
        return np.where(following.any(axis=1, keepdims=True), following, held)

    def after(self, dominoes: Bytes) -> Seen:
        """Return the games after one more play each: ids `dominoes` [N], by the seat to play. Unchecked."""
        trick = np.concatenate([self.trick, dominoes[:, None]], axis=1)
        turn, points = (self.turn + 1) % N_SEATS, self.points
        if trick.shape[1] == N_SEATS:
            leader = turn  # four seats on: once round the table
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
        """Return a copy of the games at `index`: integers or a mask."""
        return Seen(*(np.array(getattr(self, field.name)[index]) for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """The knowledge of the player to move in each of N games."""

    seen: Seen
    hand: Bytes
    """[N, 7] ids of its hand as dealt, ascending: a slot is a position in this row"""

    def __len__(self) -> int:
        return len(self.hand)

    @property
    def seat(self) -> Bytes:
        """[N] the player whose view it is."""
        return self.seen.turn

    @property
    def held(self) -> npt.NDArray[np.bool_]:
        """[N, 7] slots not yet played."""
        return ~(self.hand[:, :, None] == self.seen.plays[:, None, :]).any(axis=2)

    @property
    def legal(self) -> npt.NDArray[np.bool_]:
        """[N, 7] legal slots."""
        return self.seen.legal(self.hand, self.held)

    def take(self, index) -> Views:
        """Return a copy of the games at `index`: integers or a mask."""
        return Views(self.seen.take(index), np.array(self.hand[index]))
