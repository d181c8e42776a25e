"""Self-play: games that the rules allow, in their columns, repeatable whatever the threads do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from forge_core.errors import BadInput
from forge_core.liuzhou.buffer import NO_GAME, PENDING, TrajectoryBuffer
from forge_core.liuzhou.evaluators import Evaluator, Uniform
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator, ResidualConfig
from forge_core.liuzhou.selfplay import COUNTED, SelfPlay
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.state import EMPTY_SLOT, legal_actions, outcomes, step_rows

GAMES, PLIES = 6, 160
TINY = SelfPlaySettings(sims=4, fast_sims=2, playouts=3, handicap=0.0)


def play(evaluator: Evaluator | None, seed: int = 0, parts: int = 1, settings: SelfPlaySettings = TINY):
    """The buffer after PLIES plies of GAMES games, and the figures; played in so many parts."""
    buffer = TrajectoryBuffer(GAMES, 1)
    self_play = SelfPlay(settings, buffer, evaluator, seed)
    figures = self_play.play(GAMES * PLIES // parts)
    for _ in range(parts - 1):
        figures = figures + self_play.play(GAMES * PLIES // parts)
    return buffer, figures


@pytest.fixture(scope="module")
def by_uniform():
    return play(Uniform())


def same(one: TrajectoryBuffer, other: TrajectoryBuffer) -> bool:
    return all(torch.equal(tensor, other.tensors()[name]) for name, tensor in one.tensors().items())


@pytest.mark.parametrize("kind", ["uniform", "network", "playouts"])
def test_columns_hold_games_by_the_rules(by_uniform, kind):
    if kind == "uniform":
        buffer, figures = by_uniform
    else:
        network = LiuzhouNet.of_size(ResidualConfig(4, 0))
        buffer, figures = play(NetworkEvaluator(network, 0.5) if kind == "network" else None)
    at = {
        name: tensor.view(-1, GAMES, *tensor.shape[1:])[:PLIES] for name, tensor in buffer.tensors().items()
    }
    n_over = 0
    for column in range(GAMES):
        rows, games = at["rows"][:, column].numpy(), at["game"][:, column].tolist()
        actions, _ = legal_actions(rows)
        action = at["action"][:, column].numpy()
        assert (action[:, None] == actions).any(1).all()
        assert (at["actions"][:, column].numpy() == actions).all()
        for ply in range(PLIES - 1):
            after = step_rows(rows[ply][None], action[ply][None])
            if games[ply + 1] == games[ply]:
                assert (after[0] == rows[ply + 1]).all()
                continue
            n_over += 1
            assert games[ply + 1] == games[ply] + GAMES
            assert at["ply"][ply + 1, column] <= TINY.opening  # replaced in the same ply
            result, lead = (
                int(at["result"][ply, column]),
                int(after[0, 0]).bit_count() - int(after[0, 1]).bit_count(),
            )
            assert {1: 1, -1: 2, 0: 3}[result] == outcomes(after)[0]
            assert at["difference"][ply, column] == pytest.approx(result or max(-1, min(1, lead / 14)))
        ongoing = at["game"][:, column] == games[-1]
        assert (at["result"][~ongoing, column] != PENDING).all()
    assert figures.finished["games"] >= n_over > 0
    ends = (figures.finished[name] for name in ("black_won", "white_won", "drawn"))
    assert sum(ends) == figures.finished["games"] and set(figures.finished) == set(COUNTED)


def test_full_searches_teach_and_the_whole_batch_has_the_same(by_uniform):
    buffer, figures = by_uniform
    taught = buffer.taught.view(-1, GAMES)[:PLIES]
    assert (taught == taught[:, :1]).all() and 0.25 < taught.float().mean() < 0.55
    policy = buffer.policy.view(-1, GAMES, 64)[:PLIES].float()
    assert not policy[~taught].any()
    torch.testing.assert_close(policy[taught].sum(1), torch.ones(int(taught.sum())), atol=2e-3, rtol=0)
    assert not policy[buffer.actions.view(-1, GAMES, 64)[:PLIES] == EMPTY_SLOT].any()
    sims = (TINY.sims + 1) * int(taught.sum()) + (TINY.fast_sims + 1) * int((~taught).sum())
    assert figures.evaluations == sims and figures.positions == GAMES * PLIES


def test_playouts_always_teach():
    buffer, figures = play(None)
    assert buffer.taught.view(-1, GAMES)[:PLIES].all() and figures.evaluations == 0


def test_the_same_seed_plays_the_same_games_in_one_part_or_several(by_uniform):
    one, _ = by_uniform
    assert same(one, play(Uniform(), parts=5)[0])
    assert not same(one, play(Uniform(), seed=1)[0])


def test_play_goes_on_from_a_checkpoint(by_uniform):
    buffer = TrajectoryBuffer(GAMES, 1)
    self_play = SelfPlay(TINY, buffer, Uniform())
    self_play.play(GAMES * 140)
    states = buffer.state_dict(), self_play.state_dict()
    resumed = TrajectoryBuffer(GAMES, 1)
    again = SelfPlay(TINY, resumed, Uniform())
    resumed.load_state_dict(states[0])
    again.load_state_dict(states[1])
    again.play(GAMES * (PLIES - 140))
    assert same(by_uniform[0], resumed)


def test_a_handicap_is_over_before_positions_are_kept():
    settings = replace(TINY, handicap=1.0, handicap_plies=60)
    buffer, figures = play(Uniform(), settings=settings)
    at = {
        name: tensor.view(-1, GAMES, *tensor.shape[1:])[:PLIES] for name, tensor in buffer.tensors().items()
    }
    game, ply = at["game"], at["ply"].long()
    first = [int(ply[game == number].min()) for number in game[game != NO_GAME].unique().tolist()]
    assert min(first) < 20 < max(first) <= 60 and (game[ply >= 60] != NO_GAME).all()
    assert (at["result"][game == NO_GAME] == PENDING).all() and figures.finished["games"] > 0
    # Numbers are given in turn in each column, none is left out, and a kept game is kept to its end.
    for column in game.T:
        kept = column[column != NO_GAME].unique_consecutive()
        assert torch.equal(kept, torch.arange(len(kept)) * GAMES + kept[0])


def test_values_and_differences_are_in_range(by_uniform):
    buffer, _ = by_uniform
    ready = buffer.ready()
    assert (buffer.value[ready].abs() <= 1).all() and (buffer.difference[ready].abs() <= 1).all()
    won = buffer.result[ready] != 0
    assert torch.equal(buffer.difference[ready][won], buffer.result[ready][won].float())


def test_settings_out_of_range():
    for wrong in (
        {"games": 0}, {"tables": 0}, {"games": 1}, {"full_share": 0.0}, {"opening": 30}, {"temperature": 0.0},
        {"handicap": 1.5}, {"handicap_plies": 144},
        {"playouts": 0}, {"sims": 0}, {"beta": 2.0},
    ):  # fmt: skip
        with pytest.raises(BadInput):
            SelfPlaySettings(**wrong)
