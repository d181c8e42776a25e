"""The solver and the answers of a solved deal: golden facts, a slow negamax, and its own equations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.errors import BadInput, DeviceUnavailable, StateUnreachable
from forge_core.streams import stream
from forge_core.texas42.deals import check_deal, deal_from_seed
from forge_core.texas42.oracle import hardness, solve, solve_many
from forge_core.texas42.oracle.reference import reference_q
from forge_core.texas42.oracle.sampling import find_states, quotas
from forge_core.texas42.state import ILLEGAL, advance, initial_state, legal_slots, unpack
from forge_core.texas42.tables import deal_tables

seeds = st.integers(0, 2**31)
decls = st.integers(0, 9)
leaders = st.integers(0, 3)


def random_states(solution, plies, key):
    """Return one random reachable state of each given ply, by random legal play from the root."""
    rng = stream(0, "random states", key)
    tables = deal_tables(solution.hands, solution.decl)
    state, states = np.array([initial_state(solution.leader)]), []
    for ply in range(29):
        if ply in plies:
            states.append(int(state[0]))
        if ply < 28:
            legal = [slot for slot in range(7) if legal_slots(state, tables)[0] >> slot & 1]
            state, _ = advance(state, [rng.choice(legal)], tables)
    return np.array(states)


def test_golden_roots(golden_deals, golden_solutions):
    for golden, solution in zip(golden_deals, golden_solutions, strict=True):
        assert solution.value == golden["root_V"]
        assert solution.q == golden["root_q"]
        assert solution.states_per_ply == golden["level_sizes_by_ply"]
        assert initial_state() == golden["root_state"]


def test_golden_values(golden_deals, golden_solutions, golden_values):
    for golden, solution in zip(golden_deals, golden_solutions, strict=True):
        rows = golden_values["pair"] == golden["pair"]
        value, q = solution.query(golden_values["state"][rows])
        np.testing.assert_array_equal(value, golden_values["V"][rows])
        np.testing.assert_array_equal(q, golden_values["q"][rows])


@settings(max_examples=25)
@given(seeds, decls, leaders, st.integers(16, 28))
def test_endings_equal_a_plain_negamax(seed, decl, leader, ply):
    solution = solve(deal_from_seed(seed), decl, leader, device="cpu")
    for state in random_states(solution, {ply}, seed):
        value, q = solution.query([state])
        assert (int(value[0]), q[0].tolist()) == reference_q(solution.hands, decl, int(state))


@settings(max_examples=20)
@given(seeds, decls, leaders)
def test_every_q_is_its_points_and_the_value_after(seed, decl, leader):
    solution = solve(deal_from_seed(seed), decl, leader, device="cpu")
    tables = deal_tables(solution.hands, decl)
    states = solution.sample(500, stream(seed, "bellman")).state
    value, q = solution.query(states)
    legal = (legal_slots(states, tables)[:, None] >> np.arange(7) & 1).astype(bool)
    np.testing.assert_array_equal(legal, q != ILLEGAL)
    best = np.where(
        unpack(states).mover % 2 == 0,
        np.where(legal, q, -100).max(axis=1),
        np.where(legal, q, 100).min(axis=1),
    )
    np.testing.assert_array_equal(value, best)
    for slot in range(7):
        here = legal[:, slot]
        after, points = advance(states[here], np.full(here.sum(), slot), tables)
        np.testing.assert_array_equal(q[here, slot], points + solution.query(after)[0])


@settings(max_examples=5)
@given(seeds, decls, st.integers(1, 3))
def test_turning_the_table_turns_the_sign(seed, decl, turn):
    hands = deal_from_seed(seed)
    plain = solve(hands, decl, device="cpu")
    turned = solve([hands[(seat - turn) % 4] for seat in range(4)], decl, leader=turn, device="cpu")
    sign = -1 if turn % 2 else 1
    assert turned.states_per_ply == plain.states_per_ply
    assert turned.value == sign * plain.value
    assert turned.q == [q if q == ILLEGAL else sign * q for q in plain.q]


def test_all_states_are_the_states_per_ply_counted_once(small_solution):
    states = small_solution.all_states()
    assert (np.diff(states) > 0).all()
    ply = unpack(states).ply
    assert np.bincount(ply, minlength=29).tolist() == small_solution.states_per_ply


def test_labels_of_all_states_are_those_that_a_query_gives(small_solution):
    states, value, q = small_solution.label_all()
    picked = stream(5, "picked").choice(len(states), size=200_000, replace=False)
    for label, answer in zip((value, q), small_solution.query(states[picked]), strict=True):
        np.testing.assert_array_equal(label[picked], answer)


def test_a_sample_is_stratified_and_weighted(small_solution):
    sample = small_solution.sample(50_000, stream(1, "rows"))
    counts = np.array(small_solution.states_per_ply[:28])
    assert len(sample.state) == 50_000
    assert (np.diff(sample.state) > 0).all()
    np.testing.assert_array_equal(sample.ply, unpack(sample.state).ply)
    np.testing.assert_array_equal(np.bincount(sample.ply, minlength=28), quotas(counts, 50_000))
    np.testing.assert_allclose(np.bincount(sample.ply, weights=sample.weight), counts, rtol=1e-6)
    small_solution.query(sample.state)  # every one is reachable
    again = small_solution.sample(50_000, stream(1, "rows"))
    np.testing.assert_array_equal(sample.state, again.state)
    assert (sample.state != small_solution.sample(50_000, stream(2, "rows")).state).any()


def test_a_sample_estimates_the_mean_over_all_states(small_solution):
    states, value, _ = small_solution.label_all()
    value = value[unpack(states).ply < 28].astype(float)
    sample = small_solution.sample(50_000, stream(3, "rows"))
    drawn = small_solution.query(sample.state)[0].astype(float)
    estimate = (sample.weight * drawn).sum() / sample.weight.sum()
    assert abs(estimate - value.mean()) < 0.5


@pytest.mark.parametrize("ply", [0, 1, 5, 6, 7, 9])
def test_places_find_each_state_of_a_ply_once(small_solution, ply):
    n = small_solution.states_per_ply[ply]
    found = find_states(small_solution._tables, small_solution._reached, ply, np.arange(n))
    assert len(set(found.tolist())) == n
    picked = np.sort(stream(4, ply).choice(n, size=(n + 1) // 2, replace=False))
    chosen = find_states(small_solution._tables, small_solution._reached, ply, picked)
    np.testing.assert_array_equal(chosen, found[picked])


@given(st.lists(st.integers(0, 300), min_size=1, max_size=28), st.integers(0, 2000))
def test_quotas_are_equal_where_there_is_enough(available, rows):
    available = np.array(available)
    quota = quotas(available, rows)
    assert quota.sum() == min(rows, available.sum())
    assert (quota <= available).all()
    short = quota < available
    if short.any():
        assert quota.max() - quota[short].min() <= 1


def test_states_of_another_deal_are_unreachable(small_solution, golden_solutions):
    other = max(golden_solutions, key=lambda solution: sum(solution.states_per_ply))
    foreign = random_states(other, {22}, "foreign")
    with pytest.raises(StateUnreachable, match="cannot occur"):
        small_solution.query(foreign)


@pytest.mark.parametrize("state", [-1, 0, 1 << 41, initial_state() ^ 1, initial_state(leader=2)])
def test_impossible_states_are_refused(small_solution, state):
    with pytest.raises(StateUnreachable):
        small_solution.query(np.array([state]))


def test_a_revoke_is_unreachable():
    """A state whose boundary can occur, but whose second player did not follow suit."""
    solution = solve(deal_from_seed(0), 6, device="cpu")
    tables = deal_tables(solution.hands, 6)
    for lead in range(7):
        state, _ = advance(np.array([initial_state()]), [lead], tables)
        legal = int(legal_slots(state, tables)[0])
        for slot in (slot for slot in range(7) if not legal >> slot & 1):
            revoked = int(state[0]) + (1 << 30)
            revoked = revoked & ~(7 << 35) & ~(1 << 7 + slot) | slot << 35
            with pytest.raises(StateUnreachable):
                solution.query([revoked])


def test_states_must_be_whole_numbers(small_solution):
    with pytest.raises(BadInput, match="int64"):
        small_solution.query(np.array([1.5]))


def test_no_states_no_answers(small_solution):
    value, q = small_solution.query(np.array([], dtype=np.int64))
    assert value.shape == (0,)
    assert q.shape == (0, 7)


def test_tensors_are_answered_with_tensors(small_solution):
    torch = pytest.importorskip("torch")
    states = small_solution.sample(100, stream(0)).state
    value, q = small_solution.query(torch.from_numpy(states))
    assert value.dtype == q.dtype == torch.int8
    np.testing.assert_array_equal(q.numpy(), small_solution.query(states)[1])


def test_threads_change_nothing(golden_deals, golden_solutions):
    hands, decls = [d["hands"] for d in golden_deals], [d["decl"] for d in golden_deals]
    for alone, threaded in zip(
        golden_solutions, solve_many(hands, decls, device="cpu", workers=3), strict=True
    ):
        np.testing.assert_array_equal(alone._reached, threaded._reached)
        np.testing.assert_array_equal(alone._values, threaded._values)


def test_hard_deals_are_guessed_to_be_hard():
    hands = [deal_from_seed(seed) for seed in range(40)]
    decls = [seed % 10 for seed in range(40)]
    states = [sum(s.states_per_ply) for s in solve_many(hands, decls, device="cpu")]
    guess = [hardness(check_deal(deal), decl) for deal, decl in zip(hands, decls, strict=True)]
    assert np.corrcoef(np.log(states), guess)[0, 1] > 0.7


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (([[0] * 7] * 4, 0), "repeats"),
        (([list(range(8)), *[[]] * 3], 0), "hand of 8"),
        (([list(range(7))] * 4, 0), "in two hands"),
        ((deal_from_seed(0)[:3], 0), "3 hands"),
        ((deal_from_seed(0), 10), "declaration 10"),
        ((deal_from_seed(0), 0, 4), "leader 4"),
        (([[28, 1, 2, 3, 4, 5, 6], *deal_from_seed(0)[1:]], 0), "outside"),
    ],
)
def test_bad_deals_are_refused(arguments, complaint):
    with pytest.raises(BadInput, match=complaint):
        solve(*arguments, device="cpu")


def test_a_device_that_is_not_here_is_refused():
    with pytest.raises(BadInput, match="unknown device"):
        solve(deal_from_seed(0), 0, device="tpu")
    with pytest.raises(DeviceUnavailable, match="cuda:99"):
        solve(deal_from_seed(0), 0, device="cuda:99")
