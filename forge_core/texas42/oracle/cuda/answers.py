"""Kernels that query one solved deal: V and Q of states, and states by their index.

They read one deal's part of a batch: follow uint8 [4 leader, 7 lead, 4 offset], tricks int16
[4 leader, 7, 7, 7, 7], values int8 [13,580,064], reached int64 [419,840, 2].
"""

# Kernels are written in Triton's language, whose types are not Python's:
# pyright: reportArgumentType=false

from __future__ import annotations

import triton
import triton.language as tl

from forge_core.texas42.oracle.cuda.passes import UNSPECIALIZED
from forge_core.texas42.oracle.cuda.primitives import (
    SEATS,
    SLOTS,
    count,
    count_word,
    hand_of,
    index_after,
    lanes_from,
    legal_slots,
    most_options,
    nth_bit,
    rank_of,
    slot_of,
)


@triton.jit
def _returned(state, hand, in_trick, offset):
    """Return a player's hand at the boundary, its possible plays there, and whether its fields are valid.

    A player who has played gets the domino back and may make only that play; one who has not may make
    any (0x7F). Fields are invalid if the played slot is none or still in the hand, or if a slot is
    recorded for a player who has not played.
    """
    slot = ((state >> (32 + 3 * offset)) & 7).to(tl.int32)
    bit = tl.where(offset < in_trick, 1 << slot, 0)
    fits = tl.where(offset < in_trick, (bit & (hand | 0x80)) == 0, slot == 7)
    return (hand | bit) & 0x7F, tl.where(offset < in_trick, bit, 0x7F), fits


@triton.jit(do_not_specialize=UNSPECIALIZED)
def query_states(
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
    """Check packed states and compute their V and Q. A lane is a state.

    Reads states int64 [total]. Writes value int8 [total], q int8 [total, 7] (pre-filled with -128)
    and sound int8 [total]: 0 for a state that is malformed or cannot occur.
    """
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        lane = lanes_from(start, total, LANES)
        state = tl.load(states + lane)
        # First: go back to the boundary at which the trick began, and check the fields.
        leader, in_trick = ((state >> 28) & 3).to(tl.int32), ((state >> 30) & 3).to(tl.int32)
        a_hand = ((state >> 7 * leader) & 0x7F).to(tl.int32)
        b_hand = ((state >> 7 * ((leader + 1) & 3)) & 0x7F).to(tl.int32)
        c_hand = ((state >> 7 * ((leader + 2) & 3)) & 0x7F).to(tl.int32)
        d_hand = ((state >> 7 * ((leader + 3) & 3)) & 0x7F).to(tl.int32)
        a_hand, a_allowed, a_fits = _returned(state, a_hand, in_trick, 0)
        b_hand, b_allowed, b_fits = _returned(state, b_hand, in_trick, 1)
        c_hand, c_allowed, c_fits = _returned(state, c_hand, in_trick, 2)
        level = count(a_hand)
        fits = ((state >> 41) == 0) & a_fits & b_fits & c_fits
        fits &= (count(b_hand) == level) & (count(c_hand) == level) & (count(d_hand) == level)

        # Then: look up the boundary's bit. Only valid lanes read it, because the index of the others
        # may lie anywhere.
        n = tl.load(n_subsets + level)
        row = ((leader * n + rank_of(b_hand, ranks)) * n + rank_of(c_hand, ranks)) * n
        row += rank_of(d_hand, ranks)
        word = (tl.load(row_offset + level) + row) * 2 + (a_hand >> 6)
        bit = tl.load(reached + word, mask=fits, other=0) >> (a_hand & 63).to(tl.int64)
        fits &= (bit & 1) != 0

        # Last: minimax over the rest of the trick, in the leader's frame, as in minimax_boundaries.
        # A player who has played has that play as its only option, so one nest of loops handles
        # 0..3 plays; the mover's loop stores q.
        below = tl.maximum(level - 1, 0)
        n = tl.load(n_subsets + below)
        next_values = values + tl.load(value_offset + below)
        sign = 1 - 2 * (leader & 1)
        best_a = tl.full((LANES,), -100, tl.int32)
        a_left = tl.where(fits, a_hand & a_allowed, 0)
        for _a in range(most_options(a_left)):
            a_bit = a_left & -a_left
            a_rank = rank_of(a_hand ^ a_bit, ranks)
            lead = leader * SLOTS + tl.minimum(slot_of(a_bit), SLOTS - 1)
            b_legal = tl.where(a_left != 0, legal_slots(b_hand, follow, lead, 1) & b_allowed, 0)
            c_legal = legal_slots(c_hand, follow, lead, 2) & c_allowed
            d_legal = legal_slots(d_hand, follow, lead, 3)
            most_c, most_d = most_options(c_legal), most_options(d_legal)
            worst_b = tl.full((LANES,), 100, tl.int32)
            b_left = b_legal
            for _b in range(most_options(b_legal)):
                b_bit = b_left & -b_left
                b_rank = rank_of(b_hand ^ b_bit, ranks)
                best_c = tl.full((LANES,), -100, tl.int32)
                c_left = tl.where(b_left != 0, c_legal, 0)
                for _c in range(most_c):
                    c_bit = c_left & -c_left
                    c_rank = rank_of(c_hand ^ c_bit, ranks)
                    played = ((lead * SLOTS + slot_of(b_bit)) * SLOTS + slot_of(c_bit)) * SLOTS
                    worst_d = tl.full((LANES,), 100, tl.int32)
                    d_left = tl.where(c_left != 0, d_legal, 0)
                    for _d in range(most_d):
                        d_bit = d_left & -d_left
                        plays = d_left != 0
                        d_rank = rank_of(d_hand ^ d_bit, ranks)
                        trick = tl.load(tricks + played + slot_of(d_bit), mask=plays, other=0).to(tl.int32)
                        after = index_after(trick & 3, leader, a_rank, b_rank, c_rank, d_rank, n)
                        v = tl.load(next_values + after, mask=plays, other=0).to(tl.int32)
                        v = sign * (v + (trick >> 2))
                        tl.store(q + lane * SLOTS + slot_of(d_bit), sign * v, mask=plays & (in_trick == 3))
                        worst_d = tl.where(plays, tl.minimum(worst_d, v), worst_d)
                        d_left ^= d_bit
                    plays = c_left != 0
                    tl.store(q + lane * SLOTS + slot_of(c_bit), sign * worst_d, mask=plays & (in_trick == 2))
                    best_c = tl.where(plays, tl.maximum(best_c, worst_d), best_c)
                    c_left ^= c_bit
                plays = b_left != 0
                tl.store(q + lane * SLOTS + slot_of(b_bit), sign * best_c, mask=plays & (in_trick == 1))
                worst_b = tl.where(plays, tl.minimum(worst_b, best_c), worst_b)
                b_left ^= b_bit
            plays = a_left != 0
            tl.store(q + lane * SLOTS + slot_of(a_bit), sign * worst_b, mask=plays & (in_trick == 0))
            best_a = tl.where(plays, tl.maximum(best_a, worst_b), best_a)
            a_left ^= a_bit
        # An illegal play in the trick leaves some player without options, so a sentinel remains. It
        # also remains in the terminal state, which is valid: V = 0.
        played_out = (best_a > -100) & (best_a < 100)
        tl.store(sound + lane, (fits & (played_out | (level == 0))).to(tl.int8))
        tl.store(value + lane, tl.where(played_out, sign * best_a, 0))


@triton.jit(do_not_specialize=UNSPECIALIZED)
def find_states(
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
    """Build states by their index, in the order of sampling.py. A lane is a state.

    Reads places, rows and plies int32 [total]: the index of a state within its row at its ply. Writes
    states int64 [total]. The host has already found the rows by binary search.
    """
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        lane = lanes_from(start, total, LANES)
        place, row, ply = tl.load(places + lane), tl.load(rows + lane), tl.load(plies + lane)
        level, in_trick = SLOTS - ply // SEATS, ply % SEATS
        n = tl.load(n_subsets + level)
        words = reached + (tl.load(row_offset + level) + row) * 2
        word0, word1 = tl.load(words), tl.load(words + 1)
        leader = row // (n * n * n)
        b_hand = hand_of(row // (n * n) % n, masks, level)
        c_hand = hand_of(row // n % n, masks, level)
        d_hand = hand_of(row % n, masks, level)

        # First: find the group, i.e. a lead a with its answers and hands. Each lane goes over all
        # seven leads and keeps what it needs from its own group. If nothing has been played, there
        # is one group per row, with all the leader's hands: the values set here.
        left0, left1 = word0, word1
        b_legal, c_legal = tl.zeros((LANES,), tl.int32), tl.zeros((LANES,), tl.int32)
        slot = tl.full((LANES,), 7, tl.int32)
        within, passed = place, tl.zeros((LANES,), tl.int32)
        for a in range(SLOTS):
            with0, with1 = word0 & tl.load(holding + 2 * a), word1 & tl.load(holding + 2 * a + 1)
            b_plays = legal_slots(b_hand, follow, leader * SLOTS + a, 1)
            c_plays = legal_slots(c_hand, follow, leader * SLOTS + a, 2)
            size = count_word(with0) + count_word(with1)
            size *= tl.where(in_trick > 1, count(b_plays), 1)
            size *= tl.where(in_trick > 2, count(c_plays), 1)
            here = (in_trick > 0) & (place >= passed) & (place < passed + size)
            left0, left1 = tl.where(here, with0, left0), tl.where(here, with1, left1)
            b_legal, c_legal = tl.where(here, b_plays, b_legal), tl.where(here, c_plays, c_legal)
            slot = tl.where(here, a, slot)
            within = tl.where(here, place - passed, within)
            passed += size

        # Then: the index within the group is a mixed-radix number (b, c, hand).
        hands0 = count_word(left0)
        hands = hands0 + count_word(left1)
        group, which = within // hands, within % hands
        n_c = tl.where(in_trick > 2, count(c_legal), 1)
        b_slot = nth_bit(b_legal.to(tl.int64), group // n_c)
        c_slot = nth_bit(c_legal.to(tl.int64), group % n_c)
        b_bit, c_bit = tl.where(in_trick > 1, 1 << b_slot, 0), tl.where(in_trick > 2, 1 << c_slot, 0)
        second = which >= hands0
        a_hand = nth_bit(tl.where(second, left1, left0), tl.where(second, which - hands0, which))
        a_hand += tl.where(second, 64, 0)
        a_hand ^= tl.where(in_trick > 0, 1 << slot, 0)
        b_slot, c_slot = tl.where(in_trick > 1, b_slot, 7), tl.where(in_trick > 2, c_slot, 7)

        # Last: pack the state, without the dominoes that have been played.
        state = (leader | (in_trick << 2) | (slot << 4) | (b_slot << 7) | (c_slot << 10)).to(tl.int64) << 28
        state |= a_hand.to(tl.int64) << 7 * leader
        state |= (b_hand ^ b_bit).to(tl.int64) << 7 * ((leader + 1) & 3)
        state |= (c_hand ^ c_bit).to(tl.int64) << 7 * ((leader + 2) & 3)
        state |= d_hand.to(tl.int64) << 7 * ((leader + 3) & 3)
        tl.store(states + lane, state)
