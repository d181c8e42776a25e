"""Environments of Skull King: tables in lockstep, and samplers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from forge_core.device import WARM_UPS
from forge_core.errors import BadInput
from forge_core.game import choose
from forge_core.skull_king import random_play
from forge_core.skull_king.env import SkullKing
from forge_core.skull_king.random_play import RandomPlay
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.sampler import LATE_FIRST, PLAN_WEIGHTS, FullGames, Rounds
from forge_core.skull_king.state import layout as at
from forge_core.streams import stream


@pytest.mark.parametrize("sampler", [FullGames(), Rounds((3, 2, 1, *[0] * 7))], ids=["games", "rounds"])
@pytest.mark.parametrize("rules", [Rules(), Rules(abilities=True)], ids=["printed", "abilities"])
def test_backends_and_batch_sizes_give_the_same(sampler, rules):
    """Tables of tensors and of kernels, and five tables alone, are equal bit for bit."""
    one, other = (SkullKing(12, 3, rules, 3, "cpu", sampler, backend=b) for b in ("kernels", "tensors"))
    fewer, generator = SkullKing(5, 3, rules, 3, "cpu", sampler), stream(0, "skull king", "env")
    ended = np.zeros(2, int)
    for _ in range(80):
        legal, observed, there = one.legal(), one.observe(), other.observe()
        assert np.array_equal(other.legal().numpy(), legal) and legal.any(1).all()
        bidding = observed[2]
        assert np.array_equal(there[2].numpy(), bidding)
        assert np.array_equal(there[0].numpy()[bidding], observed[0][bidding])
        assert np.array_equal(there[1].numpy()[~bidding], observed[1][~bidding])
        taken = choose(legal, generator.random(12))
        step, again, part = one.step(taken), other.step(torch.tensor(taken)), fewer.step(taken[:5])
        for name in ("round_over", "game_over", "delta"):
            assert np.array_equal(getattr(step, name), getattr(again, name).numpy()), name
            assert np.array_equal(getattr(step, name)[:5], getattr(part, name)), name
        assert np.array_equal(one.rows, other.rows.numpy()) and np.array_equal(one.rows[:5], fewer.rows)
        ended += step.round_over.sum(), step.game_over.sum()
    assert ended[0] > 20 and (ended[0] == ended[1]) != isinstance(sampler, FullGames)


def test_a_graph_begins_where_the_tables_are(monkeypatch):
    """A graph is captured after steps that warm up; here it is pretended, since it needs a card."""

    def capture_graph(work, device):
        for _ in range(WARM_UPS + 1):
            work()
        return SimpleNamespace(replay=work)

    monkeypatch.setattr(random_play, "capture_graph", capture_graph)
    envs = [SkullKing(5, 2, device="cpu", sampler=Rounds(), backend="tensors") for _ in range(2)]
    draws = torch.from_numpy(stream(0, "skull king", "graph").random((20, 5)))
    RandomPlay(envs[0]).run(draws)
    RandomPlay(envs[1]).run(draws[:7])
    RandomPlay(envs[1], observed=True, graph=True).run(draws[7:])
    one, other = envs
    assert one.steps == other.steps == 20
    assert one.rows.equal(other.rows) and one.episodes.equal(other.episodes) and one.episodes.any()


def test_scores_are_the_sum_of_points():
    env, generator = SkullKing(6, seed=1, device="cpu"), stream(1, "skull king", "env")
    totals, games = np.zeros((6, 4), int), 0
    while games < 3:
        before = env.rows.copy()
        step = env.step(choose(env.legal(), generator.random(6)))
        totals += step.delta
        going = ~step.game_over
        assert np.array_equal(env.rows[going, at.SCORE : at.SCORE + 4], totals[going])
        assert (before[step.game_over, at.ROUND] == 10).all() and (
            env.rows[step.game_over, at.ROUND] == 1
        ).all()
        totals[step.game_over] = 0
        games += step.game_over.sum()


def test_rounds_are_drawn_by_weight_and_schedule():
    env = SkullKing(4000, device="cpu", sampler=Rounds(PLAN_WEIGHTS))
    drawn = np.bincount(env.rows[:, at.ROUND], minlength=11)[1:] / 4000
    assert np.abs(drawn - np.array(PLAN_WEIGHTS) / sum(PLAN_WEIGHTS)).max() < 0.025
    sampler = Rounds(schedule=LATE_FIRST)
    assert sampler.chances(0.1).tolist() == [0] * 6 + [0.25] * 4
    assert sampler.chances(0.3)[:3].tolist() == [0] * 3 and sampler.chances(0.4).min() > 0
    assert FullGames().chances().tolist() == [1] + [0] * 9
    for wrong in (
        {"weights": (1.0,)},
        {"phases": ("night",)},
        {"phases": ()},
        {"weights": (float("nan"),) * 10},
        {"weights": (float("inf"), *[1] * 9)},
        {"schedule": ((2, ("late",)),)},
        {"schedule": ((0.4, ("early",)), (0.2, ("late",)))},
    ):
        with pytest.raises(BadInput, match=r"give|use|schedule"):
            Rounds(**wrong)
    with pytest.raises(BadInput, match="weight 0"):
        Rounds((1, 1, 1, *[0] * 7), phases=("late",))


def test_illegal_actions_and_arguments_are_refused():
    env = SkullKing(3, device="cpu")
    with pytest.raises(BadInput, match=r"table 1: R14 by seat \d: not possible in the phase bid"):
        env.step(np.array([75, 23, 75]), checked=True)
    with pytest.raises(BadInput, match=r"table 0: action 102 by seat \d: it does not exist"):
        env.step(np.array([102, 75, 75]), checked=True)
    for checked in (False, True):
        with pytest.raises(BadInput, match=r"actions of shape \(2,\) for 3 tables: give one per table"):
            env.step(np.zeros(2, np.int64), checked=checked)
    with pytest.raises(BadInput, match="at least 1 table"):
        SkullKing(0)
    with pytest.raises(BadInput, match="backend='foo': use kernels or tensors"):
        SkullKing(3, backend="foo")
    with pytest.raises(BadInput, match="9 seats"):
        SkullKing(1, 9)
