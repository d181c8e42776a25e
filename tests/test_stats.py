"""Intervals, paired comparisons and the sequential test: known values, error rates, refusals."""

from __future__ import annotations

from math import comb, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_core.errors import BadInput
from forge_core.stats import (
    Measure,
    Sprt,
    Verdict,
    elo_difference,
    mcnemar,
    mean_interval,
    paired_difference,
    wilson_interval,
)
from forge_core.streams import stream

# --- Wilson -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [  # Newcombe 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(k, n, low, high):
    assert wilson_interval(k, n) == pytest.approx((low, high), abs=5e-5)


def test_ends_are_exact_and_nothing_seen_says_nothing():
    assert wilson_interval(0, 7)[0] == 0
    assert wilson_interval(7, 7)[1] == 1
    assert wilson_interval(0, 0) == (0, 1)
    assert wilson_interval(1, 3) < wilson_interval(1.5, 3) < wilson_interval(2, 3)


@given(st.integers(1, 10**6), st.data())
def test_an_interval_holds_its_proportion_and_mirrors(n, data):
    k = data.draw(st.integers(0, n))
    low, high = wilson_interval(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert wilson_interval(n - k, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_arrays_are_taken_as_numbers_are():
    low, high = wilson_interval(np.array([[0, 3], [5, 10]]), np.array([[10], [20]]))
    assert low.shape == high.shape == (2, 2)
    assert (low[1, 0], high[1, 0]) == wilson_interval(5, 20)


@pytest.mark.parametrize("p", [0.05, 0.3, 0.5])
def test_intervals_hold_the_truth_about_as_often_as_they_say(p):
    n = 100
    low, high = wilson_interval(stream(0, "coverage").binomial(n, p, size=20_000), n)
    assert 0.93 < ((low <= p) & (p <= high)).mean() < 0.975


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2), (0, -1), (float("nan"), 2)])
def test_no_proportion_is_refused(k, n):
    with pytest.raises(BadInput, match="not a proportion"):
        wilson_interval(k, n)


# --- paired -----------------------------------------------------------------------------------


def test_a_difference_by_hand():
    found = paired_difference([3, 1, 4, 2], [1, 1, 2, 2])
    assert found.mean == 1
    assert found.standard_error == pytest.approx(np.sqrt(4 / 3) / 2)
    assert (found.low, found.high) == pytest.approx((1 - 1.1316, 1 + 1.1316), abs=1e-4)
    assert not found.decided
    assert paired_difference([1, 2, 3], [0, 1, 2]).decided


@pytest.mark.parametrize("pair", [([1], [2]), ([1, 2], [1]), ([1, np.nan], [0, 0]), ([[1], [2]], [[1], [2]])])
def test_what_does_not_pair_is_refused(pair):
    with pytest.raises(BadInput):
        paired_difference(*pair)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_twice_the_smaller_tail(a, b):
    tail = sum(comb(a + b, i) for i in range(min(a, b) + 1)) / 2 ** (a + b)
    assert mcnemar(a, b) == mcnemar(b, a) == pytest.approx(min(1, 2 * tail))


def test_mcnemar_of_known_and_of_many_cases():
    assert mcnemar(0, 5) == 0.0625
    assert mcnemar(0, 0) == 1
    assert mcnemar(630, 522) == pytest.approx(0.00162, abs=2e-5)
    assert mcnemar(5000, 5200) == pytest.approx(0.0488, abs=2e-4)
    with pytest.raises(BadInput):
        mcnemar(-1, 3)


# --- SPRT -------------------------------------------------------------------------------------

OUTCOMES = np.array([1.0, 0.0, -1.0])


def play(test: Sprt, win: float, loss: float, key: int) -> Sprt:
    """Simulate duplicate deals won, drawn and lost at these rates, ten at a time, until there is a
    verdict."""
    rng = stream(0, "sprt", key)
    while test.verdict is Verdict.CONTINUE:
        test = test.add(rng.choice(OUTCOMES, size=10, p=[win, 1 - win - loss, loss]))
    return test


def test_the_test_errs_as_rarely_as_it_says():
    test, n = Sprt(h0=0.0, h1=0.2, alpha=0.05, beta=0.1), 400
    wrong_h1 = np.mean([play(test, 0.3, 0.3, k).verdict is Verdict.ACCEPT_H1 for k in range(n)])
    wrong_h0 = np.mean([play(test, 0.4, 0.2, n + k).verdict is Verdict.ACCEPT_H0 for k in range(n)])
    assert wrong_h1 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / n)
    assert wrong_h0 < 0.1 + 3 * np.sqrt(0.1 * 0.9 / n)


def test_it_stops_earlier_than_a_fixed_number_would():
    test = Sprt(h0=0.0, h1=0.2)
    fixed = 0.6 * (2 * 1.645 / 0.2) ** 2  # outcomes of variance 0.6, both errors 5 %
    assert np.mean([play(test, 0.4, 0.2, k).n for k in range(100)]) < 0.8 * fixed


def test_the_ratio_by_hand():
    test = Sprt(h0=0, h1=0.5).add([1, 1, 0, -1])
    variance = 3 / 4 - 1 / 16
    assert test.llr == pytest.approx(4 * 0.5 * (2 * 0.25 - 0.5) / (2 * variance))
    assert test.bounds == pytest.approx((-2.944, 2.944), abs=1e-3)


def test_outcomes_may_come_one_by_one_or_together():
    outcomes = stream(0, "outcomes").integers(-3, 4, size=50)
    one_by_one = Sprt()
    for outcome in outcomes:
        one_by_one = one_by_one.add(outcome)
    assert one_by_one == Sprt().add(outcomes)
    assert Sprt().add([]) == Sprt()


@pytest.mark.parametrize(
    ("outcome", "llr", "verdict"),
    [(1, inf, Verdict.ACCEPT_H1), (0, -inf, Verdict.ACCEPT_H0), (0.25, 0, Verdict.CONTINUE)],
)
def test_outcomes_that_never_vary(outcome, llr, verdict):
    assert Sprt(h1=0.5).add([outcome] * 29).verdict is Verdict.CONTINUE
    test = Sprt(h1=0.5).add([outcome] * 30)
    assert (test.llr, test.verdict) == (llr, verdict)


@pytest.mark.parametrize(
    "settings", [{"h0": 1}, {"alpha": 0}, {"alpha": 0.6, "beta": 0.5}, {"at_least": 1}, {"h1": inf}]
)
def test_a_test_that_contradicts_itself_is_refused(settings):
    with pytest.raises(BadInput):
        Sprt(**settings)


def test_no_number_is_no_outcome():
    with pytest.raises(BadInput):
        Sprt().add([1, float("nan")])


def test_a_test_has_a_mirror():
    test = Sprt(0, 2, 0.05, 0.2).add([3.0, 4.0, 5.0] * 20)
    assert test.mirrored().llr == pytest.approx(-test.llr)
    assert test.mirrored().bounds == pytest.approx(tuple(-bound for bound in reversed(test.bounds)))
    assert test.mirrored().mirrored() == test


# --- means, Elo, words ------------------------------------------------------------------------


def test_a_paired_difference_is_the_mean_of_the_differences():
    one, other = stream(0, "pairs").normal(size=(2, 40))
    assert paired_difference(one, other) == mean_interval(one - other)
    for numbers in ([1.0], [[1.0, 2.0]], [1.0, float("inf")]):
        with pytest.raises(BadInput):
            mean_interval(numbers)


def test_elo_of_a_score():
    assert elo_difference(0.5) == 0
    assert elo_difference(10 / 11) == pytest.approx(400)
    assert elo_difference(0.3) == pytest.approx(-elo_difference(0.7))
    assert (elo_difference(0), elo_difference(1)) == (-inf, inf)
    with pytest.raises(BadInput, match="wins plus half the draws"):
        elo_difference(1.2)


def test_words_of_a_measure():
    measure = Measure("points", "deal")
    assert (measure.per_case, measure.cases) == ("points per deal", "deals")
