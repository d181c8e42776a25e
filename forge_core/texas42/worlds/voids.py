"""A player's knowledge of the other three hands: known voids, and who may hold each unseen domino."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.device import to_device
from forge_core.errors import BadInput
from forge_core.ranges import integers
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.rules import N_SUITS
from forge_core.texas42.tables import FOLLOWING, FOLLOWS, LED_SUIT
from forge_core.texas42.views import Seen, Views

N_HIDDEN = N_SEATS - 1
"""Hidden seats 0, 1, 2 are seats mover + 1, + 2, + 3: clockwise from the mover."""


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """The U dominoes that the mover of each of N games neither was dealt nor has seen played.

    A *world* is a way to deal them that is consistent with `allowed` and `need`. numpy arrays, or
    torch tensors of the same types on one device.
    """

    dominoes: Any
    """[N, U] int8 ids, ascending"""
    allowed: Any
    """[N, U] uint8 mask of the hidden seats that may hold each domino: bit j = hidden seat j"""
    need: Any
    """[N, 3] int8 number of dominoes that each hidden seat still holds"""

    def __len__(self) -> int:
        return len(self.dominoes)

    def take(self, index) -> Unseen:
        """Return a copy of the games at `index`: integers or a boolean mask."""
        return Unseen(self.dominoes[index], self.allowed[index], self.need[index])

    def tensors(self, device: str) -> Unseen:
        """Return a copy as torch tensors on `device`."""
        return Unseen(*(to_device(getattr(self, field.name), device) for field in fields(self)))


def voids(seen: Seen) -> npt.NDArray[np.bool_]:
    """Return [N, 4, 8] bool: True if the seat has failed to follow the suit (7 = called)."""
    lead = np.repeat(seen.plays[:, ::N_SEATS], N_SEATS, axis=1)[:, : seen.step]
    decl = seen.decl[:, None]
    suit = LED_SUIT[decl, lead]
    game, play = np.nonzero(~FOLLOWS[decl, suit, seen.plays])
    void = np.zeros((len(seen), N_SEATS, N_SUITS), dtype=np.bool_)
    void[game, seen.players[game, play], suit[game, play]] = True
    return void


def unseen(views: Views) -> Unseen:
    """Return the dominoes unseen by the movers of N games, and the seats that may hold them."""
    seen, rows = views.seen, np.arange(len(views))[:, None]
    is_unseen = np.ones((len(views), N_DOMINOES), dtype=np.bool_)
    is_unseen[rows, views.hand] = False
    is_unseen[rows, seen.plays] = False
    n_unseen = (N_SEATS - 1) * HAND_SIZE - seen.step + seen.step // N_SEATS  # minus the others' plays
    dominoes = np.nonzero(is_unseen)[1].reshape(len(views), n_unseen).astype(np.int8)

    hidden = (views.seat[:, None] + np.arange(1, N_SEATS)) % N_SEATS
    suits_out = voids(seen)[rows, hidden]  # [N, 3, 8]
    barred = np.bitwise_or.reduce(suits_out * FOLLOWING[seen.decl][:, None], axis=2)  # [N, 3] masks
    may = barred[..., None] >> dominoes[:, None] & 1 == 0
    bits = np.arange(N_HIDDEN, dtype=np.uint8)[:, None]
    played = (seen.players[:, None] == hidden[..., None]).sum(axis=2)
    return Unseen(
        dominoes,
        np.bitwise_or.reduce(may.astype(np.uint8) << bits, axis=1),
        (HAND_SIZE - played).astype(np.int8),
    )


def unseen_of_lists(dominoes: Sequence[int], allowed: Sequence[int], need: Sequence[int]) -> Unseen:
    """Build one position, sorted by id, from ids, masks and counts. Raises BadInput if they are invalid."""
    ids, masks, counts = (
        integers(numbers, name)
        for name, numbers in (("unseen", dominoes), ("allowed", allowed), ("need", need))
    )
    if len(set(ids)) != len(ids) or not all(0 <= domino < N_DOMINOES for domino in ids):
        raise BadInput(f"unseen {ids}: use domino ids 0..{N_DOMINOES - 1}, each at most once")
    if len(masks) != len(ids) or not all(0 <= mask < 1 << N_HIDDEN for mask in masks):
        raise BadInput(f"allowed {masks} for {len(ids)} unseen dominoes: give one 3-bit mask 0..7 for each")
    if len(counts) != N_HIDDEN or not all(0 <= count <= HAND_SIZE for count in counts):
        raise BadInput(f"need {counts}: give three counts, 0..{HAND_SIZE} each")
    if sum(counts) != len(ids):
        raise BadInput(
            f"need {counts} adds up to {sum(counts)}: make it add up to {len(ids)}, the unseen dominoes"
        )
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return Unseen(
        np.array([[ids[i] for i in order]], dtype=np.int8).reshape(1, -1),
        np.array([[masks[i] for i in order]], dtype=np.uint8).reshape(1, -1),
        np.array([counts], dtype=np.int8),
    )
