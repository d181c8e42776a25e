"""The search: ask "is V at least this bound?" repeatedly (MTD(f)), with a table at boundaries.

The table stores bounds of V and the best lead. It is shared by the seven plays of a position, and by
consecutive positions of the same deal and declaration in one thread.
"""

from __future__ import annotations

import numpy as np

from forge_core.kernels import kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.oracle.alphabeta.bounds import static_bounds
from forge_core.texas42.oracle.alphabeta.ordering import pick_answer, pick_lead
from forge_core.texas42.oracle.alphabeta.rulebook import (
    LEADER,
    PLAYS,
    close_trick,
    last_trick,
    legal_plays,
    mover,
    play,
    points_left,
    trick_value,
)

_NO_LEAD = 31
"""A value that is no domino's bit and fits the entry's five bits"""
_TABLE_BITS = 17
"""A table of 1 MiB, about the size of a core's L2 cache"""
_WORLDS = 1 << 14
"""Deals before the table is cleared; entries store their deal's number, so a new deal needs no clearing"""

SEARCH = np.dtype(
    [
        ("hands", np.int64, N_SEATS),  # as dealt
        ("decl", np.int64),
        ("world", np.int64),  # number of this deal and declaration, stored in its table entries
        ("slot_mask", np.int64),  # the part of the table in use
        ("table", np.int64, 1 << _TABLE_BITS),
    ],
    align=True,
)
"""The memory of one thread. A table entry holds, from bit 0: best lead (5 bits), high + 64 and
low + 64 (7 each), boundary (30), world (14)."""


@kernel
def enter(rules, search, deal, decl):
    """Set the deal [4, 7] and declaration for the positions that follow.

    If either is new, a new world number invalidates the table entries of the last one.
    """
    new = decl != search.decl
    search.decl = decl
    for seat in range(N_SEATS):
        hand = np.int64(0)
        for domino in deal[seat]:
            hand |= np.int64(1) << rules.bit[domino]
        new |= hand != search.hands[seat]
        search.hands[seat] = hand
    if new:
        search.world += 1
    if search.world == _WORLDS:
        search.table[:] = 0
        search.world = 1


@kernel
def search_plays(rules, search, boundary, trick, deal, q):
    """Fill q [7] of one position, by slot of the mover; illegal slots are left unchanged."""
    fit_table(search, boundary)
    # The value of one play is the first guess for the next: often they are equal.
    legal = legal_plays(rules, search, boundary, trick)
    seat = mover(boundary, trick)
    value = np.int64(0)
    for slot in range(HAND_SIZE):
        domino = rules.bit[deal[seat, slot]]
        if legal >> domino & 1:
            value = search_value(rules, search, boundary, play(rules, trick, domino), value)
            q[slot] = value


@kernel
def search_reached(rules, search, boundary, trick, deal, bound, reached):
    """Fill reached [7] of one position: 1 if V after the play is at least `bound` (team 0's frame), else 0.

    Slots as in `search_plays`. One question per play costs a fraction of its value: the nearer the bound
    is to the largest possible value, the sooner the first lost trick answers it.
    """
    fit_table(search, boundary)
    legal = legal_plays(rules, search, boundary, trick)
    seat = mover(boundary, trick)
    for slot in range(HAND_SIZE):
        domino = rules.bit[deal[seat, slot]]
        if legal >> domino & 1:
            after = play(rules, trick, domino)
            reached[slot] = _search(rules, search, boundary, after, bound) >= bound


@kernel
def fit_table(search, boundary):
    """Choose the part of the table in use: small endings use a small part, which fits a faster cache."""
    tricks_left = popcount(boundary & search.hands[boundary >> LEADER])
    search.slot_mask = (1 << min(3 * tricks_left - 1, _TABLE_BITS)) - 1 if tricks_left else 0


@kernel
def search_value(rules, search, boundary, trick, guess):
    """Return V of a position, by MTD(f). Call `fit_table` first. guess: where the queries begin."""
    # Each query uses a bound next to the last answer, and each answer moves the lower or the upper
    # bound of V; the loop ends when the two meet. A window one point wide cuts off most.
    high = points_left(rules, boundary)
    low = -high
    value = guess
    while low < high:
        bound = max(value, low + 1)
        value = _search(rules, search, boundary, trick, bound)
        if value >= bound:
            low = value
        else:
            high = value
    return low


@kernel
def _search(rules, search, boundary, trick, bound):
    """Decide whether V >= bound: return a lower bound of V that is >= bound, or an upper bound below it."""
    # First, forced plays: they need no branching and often close the trick.
    gained, boundary, trick, legal = _continue(rules, search, boundary, trick)
    if legal & (legal - 1) == 0:  # the leader's only domino, or none
        return gained + last_trick(rules, search, boundary) if legal else gained
    bound -= gained
    # At a boundary, the table or else the static bounds may give the answer without a search.
    slot, low, high, lead = np.int64(0), np.int64(0), np.int64(0), np.int64(_NO_LEAD)
    if trick == 0:
        slot = _slot(search, boundary)
        low, high, lead = _known(rules, search, boundary, slot)
        if low >= bound:
            return gained + low
        if high < bound:
            return gained + high
    # Try plays, best guess first (the best lead so far, then by ordering), until one settles the
    # query: team 0 looks for a value >= bound, team 1 for one below it.
    maximises = mover(boundary, trick) & 1 == 0
    best, best_play = (np.int64(-100) if maximises else np.int64(100)), np.int64(0)
    while legal:
        if lead != _NO_LEAD:
            domino, lead = lead, np.int64(_NO_LEAD)
        elif trick == 0:
            domino = pick_lead(rules, search, boundary, legal)
        else:
            domino = pick_answer(rules, search, boundary, trick, legal)
        legal ^= np.int64(1) << domino
        value = _search(rules, search, boundary, play(rules, trick, domino), bound)
        if (value > best) if maximises else (value < best):
            best, best_play = value, domino
        if (best >= bound) == maximises:
            break
    # The result tightens one bound of the boundary; the other keeps its value.
    if trick == 0:
        if best >= bound:
            low = max(low, best)
        else:
            high = min(high, best)
        _remember(search, boundary, slot, low, high, best_play)
    return gained + best


@kernel
def _continue(rules, search, boundary, trick):
    """Make forced plays up to the next choice or the end of the trick.

    Returns (points gained, boundary, trick, legal plays).
    """
    gained = np.int64(0)
    while True:
        if trick >> PLAYS == N_SEATS:
            boundary, taker = close_trick(boundary, trick)
            gained = trick_value(rules, trick, taker)
            trick = np.int64(0)
        legal = legal_plays(rules, search, boundary, trick)
        if trick == 0 or legal & (legal - 1):
            return gained, boundary, trick, legal
        trick = play(rules, trick, trailing_zeros(legal))


@kernel
def _known(rules, search, boundary, slot):
    """Return (low, high, lead): bounds of V, and the best lead found earlier, if any."""
    entry = search.table[slot]
    if entry >> 19 == boundary | search.world << 30:
        return (entry >> 12 & 127) - 64, (entry >> 5 & 127) - 64, entry & 31
    low, high = static_bounds(rules, search, boundary)
    return low, high, np.int64(_NO_LEAD)


@kernel
def _remember(search, boundary, slot, low, high, lead):
    """Overwrite the table entry of a boundary, because the search returns soonest to the newest one."""
    entry = boundary | search.world << 30
    search.table[slot] = entry << 19 | low + 64 << 12 | high + 64 << 5 | lead


@kernel
def _slot(search, boundary):
    """Return the table slot of a boundary, by multiplicative hashing.

    The factor is 2^64 divided by the golden ratio, as an int64.
    """
    return boundary * -7046029254386353131 >> 30 & search.slot_mask
