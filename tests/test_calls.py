"""Calls as kernels equal the readable bidders, in all kinds of situations."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forge_core.streams import stream
from forge_core.texas42.auction import legal_calls
from forge_core.texas42.bidding.advice import Situation, choose, stakes_of
from forge_core.texas42.bidding.bidders import RuleBidder
from forge_core.texas42.bidding.calls import (
    FIELD_RECORD,
    RULE_TABLE,
    fill_best_call,
    fill_rule_p_make,
)
from forge_core.texas42.eq.declared import TRUMPS
from forge_core.texas42.tables import BEATEN_BY, LED_SUIT

marks = st.integers(0, 6)


def best_call(p_make, calls, own, other, forced) -> tuple[int, int]:
    best = np.zeros(2, dtype=np.int64)
    fill_best_call(FIELD_RECORD[0], p_make, np.array(calls, dtype=np.int64), own, other, forced, best)
    return int(best[0]), int(best[1])


def test_p_make_is_that_of_the_rule_bidder():
    draws, p_make = stream(1, "calls"), np.zeros((10, 13))
    for _ in range(500):
        hand = draws.permutation(28)[:7].astype(np.int8)
        fill_rule_p_make(RULE_TABLE, TRUMPS, LED_SUIT, BEATEN_BY, hand, p_make)
        np.testing.assert_allclose(p_make, RuleBidder().p_make(hand.tolist()), atol=1e-14)


@given(st.integers(0, 2**32), st.integers(0, 3), marks, marks, st.booleans(), st.booleans())
def test_the_best_call_is_that_of_the_advice(seed, place, own, other, forced, is_partial):
    draws = stream(seed, "calls")
    calls: list[int] = []
    for _ in range(place):
        legal = legal_calls(max(calls, default=0))
        calls.append(int(draws.choice(legal)) if draws.random() < 0.5 else 0)
    p_make = np.sort(draws.random((10, 13)))[:, ::-1].copy()
    if is_partial:
        p_make[1:] = np.nan
    stakes = stakes_of(Situation(tuple(calls), own, other, forced))
    call, decl = choose(p_make, stakes)
    assert best_call(p_make, calls, own, other, forced) == (int(call), int(decl))


def test_hopeless_and_certain_hands():
    """Among equal bids and declarations, the first one is called; the dealer bids no more than it must."""
    assert best_call(np.zeros((10, 13)), [0, 0, 0], 0, 0, False) == (0, -1)
    assert best_call(np.zeros((10, 13)), [0, 0, 0], 0, 0, True) == (30, 0)
    assert best_call(np.ones((10, 13)), [0, 0, 0], 0, 0, False) == (84, 0)
    assert best_call(np.ones((10, 13)), [0, 0, 0], 6, 0, False) == (30, 0)
