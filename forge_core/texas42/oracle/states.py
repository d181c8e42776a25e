"""The positions of a solved deal: enumerate them, draw from them, say what each is worth.

Only trick boundaries are stored. A position inside a trick has exactly one boundary it
came from, so the states of a ply are counted row by row without meeting any twice, and
the i-th of them is found by walking the rows. The order: level, leader, row, then lead a,
answers b and c, then the leader's hand; `solve` on any device gives the same.

What a position is worth follows by playing its trick to the end over the boundaries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput, StateUnreachable
from forge_core.kernels import kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.oracle.boundary import INDEX
from forge_core.texas42.oracle.cpu import legal_mask
from forge_core.texas42.state import (
    FULL_HAND,
    ILLEGAL,
    IN_TRICK_BIT,
    LEADER_BIT,
    NO_SLOT,
    PLAYED_BIT,
    STATE_BITS,
    States,
    check_states,
)
from forge_core.texas42.tables import DealTables

N_SAMPLED_PLIES = N_PLAYS
"""Samples are drawn from plies 0..27: in the terminal position there is nothing to decide."""


@dataclass(frozen=True, slots=True)
class Sample:
    """S states drawn from one deal, without replacement, ascending."""

    state: States
    """[S] int64 packed states, ascending"""
    ply: npt.NDArray[np.uint8]
    """[S] uint8, 0..27"""
    weight: npt.NDArray[np.float32]
    """[S] float32: inverse inclusion probability; their sum is the number of states of plies 0..27"""


def quotas(available: npt.NDArray[np.int64], rows: int) -> npt.NDArray[np.int64]:
    """How many states to draw of each ply: equal shares, what a ply lacks going to the others.

    available [plies] -> quota [plies], summing to min(rows, available.sum()). What does not
    divide evenly goes to the earliest plies that have states left.
    """
    quota = np.zeros_like(available)
    left = min(int(rows), int(available.sum()))
    while left:
        wanting = np.flatnonzero(quota < available)
        share = left // len(wanting)
        give = np.minimum(share, (available - quota)[wanting]) if share else np.arange(len(wanting)) < left
        quota[wanting] += give
        left -= int(give.sum())
    return quota


def sample_states(
    tables: DealTables,
    reached: npt.NDArray[np.uint64],
    states_per_ply: npt.NDArray[np.int64],
    rows: int,
    generator: np.random.Generator,
) -> Sample:
    """`rows` states stratified by ply, uniform within a ply, without replacement.

    Fewer where the deal has fewer. Raises BadInput for rows < 1.
    """
    drawn = draw_places(states_per_ply, rows, generator)
    state = np.concatenate([find_states(tables, reached, ply, places) for ply, places in enumerate(drawn)])
    return weigh_sample(state, drawn, states_per_ply)


def draw_places(
    states_per_ply: npt.NDArray[np.int64], rows: int, generator: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Which states of each ply 0..27 a sample of `rows` holds: ascending places in the ply's order."""
    if rows < 1:
        raise BadInput(f"{rows} rows: ask for at least 1, or for all")
    available = states_per_ply[:N_SAMPLED_PLIES]
    return [
        np.sort(generator.choice(n, size=q, replace=False, shuffle=False)) if q < n else np.arange(n)
        for n, q in zip(available, quotas(available, rows), strict=True)
    ]


def weigh_sample(
    state: States, drawn: list[npt.NDArray[np.int64]], states_per_ply: npt.NDArray[np.int64]
) -> Sample:
    """The states found at the places drawn, ply by ply, as a Sample."""
    quota = np.array([len(places) for places in drawn])
    ply = np.repeat(np.arange(N_SAMPLED_PLIES, dtype=np.uint8), quota)
    order = np.argsort(state)
    weight = (states_per_ply[:N_SAMPLED_PLIES] / np.maximum(quota, 1)).astype(np.float32)
    return Sample(state[order], ply[order], weight[ply[order]])


def find_states(
    tables: DealTables, reached: npt.NDArray[np.uint64], ply: int, places: npt.NDArray[np.int64]
) -> States:
    """The states of a ply at ascending `places` [S] in its order: int64 [S]."""
    states = np.empty(len(places), dtype=np.int64)
    level, in_trick = HAND_SIZE - ply // N_SEATS, ply % N_SEATS
    _find_states(level, in_trick, INDEX, tables.follow, reached, places, states)
    return states


@kernel
def _find_states(level, in_trick, index, follow, reached, places, states):
    passed = 0  # states of this ply in the rows behind
    found = 0  # places served
    n = index.n_subsets[level]
    for leader in range(N_SEATS):
        first_row = index.row_offset[level] + leader * n**3
        b_bit = HAND_SIZE * ((leader + 1) % N_SEATS)
        c_bit = HAND_SIZE * ((leader + 2) % N_SEATS)
        d_bit = HAND_SIZE * ((leader + 3) % N_SEATS)
        for row in range(n**3):
            if found == len(places):
                return
            word0, word1 = reached[first_row + row, 0], reached[first_row + row, 1]
            if (word0 | word1) == 0:
                continue
            b_hand = index.masks[level, row // (n * n)]
            c_hand = index.masks[level, row // n % n]
            d_hand = index.masks[level, row % n]
            base = (
                leader << LEADER_BIT
                | in_trick << IN_TRICK_BIT
                | b_hand << b_bit
                | c_hand << c_bit
                | d_hand << d_bit
            )
            for a in range(HAND_SIZE if in_trick else 1):
                # with nothing played there is one group a row, that of all the leader's hands
                if in_trick:
                    left0, left1 = word0 & index.holding[a, 0], word1 & index.holding[a, 1]
                    b_legal = legal_mask(b_hand, follow[leader, a, 1])
                    c_legal = legal_mask(c_hand, follow[leader, a, 2])
                else:
                    left0, left1 = word0, word1
                    b_legal = c_legal = np.int64(0)
                n_b = popcount(b_legal) if in_trick > 1 else 1
                n_c = popcount(c_legal) if in_trick > 2 else 1
                hands0 = popcount(left0)
                hands = hands0 + popcount(left1)
                end = passed + hands * n_b * n_c
                while found < len(places) and places[found] < end:
                    place = places[found] - passed
                    group, which = place // hands, place % hands
                    state = base
                    played = (
                        a if in_trick > 0 else NO_SLOT,
                        _nth_bit(b_legal, group // n_c) if in_trick > 1 else NO_SLOT,
                        _nth_bit(c_legal, group % n_c) if in_trick > 2 else NO_SLOT,
                    )
                    hand = _nth_bit(left0, which) if which < hands0 else 64 + _nth_bit(left1, which - hands0)
                    if in_trick > 0:
                        hand ^= 1 << a
                    if in_trick > 1:
                        state ^= 1 << b_bit + played[1]
                    if in_trick > 2:
                        state ^= 1 << c_bit + played[2]
                    state |= hand << HAND_SIZE * leader
                    for k in range(3):
                        state |= played[k] << PLAYED_BIT + 3 * k
                    states[found] = state
                    found += 1
                passed = end


@kernel
def _nth_bit(word, n):
    for _ in range(n):
        word &= word - type(word)(1)
    return trailing_zeros(word)


def query_states(
    tables: DealTables,
    values: npt.NDArray[np.int8],
    reached: npt.NDArray[np.uint64],
    states: npt.ArrayLike,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """V int8 [S] and Q int8 [S, 7] of packed states, team 0's frame, -128 illegal.

    In the terminal position V = 0 and no slot is legal. Raises StateUnreachable for a
    state that is malformed or cannot occur in the deal.
    """
    packed = check_states(states)
    value = np.empty(len(packed), dtype=np.int8)
    q = np.empty((len(packed), HAND_SIZE), dtype=np.int8)
    failed = _query(INDEX, tables.follow, tables.winner, tables.points, values, reached, packed, value, q)
    if failed >= 0:
        raise cannot_occur(int(packed[failed]))
    return value, q


def cannot_occur(state: int) -> StateUnreachable:
    """The error for a well-formed state that no play of the deal leads to."""
    return StateUnreachable(
        f"state {state} cannot occur in this deal under this declaration and first leader; "
        "ask the oracle of the deal it comes from"
    )


@kernel
def _query(index, follow, winner, points, values, reached, states, value, q):
    """Fill value and q; the place of the first unreachable state, or -1."""
    hands = np.empty(N_SEATS, dtype=np.int64)  # at the boundary, by offset from the leader
    for s in range(len(states)):
        state = states[s]
        leader = state >> LEADER_BIT & 3
        in_trick = state >> IN_TRICK_BIT & 3
        for offset in range(N_SEATS):
            hands[offset] = state >> HAND_SIZE * ((leader + offset) % N_SEATS) & FULL_HAND
            if offset < in_trick:
                hands[offset] |= 1 << (state >> PLAYED_BIT + 3 * offset & 7)
        level = popcount(hands[0])
        n = index.n_subsets[level]
        row = index.rank[hands[1]]
        row = (row * n + index.rank[hands[2]]) * n + index.rank[hands[3]]
        word = reached[index.row_offset[level] + leader * n**3 + row, hands[0] >> 6]
        if word >> np.uint64(hands[0] & 63) & np.uint64(1) == 0:
            return s
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
    """Minimax over the rest of the trick: V, with the mover's Q in `q`; ILLEGAL if a play so far was.

    Every player has options: those who have played, what they played.
    """
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
                    v = side * (points[leader, a, b, c, d] + values[first + _place(taker, leader, n, ranks)])
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
    # an illegal play so far leaves some player without options, and a sentinel behind
    return side * best_a if abs(best_a) < 100 else ILLEGAL


def label_all_states(
    tables: DealTables,
    values: npt.NDArray[np.int8],
    reached: npt.NDArray[np.uint64],
    states_per_ply: npt.NDArray[np.int64],
) -> tuple[States, npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Every reachable state, ascending, with V int8 [S] and Q int8 [S, 7] (team 0's frame).

    Ten times as fast as to query each: a trick is played out once for all the states in
    it. States with the same leader and plays in the trick form a
    group; a packed state's high bits say the group, so groups lie one behind the other
    and each fills up in ascending order.
    """
    total = int(states_per_ply.sum())
    state = np.empty(total, dtype=np.int64)
    value = np.empty(total, dtype=np.int8)
    q = np.full((total, HAND_SIZE), ILLEGAL, dtype=np.int8)
    sizes = np.zeros(N_GROUPS, dtype=np.int64)
    _count_groups(INDEX, tables.follow, reached, sizes)
    next_place = np.cumsum(sizes) - sizes
    _label_all(
        INDEX, tables.follow, tables.winner, tables.points, values, reached, next_place, state, value, q
    )
    return state, value, q


N_GROUPS = 1 << STATE_BITS - LEADER_BIT


@kernel
def _group(leader, in_trick, a, b, c):
    """What a packed state holds above its four hands."""
    return leader | in_trick << 2 | a << 4 | b << 7 | c << 10


@kernel
def _count_groups(index, follow, reached, sizes):
    for level in range(HAND_SIZE + 1):
        n = index.n_subsets[level]
        for leader in range(N_SEATS):
            first_row = index.row_offset[level] + leader * n**3
            for row in range(n**3):
                word0, word1 = reached[first_row + row, 0], reached[first_row + row, 1]
                if (word0 | word1) == 0:
                    continue
                sizes[_group(leader, 0, NO_SLOT, NO_SLOT, NO_SLOT)] += popcount(word0) + popcount(word1)
                for a in range(HAND_SIZE):
                    hands = popcount(word0 & index.holding[a, 0]) + popcount(word1 & index.holding[a, 1])
                    if hands == 0:
                        continue
                    sizes[_group(leader, 1, a, NO_SLOT, NO_SLOT)] += hands
                    b_legal = legal_mask(index.masks[level, row // (n * n)], follow[leader, a, 1])
                    while b_legal:
                        b = trailing_zeros(b_legal)
                        b_legal &= b_legal - 1
                        sizes[_group(leader, 2, a, b, NO_SLOT)] += hands
                        c_legal = legal_mask(index.masks[level, row // n % n], follow[leader, a, 2])
                        while c_legal:
                            c = trailing_zeros(c_legal)
                            c_legal &= c_legal - 1
                            sizes[_group(leader, 3, a, b, c)] += hands


@kernel
def _label_all(index, follow, winner, points, values, reached, next_place, state, value, q):
    """Meet the boundaries by seat 3's hand, then seat 2's, 1's and 0's: as packed states ascend."""
    by_seat = np.empty(N_SEATS, dtype=np.int64)
    hands = np.empty(N_SEATS, dtype=np.int64)  # by offset from the leader
    for leader in range(N_SEATS):
        for hand3 in range(1 << HAND_SIZE):
            level = popcount(hand3)
            n = index.n_subsets[level]
            by_seat[3] = hand3
            for others in range(n**3):
                by_seat[2] = index.masks[level, others // (n * n)]
                by_seat[1] = index.masks[level, others // n % n]
                by_seat[0] = index.masks[level, others % n]
                for offset in range(N_SEATS):
                    hands[offset] = by_seat[(leader + offset) % N_SEATS]
                row = (index.rank[hands[1]] * n + index.rank[hands[2]]) * n + index.rank[hands[3]]
                word = reached[index.row_offset[level] + leader * n**3 + row, hands[0] >> 6]
                if word >> np.uint64(hands[0] & 63) & np.uint64(1):
                    _label_trick(
                        level,
                        leader,
                        hands,
                        index,
                        follow,
                        winner,
                        points,
                        values,
                        next_place,
                        state,
                        value,
                        q,
                    )


@kernel
def _label_trick(level, leader, hands, index, follow, winner, points, values, next_place, state, value, q):
    """Write down a boundary and all states of its trick, each with its V and Q."""
    packed = 0
    for offset in range(N_SEATS):
        packed |= hands[offset] << HAND_SIZE * ((leader + offset) % N_SEATS)
    root = _write_state(_group(leader, 0, NO_SLOT, NO_SLOT, NO_SLOT), packed, next_place, state)
    value[root] = 0
    if level == 0:
        return
    a_bit, b_bit, c_bit = (
        HAND_SIZE * leader,
        HAND_SIZE * ((leader + 1) % N_SEATS),
        HAND_SIZE * ((leader + 2) % N_SEATS),
    )
    n = index.n_subsets[level - 1]
    first = index.value_offset[level - 1]
    ranks = np.empty(N_SEATS, dtype=np.int64)
    side = 1 - 2 * (leader & 1)
    best_a = -100
    a_options = hands[0]
    while a_options:
        a = trailing_zeros(a_options)
        a_options &= a_options - 1
        ranks[0] = index.rank[hands[0] ^ (1 << a)]
        after_a = packed ^ 1 << a_bit + a
        led = _write_state(_group(leader, 1, a, NO_SLOT, NO_SLOT), after_a, next_place, state)
        worst_b = 100
        b_options = legal_mask(hands[1], follow[leader, a, 1])
        while b_options:
            b = trailing_zeros(b_options)
            b_options &= b_options - 1
            ranks[1] = index.rank[hands[1] ^ (1 << b)]
            after_b = after_a ^ 1 << b_bit + b
            answered = _write_state(_group(leader, 2, a, b, NO_SLOT), after_b, next_place, state)
            best_c = -100
            c_options = legal_mask(hands[2], follow[leader, a, 2])
            while c_options:
                c = trailing_zeros(c_options)
                c_options &= c_options - 1
                ranks[2] = index.rank[hands[2] ^ (1 << c)]
                last = _write_state(_group(leader, 3, a, b, c), after_b ^ 1 << c_bit + c, next_place, state)
                worst_d = 100
                d_options = legal_mask(hands[3], follow[leader, a, 3])
                while d_options:
                    d = trailing_zeros(d_options)
                    d_options &= d_options - 1
                    ranks[3] = index.rank[hands[3] ^ (1 << d)]
                    taker = np.int64(winner[leader, a, b, c, d])
                    v = side * (points[leader, a, b, c, d] + values[first + _place(taker, leader, n, ranks)])
                    q[last, d] = side * v
                    worst_d = min(worst_d, v)
                value[last] = q[answered, c] = side * worst_d
                best_c = max(best_c, worst_d)
            value[answered] = q[led, b] = side * best_c
            worst_b = min(worst_b, best_c)
        value[led] = q[root, a] = side * worst_b
        best_a = max(best_a, worst_b)
    value[root] = side * best_a


@kernel
def _write_state(group, hands, next_place, state):
    """Put a packed state behind the others of its group; its place."""
    place = next_place[group]
    next_place[group] = place + 1
    state[place] = group << LEADER_BIT | hands
    return place


@kernel
def _place(taker, leader, n, ranks):
    """Where a boundary lies in its level; ranks [4] of the hands by offset from the last leader."""
    place = taker
    for offset in range(1, N_SEATS + 1):
        place = place * n + ranks[(taker - leader + offset) % N_SEATS]
    return place
