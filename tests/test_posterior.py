"""Weights of worlds against the formula in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forge_core.errors import BadInput
from forge_core.texas42.worlds.posterior import PosteriorConfig, log_likelihood, posterior_weights, weigh


def plain_probability(q, legal, observed, tau, mix) -> float:
    """Return the probability of one play: a mixture of a softmax over its advantage, and a uniform choice."""
    values = [float(x) for x, may in zip(q, legal, strict=True) if may]
    mean, n = sum(values) / len(values), len(values)
    if not legal[observed]:
        return 0.0
    top = max((x - mean) / tau for x in values)
    total = sum(math.exp((x - mean) / tau - top) for x in values)
    thought = math.exp((float(q[observed]) - mean) / tau - top) / total
    return (1 - mix) * thought + mix / n


def plain_weights(q, legal, observed, tau, mix) -> list[float]:
    products = []
    for q_of_world, legal_in_world, played in zip(q, legal, observed, strict=True):
        product = 1.0
        for values, may, slot in zip(q_of_world, legal_in_world, played, strict=True):
            if slot >= 0:
                product *= plain_probability(values, may, slot, tau, mix)
        products.append(product)
    return [product / sum(products) for product in products]


@st.composite
def cases(draw):
    m, k = draw(st.integers(1, 6)), draw(st.integers(0, 4))
    q = draw(arrays(np.float64, (m, k, 7), elements=st.integers(-42, 42)))
    legal = draw(arrays(np.bool_, (m, k, 7)))
    legal[..., 0] |= ~legal.any(axis=-1)
    observed = draw(arrays(np.int64, (m, k), elements=st.integers(-1, 6)))
    observed[0] = np.where(observed[0] < 0, -1, legal[0].argmax(axis=-1))  # one world is possible
    junk = draw(st.sampled_from([-128.0, np.nan, np.inf, -np.inf, 1e30]))
    return np.where(legal, q, junk), legal, observed


@settings(max_examples=200)
@given(cases(), st.sampled_from([0.5, 2.0, 10.0]), st.sampled_from([0.01, 0.1, 0.5, 1.0]))
def test_weights_are_the_formula(case, tau, mix):
    q, legal, observed = case
    found = posterior_weights(q, legal, observed, tau, mix)
    expected = np.array(plain_weights(q, legal, observed, tau, mix))
    np.testing.assert_allclose(found.weights, expected, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(found.ess, 1 / (expected**2).sum())
    np.testing.assert_allclose(found.max_weight, expected.max())
    np.testing.assert_allclose(found.entropy, -sum(w * math.log(w) for w in expected if w), atol=1e-12)


@settings(max_examples=100)
@given(cases(), st.sampled_from([0.1, 3.0]), st.sampled_from([0.0, 0.1, 1.0]))
def test_tensors_give_what_arrays_give(case, tau, mix):
    q, legal, observed = case
    expected = log_likelihood(q, legal, observed, tau, mix)
    found = log_likelihood(*map(torch.from_numpy, (q, legal, observed)), tau, mix)
    assert found.dtype == torch.float64
    # the logarithm of a sum just above 1 is as exact as that sum: the order of adding shows in its last digit
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-15)
    mine, theirs = weigh(found), weigh(expected)
    for name in ("weights", "ess", "max_weight", "entropy"):
        np.testing.assert_allclose(getattr(mine, name).numpy(), getattr(theirs, name), rtol=1e-9, atol=1e-12)


def test_a_batch_of_games_is_each_of_them():
    rng = np.random.default_rng(0)
    q = rng.integers(-42, 43, (5, 30, 4, 7)).astype(np.float32)
    legal = rng.random(q.shape) < 0.7
    legal[..., 0] = True
    observed = np.where(rng.random(q.shape[:-1]) < 0.3, -1, 0)
    together = posterior_weights(q, legal, observed, 2.0, 0.1)
    assert together.ess.shape == (5,)
    for n in range(5):
        alone = posterior_weights(q[n], legal[n], observed[n], 2.0, 0.1)
        np.testing.assert_array_equal(together.weights[n], alone.weights)
        np.testing.assert_array_equal(together.entropy[n], alone.entropy)
    lists = posterior_weights(q[0].tolist(), legal[0].tolist(), observed[0].tolist(), 2.0, 0.1)
    np.testing.assert_array_equal(lists.weights, together.weights[0])


def test_whole_points_are_as_good_as_fractions():
    q = np.array([[[4, 2, -128, -128, -128, -128, -128]]], dtype=np.int8)
    for played, expected in ((0, 1 / (1 + math.exp(-1))), (1, 1 / (1 + math.exp(1)))):
        for kind in (np.asarray, torch.from_numpy):
            log_w = log_likelihood(kind(q), kind(q > -128), kind(np.full((1, 1), played)), 2.0, 0.0)
            assert math.exp(float(log_w[0])) == pytest.approx(expected)


def test_the_worst_play_of_all_keeps_its_digits():
    """84 points at tau 0.1 are a factor of exp(-840), which underflows; its logarithm does not."""
    q = np.array([[[42, -42, 0, 0, 0, 0, 0]], [[42, -41, 0, 0, 0, 0, 0]]], dtype=np.float32)
    legal, observed = np.arange(7) < np.full((2, 1, 7), 2), np.ones((2, 1), dtype=np.int64)
    np.testing.assert_allclose(log_likelihood(q, legal, observed, 0.1, 0.0), [-840, -830])
    np.testing.assert_allclose(
        posterior_weights(q, legal, observed, 0.1, 0.0).weights[0], math.exp(-10), rtol=1e-4
    )
    np.testing.assert_allclose(log_likelihood(q, legal, observed, 0.1, 0.1), [math.log(0.05)] * 2)
    tiny = log_likelihood(q, legal, observed, 0.1, 1e-300)
    np.testing.assert_allclose(tiny, [math.log(5e-301)] * 2)


def test_what_says_nothing_changes_nothing():
    q, legal = np.full((3, 2, 7), np.nan), np.zeros((3, 2, 7), dtype=bool)
    unsaid = np.full((3, 2), -1)
    assert (log_likelihood(q, legal, unsaid, 1.0, 0.1) == 0).all()
    forced = legal.copy()
    forced[..., 4] = True
    q[..., 4] = [[-10.0, 3.0]] * 3
    assert (np.abs(log_likelihood(q, forced, np.full((3, 2), 4), 1.0, 0.1)) < 1e-15).all()
    found = posterior_weights(q, legal, unsaid, 1.0, 0.1)
    assert (found.weights == 1 / 3).all()
    assert found.ess == pytest.approx(3)
    assert found.entropy == pytest.approx(math.log(3))


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_worlds_that_cannot_be(kind):
    q, legal = kind(np.zeros((2, 1, 7))), kind(np.eye(7, dtype=bool)[:2, None])
    weights = posterior_weights(q, legal, kind(np.ones((2, 1), dtype=np.int64)), 1.0, 0.1).weights
    assert weights.tolist() == [0, 1]
    with pytest.raises(BadInput, match="illegal in every world"):
        posterior_weights(q, legal, kind(np.full((2, 1), 6)), 1.0, 0.1)
    with pytest.raises(BadInput, match="illegal in every world"):
        weigh(kind(np.array([[0.0, 0.0], [-np.inf, -np.inf]])))
    with pytest.raises(BadInput, match="no worlds"):
        weigh(kind(np.zeros((3, 0))))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tau": 0.0}, "tau 0.0"),
        ({"tau": math.nan}, "tau nan"),
        ({"tau": math.inf}, "tau inf"),
        ({"mix": -0.1}, "mix -0.1"),
        ({"mix": 1.1}, "mix 1.1"),
        ({"legal": np.ones((2, 1, 6), dtype=bool)}, "for q and legal"),
        ({"observed": np.zeros((2, 2), dtype=np.int64)}, "for q and legal"),
        ({"observed": np.full((2, 1), 7)}, "-1..6"),
        ({"observed": np.full((2, 1), -2)}, "-1..6"),
        ({"q_past": np.full((2, 1, 7), np.nan)}, "is NaN"),
    ],
)
def test_bad_input_is_refused(change, reason):
    good = {
        "q_past": np.zeros((2, 1, 7)),
        "legal": np.ones((2, 1, 7), dtype=bool),
        "observed": np.zeros((2, 1), dtype=np.int64),
        "tau": 1.0,
        "mix": 0.1,
    }
    posterior_weights(**good)
    with pytest.raises(BadInput, match=reason):
        posterior_weights(**(good | change))


@pytest.mark.parametrize(
    "change", [{"tau": 0}, {"mix": 2}, {"window": 0}, {"window": 29}, {"min_ess": -1}, {"most_rounds": 0}]
)
def test_settings_are_checked(change):
    assert (PosteriorConfig().window, PosteriorConfig().tau, PosteriorConfig().mix) == (4, 0.1, 0.1)
    with pytest.raises(BadInput):
        PosteriorConfig(**change)
