"""The gate: who passes, who doesn't, and what it says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.gate import ALPHA, GROUP_MARGIN, judge_losses, judge_match
from forge_core.learning.labelled.scores import FOLDER, Scores, find_scores
from forge_core.stats import Sprt

GROUPS = [f"group {k % 10}" for k in range(200)]


def losses(seed: int, better_by: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Challenger and champion on 200 cases that are easy and hard for both alike."""
    draw = np.random.default_rng(seed)
    hard = draw.gamma(2.0, 0.6, 200)
    return hard - better_by + draw.normal(0, 0.2, 200), hard + draw.normal(0, 0.2, 200)


def test_who_loses_less_beyond_chance_passes():
    ruling = judge_losses(*losses(1, better_by=0.1), GROUPS)
    assert ruling.promoted and ruling.figures["saved_at_least_points"] > 0
    assert "points saved" in ruling.reasons[0] and "more than chance" in ruling.reasons[0]
    assert json.dumps(ruling.to_dict())


def test_who_is_worse_or_equal_does_not():
    worse = judge_losses(*losses(1, better_by=-0.1), GROUPS)
    same = judge_losses(losses(1)[0], losses(1)[0], GROUPS)
    assert not worse.promoted and not same.promoted
    assert "not more than chance" in worse.reasons[0]


def test_an_equal_challenger_passes_as_often_as_alpha_says():
    passed = sum(judge_losses(*losses(seed), [""] * 200).promoted for seed in range(1000))
    assert passed / 1000 == pytest.approx(ALPHA, abs=0.02)


def test_no_group_may_come_off_worse_by_more_than_the_margin():
    mine, theirs = losses(2, better_by=0.3)
    suffers = np.array(GROUPS) == "group 7"
    mine[suffers] = theirs[suffers] + GROUP_MARGIN + 0.01
    ruling = judge_losses(mine, theirs, GROUPS)
    assert ruling.figures["saved_at_least_points"] > 0 and not ruling.promoted
    assert "group 7" in ruling.reasons[0], "what decided comes first"
    mine[suffers] = theirs[suffers] + GROUP_MARGIN - 0.01
    assert judge_losses(mine, theirs, GROUPS).promoted


def test_pairing_sees_through_what_is_hard_for_both():
    """Unpaired, 0.1 points among losses that spread by 0.85 would not be seen."""
    mine, theirs = losses(3, better_by=0.1)
    apart = np.hypot(mine.std(ddof=1), theirs.std(ddof=1)) / np.sqrt(200)
    assert theirs.mean() - mine.mean() < 1.645 * apart
    assert judge_losses(mine, theirs, GROUPS).promoted


def test_a_player_passes_only_when_the_test_ends_for_it():
    draw = np.random.default_rng(0)
    test = Sprt(0.0, 0.5)
    assert not judge_match(test.add(draw.normal(0.5, 10, 200))).promoted, "too close to tell"
    assert judge_match(test.add(draw.normal(2, 10, 2000))).promoted
    assert not judge_match(test.add(draw.normal(-1, 10, 2000))).promoted


def test_figures_that_do_not_pair_are_refused():
    with pytest.raises(BadInput, match="name one a case"):
        judge_losses([1.0, 2.0], [1.0, 2.0], ["a"])
    with pytest.raises(BadInput, match="do not pair"):
        judge_losses([1.0, 2.0], [1.0], ["a", "b"])


def scores(**more) -> Scores:
    known = {"weights": "ab", "benchmark": "cd", "group": ("sixes", "fives"), "gap": (1.0, 0.5)}
    return Scores(**(known | {"decision_q_gap": 0.75, "q_gap": 0.1, "q_mae": None} | more))


def test_scores_are_kept_by_weights_and_benchmark(tmp_path):
    store = Store(str(tmp_path))
    assert find_scores(store, "ab", "cd") is None
    scores().keep(store)
    assert find_scores(store, "ab", "cd") == scores()
    assert find_scores(store, "ab", "other") is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 100_000, '{"weights": "ab"}', json.dumps({"gap": [1], "group": []})],
)
def test_scores_that_say_something_else_are_none(tmp_path, text):
    store = Store(str(tmp_path))
    scores().keep(store)
    store.join(FOLDER).write("ab.cd.json", text.encode())
    assert find_scores(store, "ab", "cd") is None
    scores(weights="other").keep(store)
    store.join(FOLDER).write("ab.cd.json", store.join(FOLDER).read("other.cd.json"))
    assert find_scores(store, "ab", "cd") is None
