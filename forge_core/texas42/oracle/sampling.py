"""Samples of the states of a solved deal: count them, draw them by index, and weight them.

Only trick boundaries are stored. A state inside a trick follows from exactly one boundary, so the
states of a ply are counted row by row without meeting any twice, and the i-th one is found by
walking over the rows. The order is: level, leader, row, then lead a, answers b and c, then the
leader's hand. It is the same on every device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.oracle.boundary import INDEX
from forge_core.texas42.oracle.tricks import legal_mask
from forge_core.texas42.state import IN_TRICK_BIT, LEADER_BIT, NO_SLOT, PLAYED_BIT, States
from forge_core.texas42.tables import DealTables

N_SAMPLED_PLIES = N_PLAYS
"""Plies 0..27 are sampled; in the terminal state there is nothing to decide."""


@dataclass(frozen=True, slots=True)
class Sample:
    """S states drawn from one deal, without replacement, ascending."""

    state: States
    """[S] int64 packed states, ascending"""
    ply: npt.NDArray[np.uint8]
    """[S] uint8, 0..27"""
    weight: npt.NDArray[np.float32]
    """[S] float32 inverse inclusion probabilities; they sum to the number of states in plies 0..27"""


def quotas(available: npt.NDArray[np.int64], rows: int) -> npt.NDArray[np.int64]:
    """Return how many states to draw from each ply: equal shares, as far as the plies have states.

    available: [plies]. Returns quotas [plies] that sum to min(rows, available.sum()). The shortfall of
    small plies goes to the others; a remainder goes to the earliest plies that have states left.
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
    """Draw `rows` states stratified by ply, uniform within a ply, without replacement.

    Draws fewer if the deal has fewer. Raises BadInput for rows < 1.
    """
    drawn = draw_places(states_per_ply, rows, generator)
    state = np.concatenate([find_states(tables, reached, ply, places) for ply, places in enumerate(drawn)])
    return weigh_sample(state, drawn, states_per_ply)


def draw_places(
    states_per_ply: npt.NDArray[np.int64], rows: int, generator: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Draw the indices of a sample's states, in each ply's order: ascending, for each ply 0..27.

    Raises BadInput for rows < 1.
    """
    if rows < 1:
        raise BadInput(f"{rows} rows: use at least 1, or all")
    available = states_per_ply[:N_SAMPLED_PLIES]
    return [
        np.sort(generator.choice(n, size=q, replace=False, shuffle=False)) if q < n else np.arange(n)
        for n, q in zip(available, quotas(available, rows), strict=True)
    ]


def weigh_sample(
    state: States, drawn: list[npt.NDArray[np.int64]], states_per_ply: npt.NDArray[np.int64]
) -> Sample:
    """Build a Sample from the states found at the drawn indices, ply by ply."""
    quota = np.array([len(places) for places in drawn])
    ply = np.repeat(np.arange(N_SAMPLED_PLIES, dtype=np.uint8), quota)
    order = np.argsort(state)
    weight = (states_per_ply[:N_SAMPLED_PLIES] / np.maximum(quota, 1)).astype(np.float32)
    return Sample(state[order], ply[order], weight[ply[order]])


def find_states(
    tables: DealTables, reached: npt.NDArray[np.uint64], ply: int, places: npt.NDArray[np.int64]
) -> States:
    """Return the states of a ply at ascending indices `places` [S] in its order: int64 [S]."""
    states = np.empty(len(places), dtype=np.int64)
    level, in_trick = HAND_SIZE - ply // N_SEATS, ply % N_SEATS
    _find_states(level, in_trick, INDEX, tables.follow, reached, places, states)
    return states


@kernel
def _find_states(level, in_trick, index, follow, reached, places, states):
    """Fill states [S] with the states at ascending places [S] of one ply.

    Reads `reached` of the ply's level; `in_trick` plays have been made since the boundary.
    """
    # One walk over the rows serves all places, because they ascend: `passed` counts the states
    # already behind, and a group of states is skipped by its size without unpacking it.
    passed = 0
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
            # A group is a row and a lead: answers b x answers c x hands of the leader that contain
            # the lead. If nothing has been played, there is one group per row, of all its hands.
            for a in range(HAND_SIZE if in_trick else 1):
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
                # For each place in this group: its index within the group is a mixed-radix number
                # (b, c, hand), and the state is packed from the three digits.
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
    """Return the position of the n-th set bit, counting from 0."""
    for _ in range(n):
        word &= word - type(word)(1)
    return trailing_zeros(word)
