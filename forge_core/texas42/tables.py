"""The rules as arrays, built from rules.py: tables of the domino set, and tables of one deal by slot.

All arrays are read-only numpy arrays; `on_device` returns the tables of the set as torch tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from forge_core.texas42 import rules
from forge_core.texas42.deals import Deal
from forge_core.texas42.declarations import N_DECLARATIONS, is_called
from forge_core.texas42.dominoes import COUNT, HAND_SIZE, N_DOMINOES, N_SEATS, PIPS

if TYPE_CHECKING:
    from torch import Tensor

Bytes = npt.NDArray[np.int8]


def _frozen(array: npt.NDArray) -> npt.NDArray:
    array.setflags(write=False)
    return array


_DECLS, _SUITS, _IDS = range(N_DECLARATIONS), range(rules.N_SUITS), range(N_DOMINOES)

HIGH_PIP = _frozen(np.array([high for high, _ in PIPS], dtype=np.int8))
"""[28] int8"""
LOW_PIP = _frozen(np.array([low for _, low in PIPS], dtype=np.int8))
"""[28] int8"""
COUNTS = _frozen(np.array(COUNT, dtype=np.int8))
"""[28] int8, points"""
CALLED = _frozen(np.array([[is_called(d, decl) for d in _IDS] for decl in _DECLS]))
"""[10, 28] bool: True if the domino is in the called set of the declaration"""
LED_SUIT = _frozen(np.array([[rules.led_suit(d, decl) for d in _IDS] for decl in _DECLS], dtype=np.int8))
"""[10, 28] int8: the suit that a lead establishes; 7 = called"""
FOLLOWS = _frozen(
    np.array([[[rules.follows(d, suit, decl) for d in _IDS] for suit in _SUITS] for decl in _DECLS])
)
"""[10, 8, 28] bool: True if the domino follows the suit"""
FOLLOWING = _frozen((FOLLOWS.astype(np.int64) << np.arange(N_DOMINOES)).sum(axis=2))
"""[10, 8] int64: 28-bit mask of the dominoes that follow a suit"""
TRICK_RANK = _frozen(
    np.array(
        [[[rules.trick_rank(d, suit, decl) for d in _IDS] for suit in _SUITS] for decl in _DECLS],
        dtype=np.int8,
    )
)
"""[10, 8, 28] int8: the rank of a domino when the suit is led; the highest rank wins"""


def _beaten_by() -> npt.NDArray[np.int32]:
    higher = TRICK_RANK[:, :, None, :] > TRICK_RANK[:, :, :, None]  # [decl, suit, domino, other]
    return (higher.astype(np.int32) << np.arange(N_DOMINOES, dtype=np.int32)).sum(axis=3, dtype=np.int32)


def _called_place() -> Bytes:
    rank = np.where(CALLED, TRICK_RANK[:, rules.CALLED_SUIT], -1)
    better = (rank[:, None, :] > rank[:, :, None]).sum(axis=2)
    return np.where(CALLED, better, NOT_CALLED).astype(np.int8)


NOT_CALLED = 7
"""The CALLED_PLACE of dominoes that are not called: one past the last place"""
BEATEN_BY = _frozen(_beaten_by())
"""[10, 8, 28] int32: 28-bit mask of the dominoes that outrank this one when the suit is led"""
CALLED_PLACE = _frozen(_called_place())
"""[10, 28] int8: rank within the called set; 0 = best, 7 = not called"""
DOMINO_FEATURES = _frozen(
    np.stack([*np.broadcast_arrays(HIGH_PIP, LOW_PIP, COUNTS // 5, CALLED_PLACE)], axis=2).astype(np.int8)
)
"""[10, 28, 4] int8: fixed features of a domino: high pip, low pip, count class 0/1/2, CALLED_PLACE"""


class TableTensors(NamedTuple):
    """The tables of the domino set on one device, int64 or bool."""

    led_suit: Tensor
    follows: Tensor
    trick_rank: Tensor
    domino_features: Tensor
    beats_led: Tensor
    """[10, 28 led, 28 other] bool: True if the other domino would beat the one led"""


@cache
def on_device(device: Any) -> TableTensors:
    """Return the tables as tensors on `device`. Cached, because a host-to-device copy synchronises."""
    import torch

    with torch.inference_mode(False):  # the cached tensors must not inherit the first caller's inference mode
        rank = np.take_along_axis(
            TRICK_RANK, LED_SUIT[:, :, None].astype(np.int64), axis=1
        )  # [decl, led, other]
        own = np.diagonal(rank, axis1=1, axis2=2)[:, :, None]
        whole = [torch.tensor(array, dtype=torch.int64, device=device) for array in (LED_SUIT, TRICK_RANK)]
        features = torch.tensor(DOMINO_FEATURES, dtype=torch.int64, device=device)
        follows, beats_led = (torch.tensor(array, device=device) for array in (FOLLOWS, rank > own))
        return TableTensors(whole[0], follows, whole[1], features, beats_led)


@dataclass(frozen=True, slots=True)
class DealTables:
    """The rules of one deal under one declaration, by slot.

    The leading seat and its slot come first in every index. Then comes either a player's offset
    0..3 from the leader, or the slots of the other three players in playing order.
    """

    follow: npt.NDArray[np.uint8]
    """[4 leader, 7 lead, 4 offset] uint8: bit i is set if the player's slot i follows the lead"""
    winner: npt.NDArray[np.uint8]
    """[4 leader, 7, 7, 7, 7] uint8: the seat that wins the trick of these four slots, in playing order"""
    points: Bytes
    """[4 leader, 7, 7, 7, 7] int8: points of that trick in team 0's frame"""


def deal_tables(deal: Deal, decl: int) -> DealTables:
    """Build the tables of one deal [4, 7] int8 under one declaration."""
    seats = np.arange(N_SEATS)
    by_offset = deal[(seats[:, None] + seats) % N_SEATS]  # [leader, offset, slot] ids
    suit = LED_SUIT[decl][deal]  # [leader, lead]
    led = suit[:, :, None, None], by_offset[:, None]  # -> [leader, lead, offset, slot]
    follow_bits = FOLLOWS[decl][led].astype(np.uint8) << np.arange(HAND_SIZE, dtype=np.uint8)
    rank = TRICK_RANK[decl][led]

    # [leader, lead, b, c, d]: ranks and counts of every possible trick. To find the winner, play b, c
    # and d in turn; each takes over the trick if it ranks above the best domino so far.
    own = np.take_along_axis(rank[:, :, 0], np.arange(HAND_SIZE)[None, :, None], axis=2)[..., 0]
    b, c, d = rank[:, :, 1, :, None, None], rank[:, :, 2, None, :, None], rank[:, :, 3, None, None, :]
    best = np.broadcast_to(own[:, :, None, None, None], (N_SEATS, *(HAND_SIZE,) * 4))
    offset = np.zeros(best.shape, dtype=np.uint8)
    for place, played in enumerate((b, c, d), start=1):
        beats = played > best
        offset = np.where(beats, np.uint8(place), offset)
        best = np.where(beats, played, best)
    winner = (offset + seats[:, None, None, None, None].astype(np.uint8)) % N_SEATS
    counts = COUNTS[by_offset]  # [leader, offset, slot]
    total = (
        1
        + counts[:, 0, :, None, None, None]
        + counts[:, 1, None, :, None, None]
        + counts[:, 2, None, None, :, None]
        + counts[:, 3, None, None, None, :]
    )
    points = np.where(winner & 1, -total, total).astype(np.int8)
    follow = np.bitwise_or.reduce(follow_bits, axis=3)
    return DealTables(*map(_frozen, (follow, winner.astype(np.uint8), points)))
