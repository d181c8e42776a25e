"""The whole-deal solver on a CPU: reach forward from the root, then solve backward what was reached.

Both passes go level by level and row by row. A row fixes the leader and the hands B, C, D of the
three seats that follow, in playing order, and spans every hand A of the leader. Given the lead a, the
legal answers are the same along the whole row, so one nest of loops over b, c, d serves up to 35
boundaries with a few SIMD instructions each.

Solving a row reads the next level with the *leader's* hand innermost, whoever leads there. Each value
is therefore stored five times: once in the result, and once in the *view* of each seat. A view has
its seat's hand innermost and values from its seat's side: in that frame the leader and the partner
maximise, and the opponents minimise.

Deals are independent and kernels release the GIL, so each thread solves its own deal.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.lanes import (
    LANES,
    add_to_row,
    fill_row,
    load_row,
    max_rows,
    min_rows,
    popcount,
    store_row,
    trailing_zeros,
)
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.oracle.boundary import INDEX, N_ROWS, N_VALUES
from forge_core.texas42.oracle.tricks import legal_mask
from forge_core.texas42.state import unpack
from forge_core.texas42.tables import DealTables

_LARGEST = int(INDEX.n_subsets.max())
_threads = threading.local()


def solve_boundaries(
    tables: DealTables, root: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Solve every trick boundary of a deal that is reachable from `root`.

    root: a packed state between tricks; a whole deal starts from `initial_state`. Returns values
    int8 [13,580,064] in team 0's frame, valid only where reached; reached uint64 [419,840, 2], one
    bit per boundary; states per ply int64 [29]. For the layout see boundary.py. Raises BadInput for a
    root inside a trick.
    """
    values = np.zeros(N_VALUES, dtype=np.int8)
    reached = np.zeros((N_ROWS, 2), dtype=np.uint64)
    states_per_ply = np.zeros(N_PLAYS + 1, dtype=np.int64)
    _mark_root(reached, root)
    if not hasattr(_threads, "workspace"):
        _threads.workspace = (
            np.zeros((N_SEATS, _LARGEST**3, 2), dtype=np.uint64),  # rows reached from one leader
            np.zeros((2, N_SEATS, N_SEATS, _LARGEST**4 + LANES), dtype=np.int8),  # views of two levels
            np.zeros(HAND_SIZE * LANES, dtype=np.int8),  # values of the seven leads along a row
        )
    arriving, views, answers = _threads.workspace
    _reach(INDEX, tables.follow, tables.winner, reached, arriving, states_per_ply)
    _solve(INDEX, tables.follow, tables.winner, tables.points, reached, values, views, answers)
    return values, reached, states_per_ply


def _mark_root(reached: npt.NDArray[np.uint64], root: int) -> None:
    """Set the reach bit of a packed state between tricks. Raises BadInput for a state inside a trick."""
    fields = unpack(root)
    leader = int(fields.leader[0])
    a, b, c, d = (int(fields.remaining[0, (leader + offset) % N_SEATS]) for offset in range(N_SEATS))
    level = a.bit_count()
    if fields.in_trick[0] or {hand.bit_count() for hand in (b, c, d)} != {level}:
        raise BadInput(f"state {int(root)} is inside a trick: use a state between tricks")
    n = INDEX.n_subsets[level]
    row = ((leader * n + INDEX.rank[b]) * n + INDEX.rank[c]) * n + INDEX.rank[d]
    reached[INDEX.row_offset[level] + row, a >> 6] = np.uint64(1 << (a & 63))


# --- the forward pass: which boundaries can be reached -----------------------------------------


@kernel
def _reach(index, follow, winner, reached, arriving, states_per_ply):
    """Fill `reached` [419,840, 2] and `states_per_ply` [29] from the bits of the root.

    arriving [4, 42,875, 2] uint64 is scratch.
    """
    # Levels descend: all boundaries of a level are known once every leader of the level above has
    # played its tricks. Results are first collected with the current leader's hand innermost, where
    # a whole row moves in one shift, and only then written to `reached`, where the next leader's
    # hand is innermost.
    for level in range(HAND_SIZE, 0, -1):
        n_rows = index.n_subsets[level - 1] ** 3
        for leader in range(N_SEATS):
            arriving[:, :n_rows] = 0
            _play_tricks(level, leader, index, follow, winner, reached, arriving, states_per_ply)
            for taker in range(N_SEATS):
                _record_arrivals(level - 1, leader, taker, index, arriving[taker], reached)
    # Level 0 has one row per leader: the terminal states.
    terminal = index.row_offset[0]
    for row in range(terminal, index.row_offset[1]):
        states_per_ply[N_PLAYS] += popcount(reached[row, 0])


@kernel
def _play_tricks(level, leader, index, follow, winner, reached, arriving, states_per_ply):
    """Play every trick from every reached boundary of one leader.

    Reads `reached`; writes arriving [4 taker, rows, 2], the boundaries of the next level, with
    this leader's hand innermost. Adds the states inside these tricks to states_per_ply; each
    comes from exactly one boundary, so none is counted twice.
    """
    n, n_next = index.n_subsets[level], index.n_subsets[level - 1]
    first_row = index.row_offset[level] + leader * n**3
    ply = N_SEATS * (HAND_SIZE - level)
    for row in range(n**3):
        word0, word1 = reached[first_row + row, 0], reached[first_row + row, 1]
        if (word0 | word1) == 0:
            continue
        b_hand = index.masks[level, row // (n * n)]
        c_hand = index.masks[level, row // n % n]
        d_hand = index.masks[level, row % n]
        states_per_ply[ply] += popcount(word0) + popcount(word1)
        for a in range(HAND_SIZE):
            # All the leader's hands that contain slot a, as two words of bits.
            left0, left1 = word0 & index.holding[a, 0], word1 & index.holding[a, 1]
            if (left0 | left1) == 0:
                continue
            b_legal = legal_mask(b_hand, follow[leader, a, 1])
            c_legal = legal_mask(c_hand, follow[leader, a, 2])
            d_legal = legal_mask(d_hand, follow[leader, a, 3])
            hands = popcount(left0) + popcount(left1)
            states_per_ply[ply + 1] += hands
            states_per_ply[ply + 2] += hands * popcount(b_legal)
            states_per_ply[ply + 3] += hands * popcount(b_legal) * popcount(c_legal)
            # The leader's hands after the lead: every bit moves down by 2^a positions. The hands
            # with slot 6 are the second word, so losing slot 6 moves that word to the first.
            if a < 6:
                left0, left1 = left0 >> np.uint64(1 << a), left1 >> np.uint64(1 << a)
            else:
                left0, left1 = left1, np.uint64(0)
            # Every combination of legal answers closes the trick and sends all these boundaries to
            # the row of its taker at once. Ranks are accumulated from the outer loops inward, so
            # the innermost loop only adds d's.
            while b_legal:
                b = trailing_zeros(b_legal)
                b_legal &= b_legal - 1
                b_rank = index.rank[b_hand ^ (1 << b)] * n_next
                c_left = c_legal
                while c_left:
                    c = trailing_zeros(c_left)
                    c_left &= c_left - 1
                    c_rank = (b_rank + index.rank[c_hand ^ (1 << c)]) * n_next
                    d_left = d_legal
                    while d_left:
                        d = trailing_zeros(d_left)
                        d_left &= d_left - 1
                        taker = winner[leader, a, b, c, d]
                        target = c_rank + index.rank[d_hand ^ (1 << d)]
                        arriving[taker, target, 0] |= left0
                        arriving[taker, target, 1] |= left1


@kernel
def _record_arrivals(level, leader, taker, index, arriving, reached):
    """Convert rows with `leader`'s hand innermost to rows of `taker`, who leads next.

    Reads arriving [rows, 2]; sets bits of `reached`. Bits set by an earlier leader are kept.
    """
    n = index.n_subsets[level]
    first_row = index.row_offset[level] + taker * n**3
    ahead = (leader - taker) % N_SEATS  # seats from the taker to the leader
    for row in range(n**3):
        if (arriving[row, 0] | arriving[row, 1]) == 0:
            continue
        # If the leader took its own trick, the layout is the same and the row is copied whole.
        if ahead == 0:
            reached[first_row + row, 0] |= arriving[row, 0]
            reached[first_row + row, 1] |= arriving[row, 1]
            continue
        # Otherwise the row's coordinates are the ranks of seats leader + 1, + 2, + 3, and the
        # taker is one of them. In the taker's rows its hand becomes the bit position, and the
        # leader's hand becomes a coordinate with stride `step`; `base` holds the other two.
        ranks = (row // (n * n), row // n % n, row % n)
        base = 0
        for place in range(1, N_SEATS):  # seat taker + place
            base *= n
            if place != ahead:
                base += ranks[(place - ahead) % N_SEATS - 1]
        step = n ** (N_SEATS - 1 - ahead)
        mask = index.masks[level, ranks[N_SEATS - 1 - ahead]]
        bit = np.uint64(1) << np.uint64(mask & 63)
        # Each hand of the leader goes to a different row.
        for half in range(2):
            word = arriving[row, half]
            while word:
                leader_rank = index.rank[64 * half + trailing_zeros(word)]
                word &= word - np.uint64(1)
                reached[first_row + base + leader_rank * step, mask >> 6] |= bit


# --- the backward pass: the value of each boundary ---------------------------------------------


@kernel
def _solve(index, follow, winner, points, reached, values, views, answers):
    """Fill `values` [13,580,064] for every reached boundary.

    views [2, 4 viewer, 4 leader, 35^4 + 64] and answers [7 x 64] are scratch.
    """
    # Levels ascend: a level reads only the level below it, so two sets of views alternate.
    views[0, :, :, 0] = 0  # level 0: no points are left to win
    for level in range(1, HAND_SIZE + 1):
        for leader in range(N_SEATS):
            _solve_level(
                level,
                leader,
                index,
                follow,
                winner,
                points,
                reached,
                values,
                views[(level - 1) & 1, leader],
                views[level & 1],
                answers,
            )


@kernel
def _solve_level(level, leader, index, follow, winner, points, reached, values, following, views, answers):
    """Solve every reached boundary of one leader at one level.

    Reads following [4 taker, n_next^4], the next level in the leader's view. Writes `values`
    (team 0's frame) and `views` [4 viewer, 4 leader, n^4] (each in its viewer's frame).
    """
    n, n_next = index.n_subsets[level], index.n_subsets[level - 1]
    taken_by = following.shape[1]
    following = following.reshape(-1)
    first_row = index.row_offset[level] + leader * n**3
    first_value = index.value_offset[level] + leader * n**4
    side = np.int8(1 - 2 * (leader & 1))
    own, left, partner, right = (
        views[leader, leader],
        views[(leader + 1) % N_SEATS, leader],
        views[(leader + 2) % N_SEATS, leader],
        views[(leader + 3) % N_SEATS, leader],
    )
    for row in range(n**3):
        word0, word1 = reached[first_row + row, 0], reached[first_row + row, 1]
        if (word0 | word1) == 0:
            continue
        b_rank, c_rank, d_rank = row // (n * n), row // n % n, row % n
        b_hand, c_hand, d_hand = (
            index.masks[level, b_rank],
            index.masks[level, c_rank],
            index.masks[level, d_rank],
        )
        # First: for each lead, the minimax over the three answers, for all hands that the leader may
        # be left with at once. A SIMD lane is the rank of such a hand at the next level, so
        # `following` is read as contiguous rows of up to 35 bytes. Lanes of boundaries that were
        # not reached compute values that are never read.
        for a in range(HAND_SIZE):
            if ((word0 & index.holding[a, 0]) | (word1 & index.holding[a, 1])) == 0:
                continue
            b_legal = legal_mask(b_hand, follow[leader, a, 1])
            c_legal = legal_mask(c_hand, follow[leader, a, 2])
            d_legal = legal_mask(d_hand, follow[leader, a, 3])
            # 100 and -100 lie outside -42..42. Only min and max see them: an int8 sum would overflow.
            worst_b = fill_row(np.int8(100))
            while b_legal:
                b = trailing_zeros(b_legal)
                b_legal &= b_legal - 1
                b_next = index.rank[b_hand ^ (1 << b)] * n_next
                best_c = fill_row(np.int8(-100))
                c_left = c_legal
                while c_left:
                    c = trailing_zeros(c_left)
                    c_left &= c_left - 1
                    c_next = (b_next + index.rank[c_hand ^ (1 << c)]) * n_next
                    worst_d = fill_row(np.int8(100))
                    d_left = d_legal
                    while d_left:
                        d = trailing_zeros(d_left)
                        d_left &= d_left - 1
                        target = (c_next + index.rank[d_hand ^ (1 << d)]) * n_next
                        taker = winner[leader, a, b, c, d]
                        gain = side * points[leader, a, b, c, d]
                        worst_d = min_rows(
                            worst_d, add_to_row(load_row(following, taker * taken_by + target), np.int8(gain))
                        )
                    best_c = max_rows(best_c, worst_d)
                worst_b = min_rows(worst_b, best_c)
            store_row(answers, a * LANES, worst_b)

        # Then: for each reached hand of the leader, the best of its leads. This step permutes lanes,
        # because each lead leaves a hand with a different rank, so it is scalar, one hand at a time.
        # The value is stored once in the result and once per view; these are the indices of this
        # row in the three other views, for a leader's hand of rank 0.
        seen_left = ((c_rank * n + d_rank) * n) * n + b_rank
        seen_partner = (d_rank * n * n + b_rank) * n + c_rank
        seen_right = (b_rank * n + c_rank) * n + d_rank
        for half in range(2):
            word = word0 if half == 0 else word1
            while word:
                hand = 64 * half + trailing_zeros(word)
                word &= word - np.uint64(1)
                best = np.int8(-100)
                leads = hand
                while leads:
                    a = trailing_zeros(leads)
                    leads &= leads - 1
                    best = max(best, answers[a * LANES + index.rank[hand ^ (1 << a)]])
                rank = index.rank[hand]
                values[first_value + row * n + rank] = side * best
                own[row * n + rank] = best
                left[seen_left + rank * n] = -best
                partner[seen_partner + rank * n * n] = best
                right[seen_right + rank * n * n * n] = -best
