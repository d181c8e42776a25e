"""Compare the CUDA solver's kernels, interpreted by Triton on the host, with the CPU's kernels on endings.

test_cuda.py runs this file with TRITON_INTERPRET=1, which must be set before Triton is imported.
Endings go through the same kernels as whole deals, with fewer boundaries.
"""

from __future__ import annotations

import os
from typing import NamedTuple

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput, StateUnreachable
from forge_core.streams import stream
from forge_core.texas42.deals import check_deal, deal_from_seed
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.oracle import Solution, cpu
from forge_core.texas42.oracle.boundary import INDEX
from forge_core.texas42.oracle.cuda.batches import solutions
from forge_core.texas42.oracle.cuda.solution import CudaSolution
from forge_core.texas42.oracle.cuda.solving import solve_boundaries
from forge_core.texas42.state import NO_SLOT, Fields, initial_state, is_well_formed, pack, unpack
from forge_core.texas42.tables import deal_tables

assert os.environ.get("TRITON_INTERPRET") == "1", "run by test_cuda.py"


class Twins(NamedTuple):
    """One ending, solved by both implementations."""

    host: Solution
    device: CudaSolution


def solve_endings(level: int, n_deals: int) -> list[Twins]:
    """Solve endings of several deals and declarations, with `level` dominoes per hand, as one batch."""
    rng = stream(level, "endings")
    problems = [(check_deal(deal_from_seed(seed)), int(rng.integers(10)), 0) for seed in range(n_deals)]
    tables = [deal_tables(deal, decl) for deal, decl, _ in problems]
    hands = INDEX.masks[level][rng.integers(INDEX.n_subsets[level], size=(n_deals, N_SEATS))]
    nothing = np.full((n_deals, 3), NO_SLOT)
    roots = pack(Fields(hands, rng.integers(N_SEATS, size=n_deals), np.zeros(n_deals, dtype=int), nothing))
    solved = solve_boundaries(tables, roots, "cpu")
    pairs = []
    for i, device in enumerate(solutions(problems, tables, solved, solved.states_per_ply, "cuda", 0.0)):
        values, reached, states_per_ply = cpu.solve_boundaries(tables[i], roots[i])
        host = Solution(*problems[i], "cpu", 0.0, states_per_ply.tolist(), tables[i], values, reached)
        pairs.append(Twins(host, device))
    return pairs


@pytest.fixture(scope="module")
def twins() -> list[Twins]:
    return solve_endings(2, 4)


@pytest.fixture(scope="module")
def longer_twins() -> list[Twins]:
    return solve_endings(3, 1)


def test_values_bits_and_counts_are_the_cpus(twins, longer_twins):
    for host, device in twins + longer_twins:
        np.testing.assert_array_equal(device._reached.numpy().view(np.uint64), host._reached)
        np.testing.assert_array_equal(device._values.numpy(), host._values)
        assert device.states_per_ply == host.states_per_ply


def test_every_state_is_answered_as_by_the_cpu(twins, longer_twins):
    for host, device in twins[:1] + longer_twins:
        states, value, q = host.label_all()
        answers = device.query(torch.from_numpy(states))
        for label, answer in zip((value, q), answers, strict=True):
            assert answer.dtype == torch.int8
            np.testing.assert_array_equal(answer.numpy(), label)
        for label, answer in zip((states, value, q), device.label_all(), strict=True):
            np.testing.assert_array_equal(answer, label)


def test_samples_are_the_cpus(twins):
    for host, device in twins[:2]:
        for rows in (20, 10**6):
            mine, theirs = (s.sample(rows, stream(rows, "rows")) for s in (device, host))
            np.testing.assert_array_equal(mine.state, theirs.state)
            np.testing.assert_array_equal(mine.ply, theirs.ply)
            np.testing.assert_array_equal(mine.weight, theirs.weight)


def any_plays(boundaries, rng):
    """Return states 1 to 3 plays after a boundary, including plays that the rules forbid."""
    fields = unpack(boundaries)
    in_trick = rng.integers(1, 4, size=len(boundaries))
    rows = np.arange(len(boundaries))
    for offset in range(3):
        seat = (fields.leader + offset) % N_SEATS
        held = (fields.remaining[rows, seat][:, None] >> np.arange(HAND_SIZE) & 1).astype(bool)
        slot = np.where(held, rng.random(held.shape), -1).argmax(axis=1)
        plays = offset < in_trick
        fields.played[plays, offset] = slot[plays]
        fields.remaining[rows[plays], seat[plays]] &= ~(1 << slot[plays])
    return pack(Fields(fields.remaining, fields.leader, in_trick, fields.played))


def is_refused(solution: Solution, state: int) -> bool:
    try:
        solution.query(np.array([state]))
    except StateUnreachable:
        return True
    return False


def test_what_the_cpu_refuses_is_refused(twins):
    host, device = twins[-1]
    rng = stream(0, "spoiled")
    states = host.all_states()
    boundaries = states[(unpack(states).in_trick == 0) & (unpack(states).ply < N_PLAYS)]
    spoiled = states[rng.integers(len(states), size=300)] ^ (np.int64(1) << rng.integers(64, size=300))
    revoked = any_plays(boundaries.repeat(20), rng)
    foreign = twins[0].host.all_states()
    asked = np.concatenate([spoiled, revoked, foreign])
    sound = device._answer(torch.from_numpy(asked))[2].numpy().astype(bool)
    assert sound.tolist() == [not is_refused(host, state) for state in asked]
    assert (~sound & is_well_formed(asked)).any()


def test_one_bad_state_among_good_ones_is_named(twins):
    _, device = twins[-1]
    good = device.all_states()
    with pytest.raises(StateUnreachable, match=f"{initial_state(2)} cannot occur"):
        device.query(np.array([good[0], initial_state(2), good[-1]]))
    with pytest.raises(StateUnreachable, match="-1 is malformed"):
        device.query(np.array([good[0], -1]))
    with pytest.raises(BadInput, match="int64"):
        device.query(torch.tensor([1.5]))


def test_no_states_no_answers(twins):
    value, q = twins[0].device.query(np.array([], dtype=np.int64))
    assert value.shape == (0,)
    assert q.shape == (0, 7)


def test_roots_of_a_batch_lie_between_tricks_of_one_level(twins):
    deal = [twins[0].host._tables] * 2
    for roots in ([initial_state(), twins[0].host.all_states()[0]], [initial_state(), 1 << 30]):
        with pytest.raises(BadInput, match="between tricks"):
            solve_boundaries(deal, np.array(roots), "cpu")
