"""Metrics on small cases worked out by hand, and on random play."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_game import SPEC, toy_rows

from forge_core.errors import BadInput
from forge_core.learning.choice import CHOICE_GRAIN, choose
from forge_core.learning.labelled.answers import ask
from forge_core.learning.labelled.metrics import evaluate_q, evaluate_random, is_decision

Q = np.array([[10, 4, -128], [-6, -6, -6], [3, -128, -128], [-20, 0, 0]], dtype=np.int8)
LEGAL = Q != -128
WEIGHT = np.array([1.0, 2.0, 3.0, 4.0])


def random_rows(seed, n=200, actions=7):
    draw = np.random.default_rng(seed)
    legal = draw.random((n, actions)) < 0.5
    legal[np.arange(n), draw.integers(actions, size=n)] = True
    q = np.where(legal, draw.integers(-42, 43, (n, actions)), -128).astype(np.int8)
    return draw, q, legal


def test_by_hand():
    predicted = np.array([[1.0, 2.0, 99.0], [0.0, 1.0, 0.0], [7.0, 99.0, 99.0], [5.0, 4.0, 4.0]])
    found = evaluate_q(predicted, Q, LEGAL, WEIGHT, predicted_value=[10, -6, 0, 2])
    # regrets 6, 0, 0, 20; the first and the last row are decisions
    assert found["rows"] == 4
    assert found["decision_rows"] == 2
    assert found["q_gap"] == pytest.approx((1 * 6 + 4 * 20) / 10)
    assert found["decision_q_gap"] == pytest.approx((1 * 6 + 4 * 20) / 5)
    assert found["blunder_rate"] == pytest.approx(0.4)
    assert found["decision_blunder_rate"] == pytest.approx(0.8)
    assert found["accuracy"] == found["zero_regret_rate"] == pytest.approx(0.5)
    assert found["regret_max"] == found["regret_p99"] == 20
    errors, counts = np.array([9 + 2, 6 + 7 + 6, 4, 25 + 4 + 4]), np.array([2, 3, 1, 3])
    assert found["q_mae"] == pytest.approx((WEIGHT * errors).sum() / (WEIGHT * counts).sum())
    assert found["value_mae"] == pytest.approx((3 * 3 + 4 * 2) / 10)
    assert evaluate_q(predicted, Q, LEGAL)["q_gap"] == pytest.approx(26 / 4)


def test_random_play_by_hand():
    found = evaluate_random(Q, LEGAL, WEIGHT)
    assert found["q_gap"] == pytest.approx((1 * 3 + 4 * 20 / 3) / 10)
    assert found["decision_q_gap"] == pytest.approx((1 * 3 + 4 * 20 / 3) / 5)
    assert found["decision_blunder_rate"] == pytest.approx(4 / 3 / 5)
    assert found["decision_accuracy"] == pytest.approx((1 / 2 + 4 * 2 / 3) / 5)


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_the_truth_itself_loses_nothing(seed):
    draw, q, legal = random_rows(seed)
    best = np.where(legal, q, -128).max(axis=1)
    found = evaluate_q(np.where(legal, q, 99), q, legal, draw.random(200) + 0.1, predicted_value=best)
    for key in ("q_gap", "decision_q_gap", "regret_max", "q_mae", "value_mae", "blunder_rate"):
        assert found[key] == 0
    assert found["accuracy"] == found["decision_accuracy"] == 1


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_groups_add_up_to_the_whole(seed):
    draw, q, legal = random_rows(seed)
    weight, decl, ply = draw.random(200) + 0.1, draw.integers(0, 10, 200), draw.integers(0, 28, 200)
    found = evaluate_q(draw.normal(size=q.shape), q, legal, weight, decl, ply)
    for name, group in (("per_ply", ply), ("per_decl", decl)):
        of_group = {key: weight[group == key].sum() for key in found[name]}
        whole = sum(entry["q_gap"] * of_group[key] for key, entry in found[name].items()) / weight.sum()
        assert whole == pytest.approx(found["q_gap"])
        assert sum(entry["rows"] for entry in found[name].values()) == 200
        assert max(entry["regret_max"] for entry in found[name].values()) == found["regret_max"]
    by_ply = [entry["q_gap"] for entry in found["per_ply"].values()]
    assert found["q_gap_mean_over_plies"] == pytest.approx(np.mean(by_ply))
    json.dumps(found, allow_nan=False)


def test_a_row_counts_as_often_as_its_weight_says():
    draw, q, legal = random_rows(0)
    predicted, copies = draw.normal(size=q.shape), draw.integers(1, 5, 200)
    weighed = evaluate_q(predicted, q, legal, copies)
    copied = evaluate_q(*(np.repeat(column, copies, axis=0) for column in (predicted, q, legal)))
    for key, value in weighed.items():
        if isinstance(value, float):
            assert copied[key] == pytest.approx(value), key


def test_random_play_is_what_many_random_choices_come_to():
    draw, q, legal = random_rows(1)
    expected = evaluate_random(q, legal)
    drawn = [evaluate_q(draw.random(q.shape), q, legal, in_points=False) for _ in range(300)]
    for key in ("q_gap", "decision_q_gap", "blunder_rate", "accuracy"):
        assert np.mean([found[key] for found in drawn]) == pytest.approx(expected[key], rel=0.03)


def test_equal_answers_are_decided_for_the_lowest_slot_everywhere():
    torch = pytest.importorskip("torch")
    predicted = np.array([[3.0, 5.0, 5.0 + CHOICE_GRAIN / 4, 9.0], [0.0, 0.0, 0.0, 0.0]], dtype=np.float32)
    legal = np.array([[1, 1, 1, 0], [0, 0, 1, 1]], dtype=bool)
    assert choose(predicted, legal).tolist() == [1, 2]
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        tensors = (torch.from_numpy(array).to(device) for array in (predicted, legal))
        assert choose(*tensors).tolist() == [1, 2]


def test_decisions_are_where_something_can_be_lost():
    assert is_decision(Q, LEGAL).tolist() == [True, False, False, True]
    found = evaluate_random(Q[1:3], LEGAL[1:3])
    assert found["decision_rows"] == 0
    assert "decision_q_gap" not in found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": Q[:0], "legal": LEGAL[:0], "predicted": np.zeros((0, 3))}, "no row"),
        ({"legal": LEGAL[:, :2]}, "both must be"),
        ({"predicted": np.zeros((4, 2))}, "one answer per action"),
        ({"predicted": np.full((4, 3), np.nan)}, "NaN"),
        ({"legal": np.zeros((4, 3), dtype=bool)}, "no legal action"),
        ({"weight": [1, 1, 1, np.nan]}, "finite"),
        ({"weight": [1, 1, 1, -1]}, "negative"),
        ({"weight": [1, 1]}, "each of the 4 rows"),
        ({"decl": [0, 1, 2, 1.5]}, "decl must hold whole numbers"),
        ({"ply": [0, 1, 2, -1]}, "ply must hold whole numbers"),
    ],
)
def test_what_cannot_be_measured_is_refused(change, message):
    asked = {"predicted": np.zeros((4, 3)), "q": Q, "legal": LEGAL} | change
    with pytest.raises(BadInput, match=message):
        evaluate_q(**asked)


def test_answers_are_the_same_in_one_part_or_many():
    torch = pytest.importorskip("torch")
    from forge_core.learning.networks.sizes import ModelConfig
    from forge_core.learning.networks.transformer import TokenTransformer

    torch.manual_seed(0)
    model = TokenTransformer(SPEC, ModelConfig(16, 1, 2, 32))
    torch.nn.init.normal_(model.head.weight)
    rows = toy_rows(100, "parts")
    whole = ask(model, [rows])
    parts = ask(model, [rows.take(slice(0, 7)), rows.take(slice(7, 100))], chunk=30)
    np.testing.assert_allclose(whole.predicted, parts.predicted, atol=1e-5)
    assert whole.measure()["decision_q_gap"] == pytest.approx(parts.measure()["decision_q_gap"])
    deals, gaps = whole.gap_by_deal()
    assert deals.tolist() == list(range(10))
    counts = np.bincount(rows.deal[is_decision(rows.q, rows.legal)])
    assert np.average(gaps, weights=counts) == pytest.approx(whole.measure()["decision_q_gap"])
    with pytest.raises(BadInput, match="no row"):
        ask(model, [])
