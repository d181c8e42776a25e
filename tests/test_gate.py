"""The gate: promotions, refusals and the reasons it gives."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.gate import ALPHA, LossRule, judge_losses, judge_match
from forge_core.learning.labelled.scores import FOLDER, Scores, find_scores
from forge_core.stats import Measure, Sprt

pytestmark = pytest.mark.slow

POINTS = Measure("points", "opening")
RULE = LossRule(POINTS, per="move", group="phase", group_margin=0.15)
GROUPS = [f"group {k % 10}" for k in range(200)]


def losses(seed: int, better_by: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return losses of challenger and champion on 200 cases, easy and hard for both alike."""
    draw = np.random.default_rng(seed)
    hard = draw.gamma(2.0, 0.6, 200)
    return hard - better_by + draw.normal(0, 0.2, 200), hard + draw.normal(0, 0.2, 200)


def test_who_loses_less_beyond_chance_passes():
    ruling = judge_losses(*losses(1, better_by=0.1), GROUPS, RULE)
    assert ruling.promoted and ruling.figures["saved_at_least_points"] > 0
    assert "points saved" in ruling.reasons[0] and "more than chance" in ruling.reasons[0]
    assert json.dumps(ruling.to_dict())


def test_words_are_those_of_the_game():
    ruling = judge_losses(*losses(1, better_by=0.1), GROUPS, RULE, "random play")
    assert "points per move, random play" in ruling.reasons[0] and "200 openings" in ruling.reasons[0]
    assert "the worst phase is group" in ruling.reasons[1] and "+0.15 is allowed" in ruling.reasons[1]
    assert set(ruling.figures) == {
        *("saved_points", "saved_standard_error", "saved_at_least_points", "worst_group_points", "openings")
    }
    match = judge_match(Sprt(0.0, 0.5).add([1.0, 2.0] * 20), POINTS)
    assert match.promoted and match.figures == {"points_a_opening": 1.5, "openings": 40}
    assert match.reasons[0].startswith("+1.50 points per opening against the champion over 40 openings: ")


def test_alpha_is_that_of_the_rule():
    ruling = judge_losses(*losses(5, better_by=0.03), GROUPS, replace(RULE, alpha=0.2))
    strict = judge_losses(*losses(5, better_by=0.03), GROUPS, replace(RULE, alpha=1e-9))
    assert ruling.figures["saved_at_least_points"] > strict.figures["saved_at_least_points"]
    assert ruling.promoted and not strict.promoted


def test_who_is_worse_or_equal_does_not():
    worse = judge_losses(*losses(1, better_by=-0.1), GROUPS, RULE)
    same = judge_losses(losses(1)[0], losses(1)[0], GROUPS, RULE)
    assert not worse.promoted and not same.promoted
    assert "not more than chance" in worse.reasons[0]


def test_an_equal_challenger_passes_as_often_as_alpha_says():
    passed = sum(judge_losses(*losses(seed), [""] * 200, RULE).promoted for seed in range(1000))
    assert passed / 1000 == pytest.approx(ALPHA, abs=0.02)


def test_no_group_may_come_off_worse_by_more_than_the_margin():
    mine, theirs = losses(2, better_by=0.3)
    suffers = np.array(GROUPS) == "group 7"
    mine[suffers] = theirs[suffers] + RULE.group_margin + 0.01
    ruling = judge_losses(mine, theirs, GROUPS, RULE)
    assert ruling.figures["saved_at_least_points"] > 0 and not ruling.promoted
    assert "group 7" in ruling.reasons[0], "what decided comes first"
    mine[suffers] = theirs[suffers] + RULE.group_margin - 0.01
    assert judge_losses(mine, theirs, GROUPS, RULE).promoted


def test_pairing_sees_through_what_is_hard_for_both():
    """Without pairing, a difference of 0.1 points among losses that vary by 0.85 would not be detected."""
    mine, theirs = losses(3, better_by=0.1)
    apart = np.hypot(mine.std(ddof=1), theirs.std(ddof=1)) / np.sqrt(200)
    assert theirs.mean() - mine.mean() < 1.645 * apart
    assert judge_losses(mine, theirs, GROUPS, RULE).promoted


def test_a_player_passes_only_when_the_test_ends_for_it():
    draw = np.random.default_rng(0)
    test = Sprt(0.0, 0.5)
    assert not judge_match(test.add(draw.normal(0.5, 10, 200)), POINTS).promoted, "too close to tell"
    assert judge_match(test.add(draw.normal(2, 10, 2000)), POINTS).promoted
    assert not judge_match(test.add(draw.normal(-1, 10, 2000)), POINTS).promoted


def test_figures_that_do_not_pair_are_refused():
    with pytest.raises(BadInput, match="one group name per case"):
        judge_losses([1.0, 2.0], [1.0, 2.0], ["a"], RULE)
    with pytest.raises(BadInput, match="do not pair"):
        judge_losses([1.0, 2.0], [1.0], ["a", "b"], RULE)


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
