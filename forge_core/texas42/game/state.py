"""N hands of Texas 42, each at its own step, and the lookup tables their rules need.

The rules stand here as tables built from rules.py and auction.py, so that a step is a few
lookups without branches. The same code runs on numpy arrays and on tensors of any device.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from forge_core.game import Array
from forge_core.texas42.auction import PASS, legal_calls, marks_of, points_needed
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import HAND_POINTS, N_DOMINOES, N_SEATS
from forge_core.texas42.game.actions import CALLS
from forge_core.texas42.rules import N_SUITS
from forge_core.texas42.tables import COUNTS, FOLLOWS, LED_SUIT, TRICK_RANK

CALL, DECLARE, PLAY, OVER = range(4)
"""Phases of a hand."""
NO_SUIT = N_SUITS
"""The led suit when the next play leads."""
NONE = -1
"""No seat, no call, no declaration, not played."""


@dataclass(frozen=True, slots=True, eq=False)
class TableState:
    """N hands: int64 except where it says int8. numpy arrays, or tensors on one device."""

    deals: Array
    """[N, R, 28] int8 seat that each domino is dealt to: the first deal, then those for when all pass"""
    deal: Array
    """[N] which of the R deals is played"""
    owner: Array
    """[N, 28] int8 seat that each domino was dealt to in this deal"""
    ply: Array
    """[N, 28] int8 plays made before this domino was played, NONE while it is held"""
    phase: Array
    """[N] CALL, DECLARE, PLAY or OVER"""
    turn: Array
    """[N] seat to act; of no meaning in a finished row"""
    dealer: Array
    """[N] seat that calls last, NONE without an auction"""
    calls: Array
    """[N, 4] by seat: place in CALLS, NONE before it has called"""
    bid: Array
    """[N] place in CALLS of the highest bid so far, 0 for none"""
    bidder: Array
    """[N] seat that made it, NONE for none"""
    decl: Array
    """[N] 0..9, NONE before it is declared"""
    plays: Array
    """[N] plays made in this deal, 0..28"""
    led: Array
    """[N] led suit 0..7, NO_SUIT between tricks"""
    winning: Array
    """[N] seat that holds the trick so far, NONE between tricks"""
    rank: Array
    """[N] rank of its domino, 0 between tricks"""
    worth: Array
    """[N] count points of the trick so far"""
    points: Array
    """[N, 2] points taken by teams 0 and 1"""

    def __len__(self) -> int:
        return len(self.phase)


class Lookups(NamedTuple):
    """Tables as arrays of one library on one device: int64 and bool."""

    follows: Array
    """[10, 9, 28] bool: follows the led suit; for NO_SUIT everything does"""
    led_suit: Array
    """[10, 28]"""
    trick_rank: Array
    """[10, 9, 28]; for NO_SUIT 0"""
    counts: Array
    """[28] count points"""
    may_call: Array
    """[2, 18, 18] bool: may be called over the highest bid so far; first index 1 where a bid is a must"""
    needed: Array
    """[18] points that the side of the bidder must take, by place in CALLS"""
    marks: Array
    """[18] marks that the bid is worth"""
    dominoes: Array
    """[28] 0..27"""
    seats: Array
    """[4] 0..3"""
    teams: Array
    """[2] 0, 1"""
    signs: Array
    """[4] 1 for seats of team 0, -1 for those of team 1"""
    unlimited: Array
    """[10] True: any declaration may be made"""


@cache
def lookups(device: str | None) -> Lookups:
    """Return the tables as numpy arrays (None) or on a device. Cached: copying to a device synchronises."""
    legal = [[[call in legal_calls(CALLS[high], must) for call in CALLS] for high in range(len(CALLS))]
             for must in (False, True)]  # fmt: skip
    everything = np.ones((N_DECLARATIONS, 1, N_DOMINOES), dtype=bool)
    arrays = (
        np.concatenate([FOLLOWS, everything], axis=1),
        LED_SUIT,
        np.concatenate([TRICK_RANK, everything * np.int8(0)], axis=1),
        COUNTS,
        np.array(legal),
        np.array([HAND_POINTS if bid == PASS else points_needed(bid) for bid in CALLS]),
        np.array([0 if bid == PASS else marks_of(bid) for bid in CALLS]),
        np.arange(N_DOMINOES),
        np.arange(N_SEATS),
        np.arange(2),
        1 - 2 * (np.arange(N_SEATS) % 2),
        np.ones(N_DECLARATIONS, dtype=bool),
    )
    wide = [array if array.dtype == bool else array.astype(np.int64) for array in arrays]
    if device is None:
        return Lookups(*wide)
    import torch

    with torch.inference_mode(False):  # cached: the first caller must not decide what the others may do
        return Lookups(*(torch.tensor(array, device=device) for array in wide))


def lookups_for(array: Array) -> Lookups:
    """Return the tables in the library and on the device of `array`."""
    return lookups(None if isinstance(array, np.ndarray) else str(array.device))
