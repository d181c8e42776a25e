"""Environments of Skull King: tables in lockstep, samplers, and tables for a learner."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput
from forge_core.game import choose
from forge_core.skull_king import actions
from forge_core.skull_king.bots import CAPTAIN, HARD, LEARNER
from forge_core.skull_king.env import SkullKing
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.sampler import LATE_FIRST, PLAN_WEIGHTS, FullGames, Rounds
from forge_core.skull_king.state import inputs
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.tables import Tables, one_learner, self_play
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
        {"schedule": ((2, ("late",)),)},
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
    with pytest.raises(BadInput, match="at least 1 table"):
        SkullKing(0)
    with pytest.raises(BadInput, match="9 seats"):
        SkullKing(1, 9)


# --- tables for a learner ---------------------------------------------------------------------


def test_a_learner_decides_only_where_it_has_a_choice():
    """Observations are those of the environment; every round that ends is reported once."""
    tables, generator = Tables(one_learner(8, "hard"), seed=2), stream(2, "skull king", "tables")
    turn, rounds, choices = tables.advance(), 0, 0
    blocks = inputs.play_blocks(Rules(), 4)
    for _ in range(60):
        assert (tables.lineup[np.arange(8), turn.seat] == LEARNER).all()
        assert (turn.legal.sum(1) >= 2).all() and np.array_equal(turn.legal, tables.env.legal())
        bid, play, is_bid = tables.env.observe()
        assert np.array_equal(is_bid, turn.is_bid)
        assert np.array_equal(bid[is_bid], turn.bid[is_bid])
        assert np.array_equal(play[~is_bid], turn.play[~is_bid])
        plays = turn.legal[~is_bid, : actions.N_PLAYS]
        assert np.array_equal(turn.play[~is_bid][:, blocks.slice("legal")], plays)
        over = turn.round_over
        assert (turn.won[over].sum(1) <= turn.dealt[over]).all() and (turn.bids[over] >= 0).all()
        exact = turn.bids[over] == turn.won[over]
        assert ((turn.points[over] >= 0) == exact).all()
        rounds, choices = rounds + over.sum(), choices + 8
        turn = tables.step(choose(turn.legal, generator.random(8)))
    assert rounds > choices / 12


def test_tables_do_not_depend_on_their_number():
    many, few = Tables(one_learner(9, "easy"), seed=5), Tables(one_learner(4, "easy"), seed=5)
    a, b, generator = many.advance(), few.advance(), stream(3, "skull king", "tables")
    for _ in range(40):
        for name in ("seat", "is_bid", "legal", "round_over", "points"):
            assert np.array_equal(getattr(a, name)[:4], getattr(b, name)), name
        taken = choose(a.legal, generator.random(9))
        a, b = many.step(taken), few.step(taken[:4])


def test_lineups():
    assert one_learner(5, ["hard", "hard", "captain"])[1].tolist() == [CAPTAIN, LEARNER, HARD, HARD]
    assert (self_play(2, 3) == LEARNER).all()
    turn = Tables(self_play(4), sampler=FullGames()).advance()
    assert turn.is_bid.all()
    with pytest.raises(BadInput, match="give 3 of random"):
        one_learner(2, ["hard"])
    with pytest.raises(BadInput, match="needs a seat of the learner"):
        Tables(np.zeros((2, 4), int))
