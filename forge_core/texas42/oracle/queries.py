"""V and Q of single states of a solved deal: play out the trick and look up the stored boundaries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.errors import StateUnreachable
from forge_core.kernels import kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.oracle.boundary import INDEX
from forge_core.texas42.oracle.tricks import index_after, legal_mask
from forge_core.texas42.state import FULL_HAND, ILLEGAL, IN_TRICK_BIT, LEADER_BIT, PLAYED_BIT, check_states
from forge_core.texas42.tables import DealTables


def query_states(
    tables: DealTables,
    values: npt.NDArray[np.int8],
    reached: npt.NDArray[np.uint64],
    states: npt.ArrayLike,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Return V int8 [S] and Q int8 [S, 7] of packed states, in team 0's frame; -128 = illegal.

    In a terminal state V is 0 and no slot is legal. Raises StateUnreachable for a state that is
    malformed or cannot occur in the deal.
    """
    packed = check_states(states)
    value = np.empty(len(packed), dtype=np.int8)
    q = np.empty((len(packed), HAND_SIZE), dtype=np.int8)
    failed = _query(INDEX, tables.follow, tables.winner, tables.points, values, reached, packed, value, q)
    if failed >= 0:
        raise unreachable(int(packed[failed]))
    return value, q


def unreachable(state: int) -> StateUnreachable:
    """Return the error for a well-formed state that no play of the deal leads to."""
    return StateUnreachable(
        f"state {state} cannot occur in this deal under this declaration and first leader: "
        "query the solution of the deal it belongs to"
    )


@kernel
def _query(index, follow, winner, points, values, reached, states, value, q):
    """Fill value [S] and q [S, 7]; return the index of the first unreachable state, or -1.

    Reads values [13,580,064] only where `reached` is set: other entries are meaningless.
    """
    hands = np.empty(N_SEATS, dtype=np.int64)  # at the boundary, by offset from the leader
    for s in range(len(states)):
        # First: go back to the boundary at which the trick began, by returning the dominoes played.
        state = states[s]
        leader = state >> LEADER_BIT & 3
        in_trick = state >> IN_TRICK_BIT & 3
        for offset in range(N_SEATS):
            hands[offset] = state >> HAND_SIZE * ((leader + offset) % N_SEATS) & FULL_HAND
            if offset < in_trick:
                hands[offset] |= 1 << (state >> PLAYED_BIT + 3 * offset & 7)
        # Then: look up its bit. A state can occur only if its boundary can.
        level = popcount(hands[0])
        n = index.n_subsets[level]
        row = index.rank[hands[1]]
        row = (row * n + index.rank[hands[2]]) * n + index.rank[hands[3]]
        word = reached[index.row_offset[level] + leader * n**3 + row, hands[0] >> 6]
        if word >> np.uint64(hands[0] & 63) & np.uint64(1) == 0:
            return s
        # Last: play out the trick, which also detects illegal plays in it.
        q[s, :] = ILLEGAL
        if level == 0:
            value[s] = 0
            continue
        best = _finish_trick(
            level, leader, in_trick, state, hands, index, follow, winner, points, values, q[s]
        )
        if best == ILLEGAL:
            return s
        value[s] = best
    return -1


@kernel
def _finish_trick(level, leader, in_trick, state, hands, index, follow, winner, points, values, q):
    """Minimax over the rest of the trick: return V and fill the mover's q [7].

    Returns ILLEGAL if a play in the trick so far is illegal.
    """
    # One nest of four loops handles any number of plays made: a player who has played has that play
    # as the only option, so its loop runs once. The leader's team maximises in this nest (`side`
    # flips team 0's frame); the mover's loop fills q.
    a_options = hands[0]
    if in_trick > 0:
        a_options = 1 << (state >> PLAYED_BIT & 7)
    n = index.n_subsets[level - 1]
    first = index.value_offset[level - 1]
    ranks = np.empty(N_SEATS, dtype=np.int64)
    side = 1 - 2 * (leader & 1)
    best_a = -100
    while a_options:
        a = trailing_zeros(a_options)
        a_options &= a_options - 1
        ranks[0] = index.rank[hands[0] ^ (1 << a)]
        b_options = legal_mask(hands[1], follow[leader, a, 1])
        if in_trick > 1:
            b_options &= 1 << (state >> PLAYED_BIT + 3 & 7)
        worst_b = 100
        while b_options:
            b = trailing_zeros(b_options)
            b_options &= b_options - 1
            ranks[1] = index.rank[hands[1] ^ (1 << b)]
            c_options = legal_mask(hands[2], follow[leader, a, 2])
            if in_trick > 2:
                c_options &= 1 << (state >> PLAYED_BIT + 6 & 7)
            best_c = -100
            while c_options:
                c = trailing_zeros(c_options)
                c_options &= c_options - 1
                ranks[2] = index.rank[hands[2] ^ (1 << c)]
                d_options = legal_mask(hands[3], follow[leader, a, 3])
                worst_d = 100
                while d_options:
                    d = trailing_zeros(d_options)
                    d_options &= d_options - 1
                    ranks[3] = index.rank[hands[3] ^ (1 << d)]
                    taker = np.int64(winner[leader, a, b, c, d])
                    after = values[first + index_after(taker, leader, n, ranks)]
                    v = side * (points[leader, a, b, c, d] + after)
                    worst_d = min(worst_d, v)
                    if in_trick == 3:
                        q[d] = side * v
                best_c = max(best_c, worst_d)
                if in_trick == 2:
                    q[c] = side * worst_d
            worst_b = min(worst_b, best_c)
            if in_trick == 1:
                q[b] = side * best_c
        best_a = max(best_a, worst_b)
        if in_trick == 0:
            q[a] = side * worst_b
    # An illegal play in the trick leaves some player without options, so the sentinel 100 remains.
    return side * best_a if abs(best_a) < 100 else ILLEGAL
