"""Alpha-beta on one position: golden facts, the slow minimax, the whole-deal solver, and refusals."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.errors import BadInput, StateUnreachable
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.oracle import solve
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.reference import reference_q
from forge_core.texas42.state import ILLEGAL, advance, initial_state, legal_slots
from forge_core.texas42.tables import deal_tables

TERMINAL = [ILLEGAL] * 7


def random_state(hands, decl, leader, ply, key=0):
    """Return a packed state after `ply` random legal plays."""
    rng = stream(0, "random state", key)
    tables = deal_tables(np.array(hands), decl)
    state = np.array([initial_state(leader)])
    for _ in range(ply):
        legal = int(legal_slots(state, tables)[0])
        state, _ = advance(state, [rng.choice([slot for slot in range(7) if legal >> slot & 1])], tables)
    return int(state[0])


def random_rows(n, plies, key):
    """Return n deals with a random state each: hands [n, 4, 7], decls [n], states [n]."""
    rng = stream(0, "random rows", key)
    hands = np.array([deal_from_seed(int(rng.integers(2**31))) for _ in range(n)], dtype=np.int8)
    decls = rng.integers(10, size=n)
    states = [
        random_state(deal, decl, int(rng.integers(4)), int(rng.choice(plies)), key=row)
        for row, (deal, decl) in enumerate(zip(hands, decls, strict=True))
    ]
    return hands, decls, np.array(states)


@pytest.fixture(scope="module")
def golden_rows(golden_deals, golden_values):
    """Return hands [S, 4, 7], decls [S], states [S] and q [S, 7] of the golden states."""
    deal = np.searchsorted([golden["pair"] for golden in golden_deals], golden_values["pair"])
    hands = np.array([golden["hands"] for golden in golden_deals], dtype=np.int8)
    decls = np.array([golden["decl"] for golden in golden_deals])
    return hands[deal], decls[deal], golden_values["state"], golden_values["q"]


def test_golden_roots(golden_deals):
    for golden in golden_deals:
        assert root_q(golden["hands"], golden["decl"], 0).tolist() == [golden["root_q"]]


def test_golden_values(golden_rows):
    hands, decls, states, q = golden_rows
    np.testing.assert_array_equal(root_q(hands, decls, None, states), q)


@settings(max_examples=120)
@given(
    st.integers(0, 2**31), st.integers(0, 9), st.integers(0, 3), st.integers(16, 28), st.integers(0, 2**31)
)
def test_endings_equal_a_plain_minimax(seed, decl, leader, ply, key):
    hands = deal_from_seed(seed)
    state = random_state(hands, decl, leader, ply, key)
    assert root_q(hands, decl, None, [state])[0].tolist() == reference_q(np.array(hands), decl, state)[1]


def test_whole_deals_equal_the_solver():
    from forge_core.texas42.oracle import solve_many

    hands = [deal_from_seed(seed) for seed in range(10)]
    decls, leaders = [seed % 10 for seed in range(10)], [seed % 4 for seed in range(10)]
    solutions = list(solve_many(hands, decls, leaders, device="cpu"))
    np.testing.assert_array_equal(root_q(hands, decls, leaders), [solution.q for solution in solutions])
    for deal, solution in zip(hands, solutions, strict=True):
        states = solution.sample(300, stream(0, "states", solution.decl)).state
        np.testing.assert_array_equal(root_q(deal, solution.decl, 0, states), solution.query(states)[1])


def test_rows_do_not_depend_on_each_other_or_on_threads():
    hands, decls, states = random_rows(300, plies=range(12, 29), key="rows")
    q = root_q(hands, decls, None, states, workers=1)
    order = stream(0, "order").permutation(300)
    for workers in (1, 3):
        shuffled = root_q(hands[order], decls[order], None, states[order], workers=workers)
        np.testing.assert_array_equal(shuffled, q[order])
    for row in range(0, 300, 29):
        alone = root_q(hands[row], int(decls[row]), None, states[row : row + 1])
        np.testing.assert_array_equal(alone, q[row : row + 1])


def test_the_table_outlives_its_worlds():
    """With more deals than an entry can tell apart, the table is cleared in time."""
    hands, decls, states = random_rows(50, plies=[24], key="worlds")
    many = np.arange(20_000) % 50
    np.testing.assert_array_equal(
        root_q(hands[many], decls[many], None, states[many], workers=1),
        root_q(hands, decls, None, states)[many],
    )


def test_turning_the_table_turns_the_sign():
    hands = deal_from_seed(7)
    turned = [hands[(seat - 1) % 4] for seat in range(4)]
    np.testing.assert_array_equal(root_q(turned, 4, 1), -root_q(hands, 4, 0))


def test_order_within_a_hand_and_containers_carry_no_meaning():
    hands = deal_from_seed(3)
    expected = root_q(np.array(hands, dtype=np.int8), 2, 1)
    backwards = [hand[::-1] for hand in hands]
    np.testing.assert_array_equal(root_q(backwards, 2, 1), expected)
    np.testing.assert_array_equal(root_q([backwards, hands], [2, 2], np.array([1, 1])), expected[[0, 0]])


def test_one_deal_for_all_rows():
    hands = deal_from_seed(11)
    q = root_q(hands, 5, [0, 1, 2, 3])
    assert q.dtype == np.int8
    assert q.shape == (4, 7)
    for leader in range(4):
        np.testing.assert_array_equal(q[leader], root_q(hands, 5, leader)[0])


def test_nothing_to_play():
    state = random_state(deal_from_seed(0), 3, 0, 28)
    assert root_q(deal_from_seed(0), 3, None, [state]).tolist() == [TERMINAL]
    assert root_q(deal_from_seed(0), 3, 0, np.array([], dtype=np.int64)).shape == (0, 7)


def test_a_revoke_in_the_trick_is_unreachable():
    hands, decl = deal_from_seed(0), 6
    tables = deal_tables(np.array(hands), decl)
    refused = 0
    for lead in range(7):
        state, _ = advance(np.array([initial_state()]), [lead], tables)
        legal = int(legal_slots(state, tables)[0])
        for slot in range(7):
            played = int(state[0]) + (1 << 30) & ~(7 << 35) & ~(1 << 7 + slot) | slot << 35
            if legal >> slot & 1:
                root_q(hands, decl, None, [played])
                continue
            refused += 1
            with pytest.raises(StateUnreachable, match=str(played)):
                root_q(hands, decl, None, [int(state[0]), played])
    assert refused


@pytest.mark.parametrize("state", [-1, 1 << 41, initial_state() ^ 1, initial_state() ^ 1 << 32])
def test_malformed_states_are_refused(state):
    with pytest.raises(StateUnreachable, match="malformed"):
        root_q(deal_from_seed(0), 0, None, [state])


DEAL = deal_from_seed(0)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((DEAL[:3], 0, 0), "3 hands"),
        ((np.array([DEAL, [DEAL[0], *DEAL[:3]]]), 0, 0), "deal 1: .* in two hands"),
        (([DEAL, [[28, *DEAL[0][1:]], *DEAL[1:]]], 0, 0), "deal 1: .* outside"),
        (([[[0]], [[1], [2]]], 0, 0), "different lengths"),
        ((np.array([DEAL]) * 1.0, 0, 0), "float64"),
        ((DEAL, 10, 0), "declaration 10"),
        ((DEAL, [0, -1], 0), "declaration -1"),
        ((DEAL, "sixes", 0), "one integer in 0.."),
        ((DEAL, 0, 4), "leader 4"),
        ((DEAL, 0, None), "one integer in 0.."),
        ((DEAL, [0, 1, 2], [0, 1]), "one of each"),
        (([DEAL, DEAL], 0, None, [initial_state()] * 3), "one of each"),
        ((DEAL, 0, None, [0.5]), "int64"),
    ],
)
def test_bad_input_is_refused(arguments, complaint):
    with pytest.raises(BadInput, match=complaint):
        root_q(*arguments)


def count_lines(work: Callable[[], np.ndarray]) -> tuple[int, np.ndarray]:
    """Return the number of lines of Python that `work` runs in this thread, a line of a loop once per turn,
    and its result.
    """
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        result = work()
    finally:
        sys.settrace(before)
    return count, result


def test_a_hundred_thousand_rows_take_no_loop():
    """Checks are vectorised, although each row has its own deal: no line of Python runs once per row."""
    hands, decls, states = random_rows(20, plies=[27], key="many")
    many = np.arange(100_000) % 20
    lines, q = count_lines(lambda: root_q(hands[many], decls[many], None, states[many]))
    assert lines < len(many)
    assert ((q != ILLEGAL).sum(axis=1) == 1).all()


def test_fractions_and_other_kinds_are_refused_and_no_rows_are_none():
    hands = deal_from_seed(0)
    halves = [[domino + 0.5 for domino in hand] for hand in hands]
    for ask, complaint in (
        (lambda: root_q(halves, 6), "whole numbers"),
        (lambda: root_q([halves], 6), "domino ids"),
        (lambda: root_q(hands, 6.5), "one integer"),
        (lambda: root_q(hands, "sixes"), "one integer"),
        (lambda: root_q(hands, None), "one integer"),
        (lambda: root_q(hands, 6, 0.5), "one integer"),
        (lambda: root_q(hands, 6, workers=-3), "workers -3"),
        (lambda: root_q(hands, 6, workers=0), "workers 0"),
        (lambda: solve(halves, 6), "whole numbers"),
        (lambda: solve(hands, "sixes"), "declaration 'sixes'"),
        (lambda: solve(hands, 6, leader=None), "leader None"),
    ):
        with pytest.raises(BadInput, match=complaint):
            ask()
    for empty in ([], np.zeros((0, 4, 7), np.int8)):
        assert root_q(empty, [], []).shape == (0, 7)
