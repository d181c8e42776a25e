"""The kernels of both passes: list reached boundaries, play their tricks, pack bits, solve backward.

Arrays for a batch of D deals: values int8 [D, 13,580,064], reached int64 [D, 419,840, 2] (two words of
bits per row), counts int32 [D, 4 x 419,840]; follow uint8 [D, 4 leader, 7 lead, 4 offset]; tricks
int16 [D, 4 leader, 7, 7, 7, 7]: 4 x points (team 0's frame) + the seat that takes the trick, so one
load gives both. masks and ranks are those of the boundary index. A *row* is numbered through all
deals: deal x 4 n^3 + row within the level.
"""

# Kernels are written in Triton's language, whose types are not Python's:
# pyright: reportArgumentType=false

from __future__ import annotations

import triton
import triton.language as tl

from forge_core.texas42.oracle.cuda.primitives import (
    ROWS,
    SEATS,
    SLOTS,
    VALUES,
    count,
    count_word,
    hand_of,
    index_after,
    lanes_from,
    legal_slots,
    most_options,
    rank_of,
    slot_of,
)

UNSPECIALIZED = ["total", "level", "n", "n_next", "first_value", "next_value", "first_row", "first_count"]
"""Arguments that change from launch to launch; unspecialized, they share one compilation"""


@triton.jit(do_not_specialize=UNSPECIALIZED)
def list_boundaries(reached, ends, listed, masks, total, level, n, first_row, LANES: tl.constexpr):
    """List the reached boundaries of a level. A lane is a row.

    Reads `reached` and ends int32 [total = D x 4 n^3]: the number of reached boundaries up to the end
    of each row. Writes listed int32: ids, row x n + rank, in ascending order.
    """
    rows = SEATS * n * n * n
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        row = lanes_from(start, total, LANES)
        words = reached + (row // rows * ROWS + first_row + row % rows) * 2
        word0, word1 = tl.load(words), tl.load(words + 1)
        # A row's ids begin where those of the previous row end, so rows need not wait for each
        # other. All lanes go through the ranks together; a lane stores only where its bit is set.
        place = tl.load(ends + row) - count_word(word0) - count_word(word1)
        for rank in range(n):
            hand = hand_of(rank, masks, level)
            here = (tl.where(hand < 64, word0, word1) >> (hand & 63)) & 1
            tl.store(listed + place, row * n + rank, mask=here != 0)
            place += here.to(tl.int32)


@triton.jit(do_not_specialize=UNSPECIALIZED)
def play_tricks(
    listed, n_listed, follow, tricks, masks, ranks, values, level, n, n_next, next_value, LANES: tl.constexpr
):
    """Play all tricks of each reached boundary and mark the boundaries that follow. A lane is a boundary.

    Reads listed, and n_listed (its length, on the device). For every boundary that follows, writes a
    1 into `values` of the next level, starting at next_value.
    """
    total = tl.load(n_listed)
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        boundary = tl.load(listed + lanes_from(start, total, LANES))
        row = boundary // n
        side = row // (n * n * n)  # deal x 4 + leader
        a_hand = hand_of(boundary % n, masks, level)
        b_hand = hand_of(row // (n * n) % n, masks, level)
        c_hand = hand_of(row // n % n, masks, level)
        d_hand = hand_of(row % n, masks, level)
        marks = values + side // SEATS * VALUES + next_value
        # Four nested loops, one per player. In each of them, every lane takes the lowest of its
        # remaining options; the loop runs as often as the lane with the most options needs, and
        # lanes without options are masked out (an empty mask has bit 0, slot 7). Lanes of a
        # program are neighbours in the list, so their hands and loops are similar.
        a_left = a_hand
        for _a in range(level):  # every leader may lead any of its `level` dominoes
            a_bit = a_left & -a_left
            a_left ^= a_bit
            a_rank = rank_of(a_hand ^ a_bit, ranks)
            lead = side * SLOTS + slot_of(a_bit)
            b_legal = legal_slots(b_hand, follow, lead, 1)
            c_legal = legal_slots(c_hand, follow, lead, 2)
            d_legal = legal_slots(d_hand, follow, lead, 3)
            most_c, most_d = most_options(c_legal), most_options(d_legal)
            b_left = b_legal
            for _b in range(most_options(b_legal)):
                b_bit = b_left & -b_left
                b_rank = rank_of(b_hand ^ b_bit, ranks)
                c_left = tl.where(b_left != 0, c_legal, 0)
                for _c in range(most_c):
                    c_bit = c_left & -c_left
                    c_rank = rank_of(c_hand ^ c_bit, ranks)
                    played = ((lead * SLOTS + slot_of(b_bit)) * SLOTS + slot_of(c_bit)) * SLOTS
                    d_left = tl.where(c_left != 0, d_legal, 0)
                    for _d in range(most_d):
                        d_bit = d_left & -d_left
                        plays = d_left != 0
                        d_rank = rank_of(d_hand ^ d_bit, ranks)
                        trick = tl.load(tricks + played + slot_of(d_bit), mask=plays, other=0).to(tl.int32)
                        after = index_after(trick & 3, side % SEATS, a_rank, b_rank, c_rank, d_rank, n_next)
                        # Different lanes may mark the same boundary; they all store a 1.
                        tl.store(marks + after, 1, mask=plays)
                        d_left ^= d_bit
                    c_left ^= c_bit
                b_left ^= b_bit


@triton.jit(do_not_specialize=UNSPECIALIZED)
def record_rows(
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
    """Pack the marks of a level into reach bits, and count the states of its tricks. A lane is a row.

    Reads marks from `values` [n per row]. Writes two words of `reached` per row and, starting at
    first_count, 4 x 4 n^3 numbers into `counts`: the row's states with 0, 1, 2 and 3 plays in the trick.
    """
    rows = SEATS * n * n * n
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        lane = lanes_from(start, total, LANES)
        deal, row = lane // rows, lane % rows
        # First: the row's marks, one per rank, become bits at the positions given by the hand masks.
        marks = values + deal * VALUES + first_value + row * n
        word0, word1 = tl.zeros((LANES,), tl.int64), tl.zeros((LANES,), tl.int64)
        for rank in range(n):
            hand = hand_of(rank, masks, level)
            bit = tl.load(marks + rank).to(tl.int64) << (hand & 63)
            word0 |= tl.where(hand < 64, bit, 0)
            word1 |= tl.where(hand < 64, 0, bit)
        words = reached + (deal * ROWS + first_row + row) * 2
        tl.store(words, word0)
        tl.store(words + 1, word1)

        # Then: for each lead a, multiply the leader's hands that contain it by the answers of B and
        # C. At level 0 all hands are empty, so all three counts stay 0.
        b_hand = hand_of(row // (n * n) % n, masks, level)
        c_hand = hand_of(row // n % n, masks, level)
        led = tl.zeros((LANES,), tl.int32)
        answered, last = led, led
        for a in range(SLOTS):
            hands = count_word(word0 & tl.load(holding + 2 * a))
            hands += count_word(word1 & tl.load(holding + 2 * a + 1))
            lead = (deal * SEATS + row // (n * n * n)) * SLOTS + a
            b_plays = count(legal_slots(b_hand, follow, lead, 1))
            c_plays = count(legal_slots(c_hand, follow, lead, 2))
            led += hands
            answered += hands * b_plays
            last += hands * b_plays * c_plays
        target = counts + deal * (SEATS * ROWS) + first_count + row
        tl.store(target, count_word(word0) + count_word(word1))
        tl.store(target + rows, led)
        tl.store(target + 2 * rows, answered)
        tl.store(target + 3 * rows, last)


@triton.jit(do_not_specialize=UNSPECIALIZED)
def minimax_boundaries(
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
    """Compute the value of each reached boundary by minimax over its tricks. A lane is a boundary.

    following and views int8 [D, 4 viewer, 4 leader, n^4] belong to the next level and to this one:
    the first is read in the leader's view, the second is written in every seat's view. Overwrites the
    marks in `values`, starting at first_value, with values in team 0's frame.
    """
    n2, n3, n4 = n * n, n * n * n, n * n * n * n
    total = tl.load(n_listed)
    for start in range(tl.program_id(0) * LANES, total, tl.num_programs(0) * LANES):
        boundary = tl.load(listed + lanes_from(start, total, LANES))
        row = boundary // n
        side = row // n3  # deal x 4 + leader
        a, b, c, d = boundary % n, row // n2 % n, row // n % n, row % n
        a_hand, b_hand = hand_of(a, masks, level), hand_of(b, masks, level)
        c_hand, d_hand = hand_of(c, masks, level), hand_of(d, masks, level)
        leader = side % SEATS
        sign = 1 - 2 * (leader & 1)
        # The loops are those of play_tricks, with a minimax in the leader's frame: the leader and
        # the partner (loops a and c) maximise, the others (b and d) minimise. 100 and -100 lie
        # outside -42..42. A lane that has run out of options keeps its result.
        best_a = tl.full((LANES,), -100, tl.int32)
        a_left = a_hand
        for _a in range(level):
            a_bit = a_left & -a_left
            a_left ^= a_bit
            a_next = rank_of(a_hand ^ a_bit, ranks)
            lead = side * SLOTS + slot_of(a_bit)
            b_legal = legal_slots(b_hand, follow, lead, 1)
            c_legal = legal_slots(c_hand, follow, lead, 2)
            d_legal = legal_slots(d_hand, follow, lead, 3)
            most_c, most_d = most_options(c_legal), most_options(d_legal)
            worst_b = tl.full((LANES,), 100, tl.int32)
            b_left = b_legal
            for _b in range(most_options(b_legal)):
                b_bit = b_left & -b_left
                b_next = rank_of(b_hand ^ b_bit, ranks) * n_next
                best_c = tl.full((LANES,), -100, tl.int32)
                c_left = tl.where(b_left != 0, c_legal, 0)
                for _c in range(most_c):
                    c_bit = c_left & -c_left
                    c_next = (b_next + rank_of(c_hand ^ c_bit, ranks)) * n_next
                    played = ((lead * SLOTS + slot_of(b_bit)) * SLOTS + slot_of(c_bit)) * SLOTS
                    worst_d = tl.full((LANES,), 100, tl.int32)
                    d_left = tl.where(c_left != 0, d_legal, 0)
                    for _d in range(most_d):
                        d_bit = d_left & -d_left
                        plays = d_left != 0
                        trick = tl.load(tricks + played + slot_of(d_bit), mask=plays, other=0).to(tl.int32)
                        after = (c_next + rank_of(d_hand ^ d_bit, ranks)) * n_next + a_next
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

        # Store each value five times: once in the result, and once in the view of each seat, with
        # that seat's hand innermost, so the next level reads contiguous hands.
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
