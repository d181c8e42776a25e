"""The whole-deal solver on a CUDA device: the two passes of cpu.py in Triton, a batch of deals at a time.

On a CPU the hands of a row share SIMD instructions. Only about ten of a row's 35 hands can
occur, so most lanes of a GPU would play for nobody. Here the reached boundaries of a level
are listed, deal behind deal, and **each lane plays the tricks of one boundary**: like cpu.py
it takes the lowest bit of what may still be played, for as long as any lane beside it has
plays left. In the other kernels a lane is a row, a state or a place. A program steps
through its list in strides, so a launch need not know how long the list is: no count comes
back to the host between levels.

Reach takes no atomics. A boundary is marked by a 1 where its value will stand, and lanes
that come to it by different tricks store the same; then every row packs its marks into bits.

Layouts are those of boundary.py with the deal in front, views those of cpu.py. Offsets have
32 bits, enough for 64 deals. benchmarks/gpu_solver.py says what to expect of a device.
"""

# Kernels are written in Triton's language, whose types are not Python's:
# pyright: reportArgumentType=false

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch

from forge_core.errors import BadInput, DeviceUnavailable
from forge_core.texas42.deals import Deal
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.oracle.boundary import INDEX, N_ROWS, N_VALUES
from forge_core.texas42.oracle.solver import Solution
from forge_core.texas42.oracle.states import (
    Sample,
    cannot_occur,
    draw_places,
    label_all_states,
    weigh_sample,
)
from forge_core.texas42.state import ILLEGAL, States, as_states, check_states, initial_state, unpack
from forge_core.texas42.tables import DealTables, deal_tables

try:
    import triton
    import triton.language as tl
except ImportError as missing:
    raise DeviceUnavailable(
        "solving on CUDA needs Triton, which is not installed: pip install triton, or use device cpu"
    ) from missing

BATCH = 16
"""Deals solved together: their larger levels fill any device; each takes 110 MB of it while it is solved"""
LANES = 32
"""Items a program works on at a time: one warp, so that it waits for no other"""
MOST_DEALS = 64
"""of a batch, so that every offset fits 32 bits"""

# Constants of the game, as kernels may read them.
SEATS, SLOTS = tl.constexpr(N_SEATS), tl.constexpr(HAND_SIZE)
VALUES, ROWS = tl.constexpr(N_VALUES), tl.constexpr(N_ROWS)
LARGEST = tl.constexpr(int(INDEX.n_subsets.max()))


# --- bits ---------------------------------------------------------------------------------


@triton.jit
def _count(hand):
    """How many slots a 7-bit mask holds."""
    pairs = hand - ((hand >> 1) & 0x55)
    fours = (pairs & 0x33) + ((pairs >> 2) & 0x33)
    return (fours + (fours >> 4)) & 0xF


@triton.jit
def _slot(bit):
    """The slot of a one-bit mask; 7 for none."""
    return _count((bit - 1) & 0x7F)


@triton.jit
def _count_word(word):
    """How many bits of an int64 are set."""
    word = word - ((word >> 1) & 0x5555555555555555)
    word = (word & 0x3333333333333333) + ((word >> 2) & 0x3333333333333333)
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0F
    word += word >> 8
    word += word >> 16
    word += word >> 32
    return (word & 0x7F).to(tl.int32)


@triton.jit
def _nth_bit(word, nth):
    """The place of the nth set bit of an int64, counted from 0."""
    for passed in range(tl.max(nth, 0)):
        word = tl.where(passed < nth, word & (word - 1), word)
    return _count_word((word & -word) - 1)


# --- what every kernel asks -----------------------------------------------------------------


@triton.jit
def _lanes(start, total, LANES: tl.constexpr):
    """The items of a list that a program's lanes work on; past the end they repeat the last one."""
    return tl.minimum(start + tl.arange(0, LANES), total - 1)


@triton.jit
def _hand(rank, masks, level):
    """The 7-bit mask of this rank among those of `level` bits."""
    return tl.load(masks + level * LARGEST + rank).to(tl.int32)


@triton.jit
def _rank(hand, ranks):
    """The rank of a 7-bit mask among those with as many bits."""
    return tl.load(ranks + hand).to(tl.int32)


@triton.jit
def _legal(hand, follow, lead, offset):
    """The slots of `hand` that may be played: those that follow, or all if none does.

    lead: (deal x 4 + leader) x 7 + slot led; offset: the player's, from the leader.
    """
    fits = hand & tl.load(follow + lead * SEATS + offset).to(tl.int32)
    return tl.where(fits != 0, fits, hand)


@triton.jit
def _most(options):
    """The longest of the lanes' lists of options."""
    return tl.max(_count(options), 0)


@triton.jit
def _place(taker, leader, a, b, c, d, n):
    """Where a boundary lies in its level; the four ranks go by offset from the last leader."""
    ahead = (taker - leader) & 3
    by_a = ((b * n + c) * n + d) * n + a
    by_b = ((c * n + d) * n + a) * n + b
    by_c = ((d * n + a) * n + b) * n + c
    by_d = ((a * n + b) * n + c) * n + d
    by_taker = tl.where(ahead < 2, tl.where(ahead == 0, by_a, by_b), tl.where(ahead == 2, by_c, by_d))
    return taker * (n * n * n * n) + by_taker


# --- both passes ----------------------------------------------------------------------------

_NUMBERS = ["total", "level", "n", "n_next", "first_value", "next_value", "first_row", "first_count"]
"""Arguments that change from launch to launch: one compilation serves all."""


@triton.jit(do_not_specialize=_NUMBERS)
def _list_boundaries(reached, ends, listed, masks, total, level, n, first_row, LANES: tl.constexpr):
    """A lane is a row: write down its reached boundaries, behind those of the rows before.

    total = D x 4 n^3 rows; ends int32 [total]: reached boundaries up to the end of a row;
    listed: ids int32, row x n + rank, row counted through all deals.
    """
    rows = SEATS * n * n * n
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        row = _lanes(start, total, LANES)
        words = reached + (row // rows * ROWS + first_row + row % rows) * 2
        word0, word1 = tl.load(words), tl.load(words + 1)
        place = tl.load(ends + row) - _count_word(word0) - _count_word(word1)
        for rank in range(n):
            hand = _hand(rank, masks, level)
            here = (tl.where(hand < 64, word0, word1) >> (hand & 63)) & 1
            tl.store(listed + place, row * n + rank, mask=here != 0)
            place += here.to(tl.int32)


@triton.jit(do_not_specialize=_NUMBERS)
def _play_tricks(
    listed, n_listed, follow, tricks, masks, ranks, values, level, n, n_next, next_value, LANES: tl.constexpr
):
    """A lane is a reached boundary: play all its tricks and mark what follows in `values`."""
    total = tl.load(n_listed)
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        boundary = tl.load(listed + _lanes(start, total, LANES))
        row = boundary // n
        side = row // (n * n * n)  # deal x 4 + leader
        a_hand = _hand(boundary % n, masks, level)
        b_hand = _hand(row // (n * n) % n, masks, level)
        c_hand = _hand(row // n % n, masks, level)
        d_hand = _hand(row % n, masks, level)
        marks = values + side // SEATS * VALUES + next_value
        a_left = a_hand
        for _a in range(level):
            a_bit = a_left & -a_left
            a_left ^= a_bit
            a_rank = _rank(a_hand ^ a_bit, ranks)
            lead = side * SLOTS + _slot(a_bit)
            b_legal = _legal(b_hand, follow, lead, 1)
            c_legal = _legal(c_hand, follow, lead, 2)
            d_legal = _legal(d_hand, follow, lead, 3)
            most_c, most_d = _most(c_legal), _most(d_legal)
            b_left = b_legal
            for _b in range(_most(b_legal)):
                b_bit = b_left & -b_left
                b_rank = _rank(b_hand ^ b_bit, ranks)
                c_left = tl.where(b_left != 0, c_legal, 0)
                for _c in range(most_c):
                    c_bit = c_left & -c_left
                    c_rank = _rank(c_hand ^ c_bit, ranks)
                    played = ((lead * SLOTS + _slot(b_bit)) * SLOTS + _slot(c_bit)) * SLOTS
                    d_left = tl.where(c_left != 0, d_legal, 0)
                    for _d in range(most_d):
                        d_bit = d_left & -d_left
                        plays = d_left != 0
                        d_rank = _rank(d_hand ^ d_bit, ranks)
                        trick = tl.load(tricks + played + _slot(d_bit), mask=plays, other=0).to(tl.int32)
                        after = _place(trick & 3, side % SEATS, a_rank, b_rank, c_rank, d_rank, n_next)
                        tl.store(marks + after, 1, mask=plays)
                        d_left ^= d_bit
                    c_left ^= c_bit
                b_left ^= b_bit


@triton.jit(do_not_specialize=_NUMBERS)
def _record_rows(
    values,
    reached,
    counts,
    follow,
    masks,
    holding,
    total,
    level,
    n,
    first_value,
    first_row,
    first_count,
    LANES: tl.constexpr,
):
    """A lane is a row: pack its marks into reached bits, and count the states met from there.

    counts int32, 4 n^3 each: the row's states with 0, 1, 2 and 3 plays in the trick.
    """
    rows = SEATS * n * n * n
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        lane = _lanes(start, total, LANES)
        deal, row = lane // rows, lane % rows
        marks = values + deal * VALUES + first_value + row * n
        word0, word1 = tl.zeros((LANES,), tl.int64), tl.zeros((LANES,), tl.int64)
        for rank in range(n):
            hand = _hand(rank, masks, level)
            bit = tl.load(marks + rank).to(tl.int64) << (hand & 63)
            word0 |= tl.where(hand < 64, bit, 0)
            word1 |= tl.where(hand < 64, 0, bit)
        words = reached + (deal * ROWS + first_row + row) * 2
        tl.store(words, word0)
        tl.store(words + 1, word1)

        b_hand = _hand(row // (n * n) % n, masks, level)
        c_hand = _hand(row // n % n, masks, level)
        led = tl.zeros((LANES,), tl.int32)
        answered, last = led, led
        for a in range(SLOTS):
            hands = _count_word(word0 & tl.load(holding + 2 * a))
            hands += _count_word(word1 & tl.load(holding + 2 * a + 1))
            lead = (deal * SEATS + row // (n * n * n)) * SLOTS + a
            b_plays = _count(_legal(b_hand, follow, lead, 1))
            c_plays = _count(_legal(c_hand, follow, lead, 2))
            led += hands
            answered += hands * b_plays
            last += hands * b_plays * c_plays
        count = counts + deal * (SEATS * ROWS) + first_count + row
        tl.store(count, _count_word(word0) + _count_word(word1))
        tl.store(count + rows, led)
        tl.store(count + 2 * rows, answered)
        tl.store(count + 3 * rows, last)


@triton.jit(do_not_specialize=_NUMBERS)
def _solve_boundaries(
    listed,
    n_listed,
    follow,
    tricks,
    masks,
    ranks,
    following,
    views,
    values,
    level,
    n,
    n_next,
    first_value,
    LANES: tl.constexpr,
):
    """A lane is a reached boundary: minimax over all its tricks.

    following and views int8 [D, 4 viewer, 4 leader, n^4], of the next level and of this:
    read as the leader sees it, written as each seat does. values are in team 0's frame.
    """
    n2, n3, n4 = n * n, n * n * n, n * n * n * n
    total = tl.load(n_listed)
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        boundary = tl.load(listed + _lanes(start, total, LANES))
        row = boundary // n
        side = row // n3  # deal x 4 + leader
        a, b, c, d = boundary % n, row // n2 % n, row // n % n, row % n
        a_hand, b_hand = _hand(a, masks, level), _hand(b, masks, level)
        c_hand, d_hand = _hand(c, masks, level), _hand(d, masks, level)
        leader = side % SEATS
        sign = 1 - 2 * (leader & 1)
        best_a = tl.full((LANES,), -100, tl.int32)
        a_left = a_hand
        for _a in range(level):
            a_bit = a_left & -a_left
            a_left ^= a_bit
            a_next = _rank(a_hand ^ a_bit, ranks)
            lead = side * SLOTS + _slot(a_bit)
            b_legal = _legal(b_hand, follow, lead, 1)
            c_legal = _legal(c_hand, follow, lead, 2)
            d_legal = _legal(d_hand, follow, lead, 3)
            most_c, most_d = _most(c_legal), _most(d_legal)
            worst_b = tl.full((LANES,), 100, tl.int32)
            b_left = b_legal
            for _b in range(_most(b_legal)):
                b_bit = b_left & -b_left
                b_next = _rank(b_hand ^ b_bit, ranks) * n_next
                best_c = tl.full((LANES,), -100, tl.int32)
                c_left = tl.where(b_left != 0, c_legal, 0)
                for _c in range(most_c):
                    c_bit = c_left & -c_left
                    c_next = (b_next + _rank(c_hand ^ c_bit, ranks)) * n_next
                    played = ((lead * SLOTS + _slot(b_bit)) * SLOTS + _slot(c_bit)) * SLOTS
                    worst_d = tl.full((LANES,), 100, tl.int32)
                    d_left = tl.where(c_left != 0, d_legal, 0)
                    for _d in range(most_d):
                        d_bit = d_left & -d_left
                        plays = d_left != 0
                        trick = tl.load(tricks + played + _slot(d_bit), mask=plays, other=0).to(tl.int32)
                        after = (c_next + _rank(d_hand ^ d_bit, ranks)) * n_next + a_next
                        taken_by = side * SEATS + (trick & 3)
                        v = tl.load(
                            following + taken_by * (n_next * n_next * n_next * n_next) + after,
                            mask=plays,
                            other=0,
                        ).to(tl.int32)
                        worst_d = tl.where(plays, tl.minimum(worst_d, v + sign * (trick >> 2)), worst_d)
                        d_left ^= d_bit
                    best_c = tl.where(c_left != 0, tl.maximum(best_c, worst_d), best_c)
                    c_left ^= c_bit
                worst_b = tl.where(b_left != 0, tl.minimum(worst_b, best_c), worst_b)
                b_left ^= b_bit
            best_a = tl.maximum(best_a, worst_b)

        deal = side // SEATS
        tl.store(values + deal * VALUES + first_value + boundary % (SEATS * n4), sign * best_a)
        own = views + (deal * SEATS + leader) * SEATS * n4 + leader * n4
        left = views + (deal * SEATS + (leader + 1) % SEATS) * SEATS * n4 + leader * n4
        partner = views + (deal * SEATS + (leader + 2) % SEATS) * SEATS * n4 + leader * n4
        right = views + (deal * SEATS + (leader + 3) % SEATS) * SEATS * n4 + leader * n4
        tl.store(own + b * n3 + c * n2 + d * n + a, best_a)
        tl.store(left + c * n3 + d * n2 + a * n + b, -best_a)
        tl.store(partner + d * n3 + a * n2 + b * n + c, best_a)
        tl.store(right + a * n3 + b * n2 + c * n + d, -best_a)


# --- answers --------------------------------------------------------------------------------


@triton.jit
def _played(state, hand, in_trick, offset):
    """Hand at the boundary of the player at `offset`, what it may have played there, and if that fits."""
    slot = ((state >> (32 + 3 * offset)) & 7).to(tl.int32)
    bit = tl.where(offset < in_trick, 1 << slot, 0)
    fits = tl.where(offset < in_trick, (bit & (hand | 0x80)) == 0, slot == 7)
    return (hand | bit) & 0x7F, tl.where(offset < in_trick, bit, 0x7F), fits


@triton.jit(do_not_specialize=_NUMBERS)
def _query_states(
    states,
    value,
    q,
    sound,
    total,
    follow,
    tricks,
    ranks,
    n_subsets,
    value_offset,
    row_offset,
    values,
    reached,
    LANES: tl.constexpr,
):
    """A lane is a packed state: is it sound and reachable, and if so, what are V and Q?

    Plays its trick to the end; who has played keeps to what was played. Where a state cannot
    occur, sound int8 [S] is 0. q [S, 7] comes filled with -128.
    """
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        lane = _lanes(start, total, LANES)
        state = tl.load(states + lane)
        leader, in_trick = ((state >> 28) & 3).to(tl.int32), ((state >> 30) & 3).to(tl.int32)
        a_hand = ((state >> 7 * leader) & 0x7F).to(tl.int32)
        b_hand = ((state >> 7 * ((leader + 1) & 3)) & 0x7F).to(tl.int32)
        c_hand = ((state >> 7 * ((leader + 2) & 3)) & 0x7F).to(tl.int32)
        d_hand = ((state >> 7 * ((leader + 3) & 3)) & 0x7F).to(tl.int32)
        a_hand, a_allowed, a_fits = _played(state, a_hand, in_trick, 0)
        b_hand, b_allowed, b_fits = _played(state, b_hand, in_trick, 1)
        c_hand, c_allowed, c_fits = _played(state, c_hand, in_trick, 2)
        level = _count(a_hand)
        fits = ((state >> 41) == 0) & a_fits & b_fits & c_fits
        fits &= (_count(b_hand) == level) & (_count(c_hand) == level) & (_count(d_hand) == level)

        n = tl.load(n_subsets + level)
        row = ((leader * n + _rank(b_hand, ranks)) * n + _rank(c_hand, ranks)) * n + _rank(d_hand, ranks)
        word = (tl.load(row_offset + level) + row) * 2 + (a_hand >> 6)
        bit = tl.load(reached + word, mask=fits, other=0) >> (a_hand & 63).to(tl.int64)
        fits &= (bit & 1) != 0

        below = tl.maximum(level - 1, 0)
        n = tl.load(n_subsets + below)
        next_values = values + tl.load(value_offset + below)
        sign = 1 - 2 * (leader & 1)
        best_a = tl.full((LANES,), -100, tl.int32)
        a_left = tl.where(fits, a_hand & a_allowed, 0)
        for _a in range(_most(a_left)):
            a_bit = a_left & -a_left
            a_rank = _rank(a_hand ^ a_bit, ranks)
            lead = leader * SLOTS + tl.minimum(_slot(a_bit), SLOTS - 1)
            b_legal = tl.where(a_left != 0, _legal(b_hand, follow, lead, 1) & b_allowed, 0)
            c_legal = _legal(c_hand, follow, lead, 2) & c_allowed
            d_legal = _legal(d_hand, follow, lead, 3)
            most_c, most_d = _most(c_legal), _most(d_legal)
            worst_b = tl.full((LANES,), 100, tl.int32)
            b_left = b_legal
            for _b in range(_most(b_legal)):
                b_bit = b_left & -b_left
                b_rank = _rank(b_hand ^ b_bit, ranks)
                best_c = tl.full((LANES,), -100, tl.int32)
                c_left = tl.where(b_left != 0, c_legal, 0)
                for _c in range(most_c):
                    c_bit = c_left & -c_left
                    c_rank = _rank(c_hand ^ c_bit, ranks)
                    played = ((lead * SLOTS + _slot(b_bit)) * SLOTS + _slot(c_bit)) * SLOTS
                    worst_d = tl.full((LANES,), 100, tl.int32)
                    d_left = tl.where(c_left != 0, d_legal, 0)
                    for _d in range(most_d):
                        d_bit = d_left & -d_left
                        plays = d_left != 0
                        d_rank = _rank(d_hand ^ d_bit, ranks)
                        trick = tl.load(tricks + played + _slot(d_bit), mask=plays, other=0).to(tl.int32)
                        after = _place(trick & 3, leader, a_rank, b_rank, c_rank, d_rank, n)
                        v = tl.load(next_values + after, mask=plays, other=0).to(tl.int32)
                        v = sign * (v + (trick >> 2))
                        tl.store(q + lane * SLOTS + _slot(d_bit), sign * v, mask=plays & (in_trick == 3))
                        worst_d = tl.where(plays, tl.minimum(worst_d, v), worst_d)
                        d_left ^= d_bit
                    plays = c_left != 0
                    tl.store(q + lane * SLOTS + _slot(c_bit), sign * worst_d, mask=plays & (in_trick == 2))
                    best_c = tl.where(plays, tl.maximum(best_c, worst_d), best_c)
                    c_left ^= c_bit
                plays = b_left != 0
                tl.store(q + lane * SLOTS + _slot(b_bit), sign * best_c, mask=plays & (in_trick == 1))
                worst_b = tl.where(plays, tl.minimum(worst_b, best_c), worst_b)
                b_left ^= b_bit
            plays = a_left != 0
            tl.store(q + lane * SLOTS + _slot(a_bit), sign * worst_b, mask=plays & (in_trick == 0))
            best_a = tl.where(plays, tl.maximum(best_a, worst_b), best_a)
            a_left ^= a_bit
        # an illegal play so far leaves some player without options, and a sentinel behind
        played_out = (best_a > -100) & (best_a < 100)
        tl.store(sound + lane, (fits & (played_out | (level == 0))).to(tl.int8))
        tl.store(value + lane, tl.where(played_out, sign * best_a, 0))


@triton.jit(do_not_specialize=_NUMBERS)
def _find_states(
    places,
    rows,
    plies,
    states,
    total,
    follow,
    masks,
    holding,
    n_subsets,
    row_offset,
    reached,
    LANES: tl.constexpr,
):
    """A lane is the `place`-th state of a row at a ply: walk the row's groups to it, as in states.py."""
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        lane = _lanes(start, total, LANES)
        place, row, ply = tl.load(places + lane), tl.load(rows + lane), tl.load(plies + lane)
        level, in_trick = SLOTS - ply // SEATS, ply % SEATS
        n = tl.load(n_subsets + level)
        words = reached + (tl.load(row_offset + level) + row) * 2
        word0, word1 = tl.load(words), tl.load(words + 1)
        leader = row // (n * n * n)
        b_hand = _hand(row // (n * n) % n, masks, level)
        c_hand = _hand(row // n % n, masks, level)
        d_hand = _hand(row % n, masks, level)

        # with nothing played there is one group a row: that of all the leader's hands
        left0, left1 = word0, word1
        b_legal, c_legal = tl.zeros((LANES,), tl.int32), tl.zeros((LANES,), tl.int32)
        slot = tl.full((LANES,), 7, tl.int32)
        within, passed = place, tl.zeros((LANES,), tl.int32)
        for a in range(SLOTS):
            with0, with1 = word0 & tl.load(holding + 2 * a), word1 & tl.load(holding + 2 * a + 1)
            b_plays = _legal(b_hand, follow, leader * SLOTS + a, 1)
            c_plays = _legal(c_hand, follow, leader * SLOTS + a, 2)
            size = _count_word(with0) + _count_word(with1)
            size *= tl.where(in_trick > 1, _count(b_plays), 1)
            size *= tl.where(in_trick > 2, _count(c_plays), 1)
            here = (in_trick > 0) & (place >= passed) & (place < passed + size)
            left0, left1 = tl.where(here, with0, left0), tl.where(here, with1, left1)
            b_legal, c_legal = tl.where(here, b_plays, b_legal), tl.where(here, c_plays, c_legal)
            slot = tl.where(here, a, slot)
            within = tl.where(here, place - passed, within)
            passed += size

        hands0 = _count_word(left0)
        hands = hands0 + _count_word(left1)
        group, which = within // hands, within % hands
        n_c = tl.where(in_trick > 2, _count(c_legal), 1)
        b_slot = _nth_bit(b_legal.to(tl.int64), group // n_c)
        c_slot = _nth_bit(c_legal.to(tl.int64), group % n_c)
        b_bit, c_bit = tl.where(in_trick > 1, 1 << b_slot, 0), tl.where(in_trick > 2, 1 << c_slot, 0)
        second = which >= hands0
        a_hand = _nth_bit(tl.where(second, left1, left0), tl.where(second, which - hands0, which))
        a_hand += tl.where(second, 64, 0)
        a_hand ^= tl.where(in_trick > 0, 1 << slot, 0)
        b_slot, c_slot = tl.where(in_trick > 1, b_slot, 7), tl.where(in_trick > 2, c_slot, 7)

        state = (leader | (in_trick << 2) | (slot << 4) | (b_slot << 7) | (c_slot << 10)).to(tl.int64) << 28
        state |= a_hand.to(tl.int64) << 7 * leader
        state |= (b_hand ^ b_bit).to(tl.int64) << 7 * ((leader + 1) & 3)
        state |= (c_hand ^ c_bit).to(tl.int64) << 7 * ((leader + 2) & 3)
        state |= d_hand.to(tl.int64) << 7 * ((leader + 3) & 3)
        tl.store(states + lane, state)


KERNELS = (_list_boundaries, _play_tricks, _record_rows, _solve_boundaries, _query_states, _find_states)


# --- the host's side ------------------------------------------------------------------------


_ROWS_AT = N_SEATS * INDEX.n_subsets[HAND_SIZE - np.arange(N_PLAYS + N_SEATS) // N_SEATS] ** 3
"""[32]: rows of a level, by ply"""
_PLY_OFFSET = np.concatenate([[0], np.cumsum(_ROWS_AT)])
"""[33]: where the rows of a ply begin among the counts [4 x 419,840]: ply by ply, leader and row within"""


class _Device(NamedTuple):
    """A device, and the boundary index on it."""

    device: torch.device
    masks: torch.Tensor
    ranks: torch.Tensor
    holding: torch.Tensor
    n_subsets: torch.Tensor
    value_offset: torch.Tensor
    row_offset: torch.Tensor
    last_row: torch.Tensor
    """[29] int64: the last row of each ply among the counts"""
    programs: int
    """how many to start at most: as many as the device holds at once"""
    lanes: int
    """of one program"""

    def launch(self, kernel: Any, most: int, *arguments) -> None:
        """Run a kernel over a list of at most `most` items."""
        if not most:
            return
        lanes = max(LANES, min(self.lanes, triton.next_power_of_2(most)))
        programs = min(self.programs, triton.cdiv(most, lanes))
        with torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext():
            kernel[(programs,)](*arguments, LANES=lanes, num_warps=1)

    def put(self, array: np.ndarray) -> torch.Tensor:
        """A copy of a host array on the device, in its turn there: the host does not wait."""
        copy = torch.tensor(array)
        return copy.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else copy


@cache
def _on(device: str) -> _Device:
    """The boundary index on `cuda:N`; on `cpu` for kernels that Triton interprets (TRITON_INTERPRET=1)."""
    where = torch.device(device)
    if where.type == "cuda":
        programs, lanes = 32 * torch.cuda.get_device_properties(where).multi_processor_count, LANES
    else:
        programs, lanes = 1, 1 << 16
    arrays = (
        INDEX.masks.astype(np.int8),
        INDEX.rank.astype(np.int8),
        INDEX.holding.view(np.int64),
        INDEX.n_subsets.astype(np.int32),
        INDEX.value_offset.astype(np.int32),
        INDEX.row_offset.astype(np.int32),
        _PLY_OFFSET[1 : N_PLAYS + 2] - 1,
    )
    return _Device(where, *(torch.tensor(a, device=where) for a in arrays), programs=programs, lanes=lanes)


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """D deals on the device."""

    follow: torch.Tensor
    """[D, 4 leader, 7 lead, 4 offset] uint8, as in DealTables"""
    tricks: torch.Tensor
    """[D, 4 leader, 7, 7, 7, 7] int16: 4 x points (team 0's frame) + the seat that takes the trick"""
    values: torch.Tensor
    """[D, 13,580,064] int8, team 0's frame; 0 where not reached"""
    reached: torch.Tensor
    """[D, 419,840, 2] int64: a bit per boundary"""
    ends: torch.Tensor
    """[D, 4 x 419,840] int32: states up to the end of each row, ply by ply"""
    states_per_ply: torch.Tensor
    """[D, 29] int32"""


def solve_boundaries(tables: Sequence[DealTables], roots: States, device: str) -> Solved:
    """Every boundary that can follow from `roots` [D], and its value. Does not wait for the device.

    roots: packed states, one a deal, at trick boundaries of one level; whole deals start
    from `initial_state`. All results lie on `device`.
    """
    on = _on(device)
    start = unpack(roots)
    level = int(start.remaining[0, 0]).bit_count()
    dominoes = np.bitwise_count(start.remaining)
    if len(roots) > MOST_DEALS or (start.in_trick != 0).any() or (dominoes != level).any():
        raise BadInput(f"a batch is up to {MOST_DEALS} roots between tricks, all with as many dominoes to go")
    follow = on.put(np.stack([deal.follow for deal in tables]))
    tricks = on.put(np.stack([4 * deal.points.astype(np.int16) + deal.winner for deal in tables]))
    n_deals = len(tables)
    values = torch.zeros((n_deals, N_VALUES), dtype=torch.int8, device=on.device)
    reached = torch.zeros((n_deals, N_ROWS, 2), dtype=torch.int64, device=on.device)
    counts = torch.zeros((n_deals, N_SEATS * N_ROWS), dtype=torch.int32, device=on.device)
    values[torch.arange(n_deals, device=on.device), on.put(_root_places(start, level))] = 1

    n_largest = int(INDEX.n_subsets[: level + 1].max())
    listed = torch.empty(n_deals * N_SEATS * n_largest**4, dtype=torch.int32, device=on.device)
    row_ends = []
    for k in range(level, -1, -1):
        rows = _record(on, k, follow, values, reached, counts)
        row_ends.insert(0, torch.cumsum(rows.flatten(), 0, dtype=torch.int32))
        if k:
            _list(on, k, reached, row_ends[0], listed)
            n, n_next = int(INDEX.n_subsets[k]), int(INDEX.n_subsets[k - 1])
            on.launch(
                _play_tricks,
                n_deals * N_SEATS * n**4,
                *(listed, row_ends[0][-1:], follow, tricks, on.masks, on.ranks, values),
                *(k, n, n_next, int(INDEX.value_offset[k - 1])),
            )

    values[:, :N_SEATS] = 0  # the marks of the terminal boundaries: nothing to go
    shape = (2, n_deals, N_SEATS * N_SEATS * n_largest**4)
    views = torch.empty(shape, dtype=torch.int8, device=on.device).view(2, -1)
    views[0, : n_deals * N_SEATS * N_SEATS] = 0
    for k in range(1, level + 1):
        _list(on, k, reached, row_ends[k], listed)
        n, n_next = int(INDEX.n_subsets[k]), int(INDEX.n_subsets[k - 1])
        on.launch(
            _solve_boundaries,
            n_deals * N_SEATS * n**4,
            *(listed, row_ends[k][-1:], follow, tricks, on.masks, on.ranks),
            *(views[(k - 1) & 1], views[k & 1], values, k, n, n_next, int(INDEX.value_offset[k])),
        )
    ends = torch.cumsum(counts, 1, dtype=torch.int32)
    states_per_ply = torch.diff(ends[:, on.last_row], dim=1, prepend=torch.zeros_like(ends[:, :1]))
    return Solved(follow, tricks, values, reached, ends, states_per_ply)


def _root_places(start, level: int) -> np.ndarray:
    """Where boundaries lie among the values: int64 [D]."""
    n, place = int(INDEX.n_subsets[level]), start.leader
    for offset in range(1, N_SEATS + 1):
        seat = (start.leader + offset) % N_SEATS
        place = place * n + INDEX.rank[start.remaining[np.arange(len(seat)), seat]]
    return int(INDEX.value_offset[level]) + place


def _record(on: _Device, level: int, follow, values, reached, counts) -> torch.Tensor:
    """Marks of a level -> reached bits and counts; the reached boundaries per row, int32 [D, rows]."""
    n, first = int(INDEX.n_subsets[level]), int(_PLY_OFFSET[N_SEATS * (HAND_SIZE - level)])
    rows = N_SEATS * n**3
    on.launch(
        _record_rows,
        len(values) * rows,
        *(values, reached, counts, follow, on.masks, on.holding, len(values) * rows, level, n),
        *(int(INDEX.value_offset[level]), int(INDEX.row_offset[level]), first),
    )
    return counts[:, first : first + rows]


def _list(on: _Device, level: int, reached, ends, listed) -> None:
    """Write the ids of a level's reached boundaries to `listed`."""
    rows, first_row = len(ends), int(INDEX.row_offset[level])
    n = int(INDEX.n_subsets[level])
    on.launch(_list_boundaries, rows, reached, ends, listed, on.masks, rows, level, n, first_row)


@dataclass(frozen=True, slots=True, eq=False)
class CudaSolution(Solution):
    """A deal solved on a CUDA device, which keeps what it found there and answers from there.

    The tensors are the deal's part of a batch: the last of a batch's solutions frees it.
    """

    _values: torch.Tensor
    _reached: torch.Tensor
    _follow: torch.Tensor
    _tricks: torch.Tensor
    _ends: torch.Tensor

    def query(self, states) -> tuple:
        """As Solution.query. Tensors on the device are answered without leaving it."""
        is_tensor = isinstance(states, torch.Tensor)
        if is_tensor and (states.is_floating_point() or states.dtype == torch.bool):
            raise BadInput(f"states of type {states.dtype}: packed states are int64")
        asked = states if is_tensor else torch.from_numpy(as_states(states))
        value, q, sound = self._answer(asked.to(self._values.device, torch.int64).reshape(-1))
        if not sound.all():
            failed = int(asked.reshape(-1)[int(sound.argmin())])
            check_states(failed)
            raise cannot_occur(failed)
        if is_tensor:
            return value.to(states.device), q.to(states.device)
        return value.cpu().numpy(), q.cpu().numpy()

    def label_all(self) -> tuple:
        """As Solution.label_all: by the host, on a copy."""
        values, reached = self._values.cpu().numpy(), self._reached.cpu().numpy().view(np.uint64)
        return label_all_states(self._tables, values, reached, np.array(self.states_per_ply))

    def sample(self, rows: int, generator: np.random.Generator) -> Sample:
        """As Solution.sample, the same states for the same generator: the host draws, the device finds."""
        available = np.array(self.states_per_ply)
        drawn = draw_places(available, rows, generator)
        return weigh_sample(self._find(drawn).cpu().numpy(), drawn, available)

    def _answer(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """V int8 [S], Q int8 [S, 7] and whether the state can occur, int8 [S]."""
        on = _on(str(self._values.device))
        n_states = len(states)
        value = torch.empty(n_states, dtype=torch.int8, device=on.device)
        q = torch.full((n_states, HAND_SIZE), ILLEGAL, dtype=torch.int8, device=on.device)
        sound = torch.empty(n_states, dtype=torch.int8, device=on.device)
        on.launch(
            _query_states,
            n_states,
            *(states.contiguous(), value, q, sound, n_states, self._follow, self._tricks, on.ranks),
            *(on.n_subsets, on.value_offset, on.row_offset, self._values, self._reached),
        )
        return value, q, sound

    def _find(self, drawn: list[np.ndarray]) -> torch.Tensor:
        """The states at ascending places of each ply, as find_states gives them: int64 on the device."""
        on = _on(str(self._values.device))
        ply = np.repeat(np.arange(len(drawn)), [len(places) for places in drawn])
        before = np.cumsum(self.states_per_ply) - self.states_per_ply
        place = on.put((np.concatenate(drawn) + before[ply]).astype(np.int32))
        count = torch.searchsorted(self._ends, place, right=True, out_int32=True)
        within = place - torch.where(count > 0, self._ends[(count - 1).clamp(min=0)], 0)
        row = count - on.put(_PLY_OFFSET[ply].astype(np.int32))
        states = torch.empty(len(ply), dtype=torch.int64, device=on.device)
        on.launch(
            _find_states,
            len(ply),
            *(within, row, on.put(ply.astype(np.int32)), states, len(ply), self._follow),
            *(on.masks, on.holding, on.n_subsets, on.row_offset, self._reached),
        )
        return states


class _Batch(NamedTuple):
    """Deals being solved: the device may still be at it."""

    problems: Sequence[tuple[Deal, int, int]]
    tables: list[DealTables]
    solved: Solved
    states_per_ply: torch.Tensor
    """[D, 29] int32 on the host, once `ended`"""
    began: torch.cuda.Event
    ended: torch.cuda.Event


def solve_batches(problems: Sequence[tuple[Deal, int, int]], device: str, name: str) -> Iterator[Solution]:
    """Solve (deal, declaration, leader) problems on `cuda:N`, in the order given.

    While a batch is handed out the device works on the next. `name` is what solutions
    say solved them.
    """
    under_way: deque[_Batch] = deque()
    for first in range(0, len(problems), BATCH):
        under_way.append(_begin(problems[first : first + BATCH], device))
        if len(under_way) > 1:
            yield from _finish(under_way.popleft(), name)
    while under_way:
        yield from _finish(under_way.popleft(), name)


def _begin(problems: Sequence[tuple[Deal, int, int]], device: str) -> _Batch:
    with torch.cuda.device(device):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        tables = [deal_tables(deal, decl) for deal, decl, _ in problems]
        began.record()
        solved = solve_boundaries(tables, np.array([initial_state(p[2]) for p in problems]), device)
        counts = torch.empty(solved.states_per_ply.shape, dtype=torch.int32, pin_memory=True)
        counts.copy_(solved.states_per_ply, non_blocking=True)
        ended.record()
    return _Batch(problems, tables, solved, counts, began, ended)


def _finish(batch: _Batch, name: str) -> Iterator[Solution]:
    batch.ended.synchronize()
    seconds = batch.began.elapsed_time(batch.ended) / 1000 / len(batch.problems)
    yield from solutions(batch.problems, batch.tables, batch.solved, batch.states_per_ply, name, seconds)


def solutions(
    problems: Sequence[tuple[Deal, int, int]],
    tables: Sequence[DealTables],
    solved: Solved,
    states_per_ply: torch.Tensor,
    name: str,
    seconds: float,
) -> Iterator[CudaSolution]:
    """The deals of a solved batch, one by one; states_per_ply [D, 29] on the host."""
    for i, ((deal, decl, leader), counts) in enumerate(zip(problems, states_per_ply.tolist(), strict=True)):
        of_deal = (getattr(solved, field)[i] for field in ("values", "reached", "follow", "tricks", "ends"))
        yield CudaSolution(deal, decl, leader, name, seconds, counts, tables[i], *of_deal)
