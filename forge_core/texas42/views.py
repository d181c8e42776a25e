"""What can be known at the table: what everybody saw, and what the mover of each of N games knows.

N games advance together, a play at a time, so all have made as many plays. A view cannot
hold a hidden hand: it is made of copies, with no way back to the deal they came from.
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
    """What everybody at the tables of N games has seen after t plays."""

    decl: Bytes
    """[N] declaration"""
    bidder: Bytes
    """[N] seat that made the bid"""
    bid: npt.NDArray[np.int16]
    """[N] 30..42, or 84 and more for marks"""
    plays: Bytes
    """[N, t] domino ids in the order they were played"""
    players: Bytes
    """[N, t] seat that made each play"""
    turn: Bytes
    """[N] seat to play; after the last play, who took the last trick"""
    points: npt.NDArray[np.int16]
    """[N, 2] points taken so far by teams 0 and 1"""

    def __len__(self) -> int:
        return len(self.decl)

    @property
    def step(self) -> int:
        """t, plays made so far, 0..28."""
        return self.plays.shape[1]

    @property
    def leader(self) -> Bytes:
        """[N] who led the first trick."""
        return self.players[:, 0] if self.step else self.turn

    @property
    def trick(self) -> Bytes:
        """[N, 0..3] ids of the trick so far, lead first."""
        return self.plays[:, self.step - self.step % N_SEATS :]

    @property
    def needed(self) -> npt.NDArray[np.int16]:
        """[N] points the bidders must take in all: the bid, or all 42 for one of marks."""
        return np.minimum(self.bid, HAND_POINTS).astype(np.int16)

    def legal(self, hand: Bytes, held: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """[N, 7] what the player on turn may play of `held` [N, 7] of the ids `hand` [N, 7]."""
        if self.step % N_SEATS == 0:
            return held
        suit = LED_SUIT[self.decl, self.trick[:, 0]]
        following = held & FOLLOWS[self.decl[:, None], suit[:, None], hand]
        return np.where(following.any(axis=1, keepdims=True), following, held)

    def after(self, dominoes: Bytes) -> Seen:
        """One more play in each game: `dominoes` [N], ids, by who is on turn. Checks nothing."""
        trick = np.concatenate([self.trick, dominoes[:, None]], axis=1)
        turn, points = (self.turn + 1) % N_SEATS, self.points
        if trick.shape[1] == N_SEATS:
            leader = turn  # four on: round the table once
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
        """The games at `index`: whole numbers or a mask. Copies."""
        return Seen(*(np.array(getattr(self, field.name)[index]) for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What the player on turn knows in each of N games."""

    seen: Seen
    hand: Bytes
    """[N, 7] ids of the hand it was dealt, ascending: a slot is a place in this row"""

    def __len__(self) -> int:
        return len(self.hand)

    @property
    def seat(self) -> Bytes:
        """[N] the player: whose view it is."""
        return self.seen.turn

    @property
    def held(self) -> npt.NDArray[np.bool_]:
        """[N, 7] slots not yet played."""
        return ~(self.hand[:, :, None] == self.seen.plays[:, None, :]).any(axis=2)

    @property
    def legal(self) -> npt.NDArray[np.bool_]:
        """[N, 7] slots that may be played."""
        return self.seen.legal(self.hand, self.held)

    def take(self, index) -> Views:
        """The games at `index`: whole numbers or a mask. Copies."""
        return Views(self.seen.take(index), np.array(self.hand[index]))
