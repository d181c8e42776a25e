"""Code for a GPU on a pretended card: it mixes no devices, equals the host, and synchronises rarely.

tests/test_cuda.py tests the same on a real card.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pretend_card import CARD, WrongDevice, pretended_card, to_card

from forge_core.game import choose
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.config import Recipe
from forge_core.learning.labelled.data import sort_rows
from forge_core.learning.labelled.learner import Learner
from forge_core.learning.networks.sizes import SIZES
from forge_core.skull_king import env as env_module
from forge_core.skull_king.env import SkullKing
from forge_core.skull_king.random_play import RandomPlay
from forge_core.skull_king.sampler import FullGames, Rounds
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import (
    AdaptiveConfig,
    ExactOracle,
    GameConfig,
    HybridOracle,
    ModelOracle,
    PosteriorConfig,
    Sampling,
    generate,
    play_games,
)
from forge_core.texas42.eq import estimate as estimate_module
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.games import start
from forge_core.texas42.tokens.live import LiveConfig
from forge_core.texas42.tokens.live_decisions import LiveDecisionConfig, policy_digest
from forge_core.texas42.tokens.live_source import LiveSource

MODEL = str(Path(__file__).parents[1] / "models" / "texas42-qvalue-73k")


def most_waits(rounds: int, batches: int) -> int:
    """Return the allowed synchronisations of a step: a constant, plus those per round of worlds and per
    batch."""
    return 4 + 5 * rounds + 2 * batches


def some_games(n: int = 8):
    return start([deal_from_seed(seed) for seed in range(n)], [seed % 10 for seed in range(n)])


@pytest.fixture(scope="module")
def views():
    """Return 8 games of random play, by step."""
    games, generator, found = some_games(), stream(0, "devices"), []
    while not games.over:
        found.append(games.views)
        legal = games.views.legal
        games = games.play((generator.random(legal.shape) * legal).argmax(axis=1))
    return found


def test_devices_do_not_mix():
    with pretended_card() as card:
        there = torch.arange(4, device="cuda:0")
        assert (there.device, there.is_cuda) == (CARD, True)
        with pytest.raises(WrongDevice, match="host beside one on the card"):
            there + torch.arange(4)
        with pytest.raises(WrongDevice, match="copy it to the host first"):
            np.asarray(there)
        assert card.waits.total() == 0
        assert there.cpu().numpy().sum() == 6
        assert [int(there.sum()), len(there[there > 1])] == [6, 2]
        assert card.waits.total() == 3


@pytest.mark.parametrize("step", [0, 9, 18, 27])
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(20),
        Sampling(20, enumerate_limit=300),
        Sampling(20, posterior=PosteriorConfig.calibrated()),
        Sampling(adaptive=AdaptiveConfig(10, 40, 10, 1.0)),
    ],
    ids=["drawn", "enumerated", "posterior", "adaptive"],
)
def test_estimates_on_a_card_are_those_of_the_host_and_seldom_wait(monkeypatch, views, step, sampling):
    keys = np.arange(8, dtype=np.uint64)
    on_host = estimate(ModelOracle(load_model(MODEL)), views[step], keys, sampling)
    rounds, asked, add_up = [], [], estimate_module.tally
    monkeypatch.setattr(estimate_module, "tally", lambda *given: rounds.append(1) or add_up(*given))
    with pretended_card() as card:
        network = ModelOracle(to_card(load_model(MODEL)), bf16=False)
        network.model.register_forward_pre_hook(lambda *_: asked.append(1))
        estimate(network, views[step], keys, sampling, "cuda:0")  # copies the tables
        for counted in (card.waits, rounds, asked):
            counted.clear()
        there = estimate(network, views[step], keys, sampling, "cuda:0")
    np.testing.assert_array_equal(there.n_worlds, on_host.n_worlds)
    for name in ("mean", "variance", "p_make", "points", "ess", "entropy"):
        np.testing.assert_allclose(getattr(there, name), getattr(on_host, name), rtol=1e-4, atol=1e-4)
    assert card.waits.total() <= most_waits(len(rounds), len(asked)), card.waits


def test_many_games_wait_no_more_often_than_few():
    sampling, waits = Sampling(50), []
    for n in (8, 64):
        views = some_games(n).views
        with pretended_card() as card:
            network = ModelOracle(to_card(load_model(MODEL)), bf16=False)
            estimate(network, views, np.arange(n, dtype=np.uint64), sampling, "cuda:0")
            card.waits.clear()
            estimate(network, views, np.arange(n, dtype=np.uint64), sampling, "cuda:0")
        waits.append(card.waits.total())
    assert waits == [6, 6]


def test_attention_there_makes_no_plan_for_each_number_of_rows(monkeypatch):
    """cuDNN's attention, which torch prefers on some cards, makes a plan for each number of rows."""
    cudnn, attend = [], torch.nn.functional.scaled_dot_product_attention

    def watched(*arguments, **options):
        cudnn.append(torch.backends.cuda.cudnn_sdp_enabled())
        return attend(*arguments, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", watched)
    before = torch.backends.cuda.cudnn_sdp_enabled()
    with pretended_card():
        network = ModelOracle(to_card(load_model(MODEL)), bf16=False)
        estimate(network, some_games(2).views, np.arange(2, dtype=np.uint64), Sampling(3), "cuda:0")
    assert cudnn and not any(cudnn)
    assert torch.backends.cuda.cudnn_sdp_enabled() == before


@pytest.mark.slow
@pytest.mark.parametrize("games_on", ["cpu", "cuda:0"])
@pytest.mark.parametrize("oracle", ["network here", "network there", "hybrid", "exact"])
def test_games_and_network_may_be_on_different_devices(monkeypatch, games_on, oracle):
    config = GameConfig(Sampling(4, posterior=PosteriorConfig.calibrated()))
    monkeypatch.setattr(generate, "resolve_device", lambda device: device)
    monkeypatch.setattr(generate, "device_name", lambda device: device)

    def asked(network):
        exact = ExactOracle(workers=1)
        return {"exact": exact, "hybrid": HybridOracle(network, exact, 6)}.get(oracle, network)

    on_host = play_games(asked(ModelOracle(load_model(MODEL), bf16=False)), some_games(4), config, "cpu")
    with pretended_card():
        model = load_model(MODEL) if oracle == "network here" else to_card(load_model(MODEL))
        there = play_games(asked(ModelOracle(model, bf16=False)), some_games(4), config, games_on)
    for mine, theirs in zip(there, on_host, strict=True):
        np.testing.assert_allclose(mine.decisions.e_q_mean, theirs.decisions.e_q_mean, atol=1e-3)
        np.testing.assert_array_equal(mine.plays, theirs.plays)


@pytest.mark.filterwarnings("ignore:You are trying to `self.log\\(\\)`", "ignore:Converting a tensor")
@pytest.mark.parametrize("stage, objective", [(1, "qvalue"), (2, "regret")])
def test_a_step_of_training_waits_once_and_teaches_the_same(stage, objective):
    kind = LiveConfig if stage == 1 else partial(LiveDecisionConfig, policy=policy_digest())
    source = LiveSource(kind(batch_size=64, chunk_rows=64))
    rows = sort_rows(source.batch(0))
    model = replace(SIZES["73k"], objective=objective)

    def learner() -> Learner:
        torch.manual_seed(0)
        return Learner(source.spec, model, Recipe(steps=10, learning_rate=1e-3))

    def step(learner: Learner, batch) -> float:
        loss = learner.training_step(batch, 0)["loss"]
        loss.backward()
        with torch.no_grad():
            for parameter in learner.model.parameters():
                parameter -= 0.01 * parameter.grad
        learner._trainer = SimpleNamespace(global_step=2)  # pyright: ignore
        learner.on_train_batch_end(None, batch, 0)
        return loss

    here, batch = learner(), rows.to_tensors()
    on_host = step(here, batch)
    with pretended_card() as card:
        there = to_card(learner())
        on_card = batch.to_tensors("cuda:0")
        card.waits.clear()
        loss = step(there, on_card)  # pyright: ignore
        assert card.waits.total() == 1, card.waits
        assert float(loss) == pytest.approx(float(on_host), rel=1e-5)
        for mine, theirs in zip(there.averaged.parameters(), here.averaged.parameters(), strict=True):  # pyright: ignore
            torch.testing.assert_close(mine.cpu(), theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:CUDA is not available")
@pytest.mark.parametrize("sampler", [FullGames(), Rounds()], ids=["games", "rounds"])
def test_a_step_of_skull_king_never_waits_and_deals_as_the_host_does(monkeypatch, sampler):
    """So a CUDA graph can hold it."""
    monkeypatch.setattr(env_module, "resolve_device", lambda device: device)
    with pretended_card() as card:
        there = SkullKing(7, seed=2, device="cuda:0", sampler=sampler)
        draws = torch.rand(30, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).to(CARD)
        play = RandomPlay(there, observed=True)
        play.run(draws[:1])  # tables of constants are copied once
        card.waits.clear()
        play.run(draws[1:])
        assert not card.waits
        rows, chosen = there.rows.cpu().numpy(), draws.cpu().numpy()
    here = SkullKing(7, seed=2, device="cpu", sampler=sampler)
    ended = sum(int(here.step(choose(here.legal(), of_step)).round_over.sum()) for of_step in chosen)
    assert ended and np.array_equal(rows, here.rows)
