"""Self-play of the one-hand network: its decisions and values, the loss, runs that resume, the verb."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.losses import expected_regret
from forge_core.learning.loop import Watch
from forge_core.learning.runs import settings_from
from forge_core.splits import Split, split_of, train_seeds
from forge_core.streams import stream
from forge_core.texas42.declaring import declaration_scores, suits
from forge_core.texas42.games import start
from forge_core.texas42.one_hand.choose import choose_slots, features_of, open_policy
from forge_core.texas42.one_hand.network import OneHandNet
from forge_core.texas42.one_hand.playouts import playout_q
from forge_core.texas42.one_hand.self_play import self_play
from forge_core.texas42.one_hand_training import self_play as training
from forge_core.texas42.one_hand_training.self_play import (
    POINTS,
    deals_of,
    lesson_of,
    train,
)
from forge_core.texas42.settings.self_play import SelfPlayRunSettings, SelfPlaySettings
from forge_core.texas42.worlds.voids import voids

SETTINGS = SelfPlaySettings(hidden=16, second=8, steps=30, deals=64, lr=3e-3)
NETWORK = open_policy("network")


def of_a_slow_loop(hands, decls, draws, epsilon):
    """Return (context, plays, q) of each decision, deal by deal, from views and playouts."""
    games, found = start(hands, decls), [[] for _ in decls]
    while not games.over:
        views, seen, step = games.views, games.seen, games.seen.step
        context, plays, slots = features_of(views)
        shown = np.packbits(voids(seen), axis=2, bitorder="little")[:, :, 0]
        q = playout_q(games.hands, seen.decl, games.states, shown, seen.bidder, NETWORK, 0)
        chosen = choose_slots(views, NETWORK)
        for game, legal in enumerate(slots >= 0):
            n = legal.sum()
            if n < 2:
                continue
            if draws[game, step] < epsilon:
                chosen[game] = slots[game, int(draws[game, step] / epsilon * n)]
            sign = -1 if seen.turn[game] % 2 else 1
            found[game].append((context[game], plays[game, :n], sign * q[game, slots[game, :n]]))
        games = games.play(chosen)
    return [decision for deal in found for decision in deal]


@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_decisions_and_values_are_those_of_a_slow_loop(epsilon):
    hands, decls = deals_of(3, 0, 100)
    draws = stream(0, "test-self-play").random((100, 28))
    found = self_play(hands, decls, draws, epsilon, NETWORK, workers=1)
    expected = of_a_slow_loop(hands, decls, draws, epsilon)
    assert len(found) == len(expected)
    for row, (context, plays, q) in enumerate(expected):
        n = found.n_legal[row]
        assert n == len(plays)
        np.testing.assert_array_equal(found.context[row], context)
        np.testing.assert_array_equal(found.plays[row, :n], plays)
        np.testing.assert_array_equal(found.q[row, :n], q)
    again = self_play(hands, decls, draws, epsilon, NETWORK, workers=2)
    np.testing.assert_array_equal(again.q, found.q)


def test_deals_are_of_the_train_split_and_often_bid_by_the_strongest_hand():
    seeds = train_seeds(stream(0, "test"), 500)
    assert len(seeds) == 500 and {split_of(seed) for seed in seeds} == {Split.TRAIN}
    hands, decls = deals_of(1, 7, 2000)
    assert (np.sort(hands.reshape(-1, 28), axis=1) == np.arange(28)).all()
    assert 0.8 < (decls == suits(hands[:, 0])).mean() < 0.97
    best = declaration_scores(hands.reshape(-1, 7)).max(axis=1).reshape(-1, 4)
    assert 0.6 < (best[:, 0] == best.max(axis=1)).mean() < 0.8  # 0.4, and by chance or by a tie among others
    np.testing.assert_array_equal(deals_of(1, 7, 2000)[0], hands)
    assert (deals_of(1, 8, 2000)[0] != hands).any()


def test_the_loss_is_least_at_the_softmax_of_the_mean_regrets():
    one, other = torch.tensor([[4.0, 1.0, -2.0, 0.0]]), torch.tensor([[0.0, 3.0, 2.0, 0.0]])
    legal = torch.tensor([[True, True, True, False]])
    best = ((one + other) / 2 / 2.0).masked_fill(~legal, -torch.inf)

    def loss(logits):
        return (
            expected_regret(logits, one, legal, 2.0) + expected_regret(logits, other, legal, 2.0)
        ).mean() / 2

    least = loss(best)
    for moved in torch.eye(4)[:3]:
        assert loss(best + 0.2 * moved) > least < loss(best - 0.2 * moved)
    logits = best.clone().requires_grad_()
    loss(logits).backward()
    assert logits.grad is not None and logits.grad.abs().max() < 1e-5


def test_a_run_learns_and_resumes_to_the_last_digit(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_EVALUATED", 300)
    whole = train(SETTINGS, tmp_path / "whole", workers=1)
    network = load_model(whole.model, kind=OneHandNet)
    assert network.config.hidden == 16 and network.card["data"]["kind"] == "self-play"
    assert network.card["opponent"] == NETWORK.describe()
    assert whole.points[-1][POINTS] > whole.points[0][POINTS] + 3
    assert not whole.unfinished and whole.points[-1]["rows"] == 30 * 64

    iterations = iter(range(100))
    for resume in (False, True):
        watch = Watch(should_stop=lambda: next(iterations) in (4, 13))
        with pytest.raises(KeyboardInterrupt):
            train(SETTINGS, tmp_path / "parts", workers=1, resume=resume, watch=watch)
    begun = json.loads((tmp_path / "parts" / "config.json").read_text())
    assert settings_from(SelfPlaySettings, begun["train"]) == SETTINGS
    again = train(SETTINGS, tmp_path / "parts", workers=2, resume=True)
    costs = ("seconds", "cpu_seconds")
    figures = [[{k: v for k, v in p.items() if k not in costs} for p in r.points] for r in (whole, again)]
    assert figures[0] == figures[1]
    for name, tensor in load_model(again.model, kind=OneHandNet).state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])
    with pytest.raises(BadInput, match=r"differs in train \(lr\)"):
        train(replace(SETTINGS, lr=1e-2), tmp_path / "whole", resume=True)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"second": 0}, "second 0: use 1 to 1024"),
        ({"steps": 0}, "steps 0: use at least 1"),
        ({"deals": 100_000}, "deals 100000: use 1 to 65,536"),
        ({"temperature": 0.0}, "temperature 0.0: use a finite number above 0"),
        ({"lr": math.inf}, "lr inf: use a finite number above 0"),
        ({"epsilon": 1.5}, "epsilon 1.5: use a share from 0 to 1"),
    ],
)
def test_settings_out_of_range_are_refused(changed, message):
    with pytest.raises(BadInput, match=message):
        replace(SETTINGS, **changed)


def test_a_run_needs_a_thread():
    with pytest.raises(BadInput, match="workers 0: use at least 1"):
        SelfPlayRunSettings(workers=0)


def test_a_decision_becomes_a_row_of_its_legal_plays():
    hands, decls = deals_of(0, 0, 10)
    found = self_play(hands, decls, np.ones((10, 28)), 0.0, NETWORK, workers=1)
    lesson = lesson_of(found)
    assert len(lesson.plays) == found.n_legal.sum() == int(lesson.legal.sum())
    row = lesson.decision == 5
    np.testing.assert_array_equal(lesson.plays[row], found.plays[5, : found.n_legal[5]])


@pytest.mark.slow
def test_the_verb_trains_a_network_that_matches_play(forge, tmp_path):
    runs = str(tmp_path / "runs")
    begin = ("train-self-play", "--steps", "4", "--deals", "32", "--runs", runs, "--name", "one", "--json")
    status, out, err = forge(*begin)
    assert status == 0, err
    result = json.loads(out)
    assert result["parameters"] == 6272 and result["last"]["rows"] == 128
    assert "points per deal against the shipped network" in err
    assert f"play against it: forge play texas42 --model {result['model']}" in err
    assert forge("play", "--model", result["model"], "--out", str(tmp_path / "page"))[0] == 0
    again = ("train-self-play", "--resume", "--runs", runs, "--name", "one")
    assert forge(*again, "--workers", "1")[0] == 0
    player = f"network:model={result['model']}"
    assert forge("match", player, "heuristic", "--deals", "2", "--device", "cpu")[0] == 0
    assert "leave out --steps" in forge(*again, "--steps", "9")[2]
    assert "deals 0: use 1 to 65,536" in forge("train-self-play", "--deals", "0", "--runs", runs)[2]
