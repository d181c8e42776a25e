"""N hands of Texas 42, each at its own step, and the lookup tables for their rules.

The tables are built from rules.py and auction.py, so that a step takes a few lookups and no
branches. The same code runs on numpy arrays and on tensors on any device.
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
"""Phases of a hand"""
NO_SUIT = N_SUITS
"""The led suit while no domino has been led"""
NONE = -1
"""No seat, no call, no declaration, or not played"""


@dataclass(frozen=True, slots=True, eq=False)
class TableState:
    """N hands; fields are int64 unless noted. numpy arrays, or tensors on one device."""

    deals: Array
    """[N, R, 28] int8 seat that holds each domino: in the first deal, then in each redeal"""
    deal: Array
    """[N] index of the deal being played, 0..R - 1"""
    owner: Array
    """[N, 28] int8 seat that was dealt each domino in this deal"""
    ply: Array
    """[N, 28] int8 ply at which each domino was played; NONE while it is held"""
    phase: Array
    """[N] CALL, DECLARE, PLAY or OVER"""
    turn: Array
    """[N] seat to act; meaningless once the hand is over"""
    dealer: Array
    """[N] seat that calls last; NONE without an auction"""
    calls: Array
    """[N, 4] index into CALLS by seat; NONE before the seat has called"""
    bid: Array
    """[N] index into CALLS of the highest bid so far; 0 if there is none"""
    bidder: Array
    """[N] seat that made the highest bid; NONE if there is none"""
    decl: Array
    """[N] declaration 0..9; NONE before it is made"""
    plays: Array
    """[N] plays made in this deal, 0..28"""
    led: Array
    """[N] led suit 0..7; NO_SUIT between tricks"""
    winning: Array
    """[N] seat that is winning the trick; NONE between tricks"""
    rank: Array
    """[N] rank of the winning domino; 0 between tricks"""
    worth: Array
    """[N] count points in the current trick"""
    points: Array
    """[N, 2] points taken by teams 0 and 1"""

    def __len__(self) -> int:
        return len(self.phase)


class Lookups(NamedTuple):
    """Lookup tables as int64 and bool arrays of one library, on one device."""

    follows: Array
    """[10, 9, 28] bool: True if the domino follows the led suit; always True for NO_SUIT"""
    led_suit: Array
    """[10, 28]"""
    trick_rank: Array
    """[10, 9, 28]; 0 for NO_SUIT"""
    counts: Array
    """[28] count points"""
    may_call: Array
    """[2, 18, 18] bool: [must bid, highest bid so far, call] -> the call is legal"""
    needed: Array
    """[18] points that the bidding team must take, by index into CALLS"""
    marks: Array
    """[18] marks that the bid is worth, by index into CALLS"""
    dominoes: Array
    """[28] 0..27"""
    seats: Array
    """[4] 0..3"""
    teams: Array
    """[2] 0, 1"""
    signs: Array
    """[4] 1 for the seats of team 0, -1 for those of team 1"""
    unlimited: Array
    """[10] all True: every declaration is allowed"""


@cache
def lookups(device: str | None) -> Lookups:
    """Return the tables as numpy arrays (None) or on a device. Cached, because a device copy synchronises."""
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

    with torch.inference_mode(False):  # the cached tensors must not inherit the first caller's inference mode
        return Lookups(*(torch.tensor(array, device=device) for array in wide))


def lookups_for(array: Array) -> Lookups:
    """Return the tables in the library and on the device of `array`."""
    return lookups(None if isinstance(array, np.ndarray) else str(array.device))
