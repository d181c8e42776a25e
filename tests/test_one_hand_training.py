"""Training of the one-hand network: features of stored decisions, the loss, runs that resume, the verb."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from random_games import record_of

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.rows import ILLEGAL
from forge_core.learning.loop import Watch
from forge_core.learning.runs import settings_from
from forge_core.splits import Split
from forge_core.texas42.eq.files import find_games, open_game, read_game, write_game
from forge_core.texas42.eq.records import start_again
from forge_core.texas42.eq.splits import GAME_ROWS, GameRowConfig, GameRowStore
from forge_core.texas42.folders import GAMES_FOLDER
from forge_core.texas42.games import replay
from forge_core.texas42.one_hand.choose import features_of, features_of_games, load_policy
from forge_core.texas42.one_hand.network import FeatureConfig, FeatureSpec, OneHandNet
from forge_core.texas42.one_hand_training.decisions import DecisionSet
from forge_core.texas42.one_hand_training.losses import loss_of, surprise
from forge_core.texas42.one_hand_training.train import (
    first_network,
    plan_of,
    points_lost,
    random_points_lost,
    train,
)
from forge_core.texas42.oracle.shards import ShardKey, seed_keys
from forge_core.texas42.settings.one_hand import HIDDEN, SECOND, OneHandSettings
from forge_core.texas42.sources import OneHandRows

TRAIN, VAL = (3, 7, 49, 50, 1003, 1007), (920, 921)
SETTINGS = OneHandSettings(epochs=30, batch_size=16, hidden=8, second=4)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """A store with the rows of a few games; never changed."""
    root = Store(str(tmp_path_factory.mktemp("games")))
    for seed in (*TRAIN, *VAL):
        write_game(root.join(GAMES_FOLDER), record_of(seed, points=False))
    for split in (Split.TRAIN, Split.VAL):
        GAME_ROWS.update(root, root, split, GameRowConfig())
    return root


def plan(store: Store, **changed):
    settings = replace(SETTINGS, **changed)
    return plan_of(settings, OneHandRows.describe(store, settings.batch_size, settings.seed))


def test_decisions_have_the_features_of_their_views_and_the_values_of_their_games(store):
    decisions = DecisionSet.of_store(GameRowStore(store, Split.TRAIN))
    lesson = decisions.lesson(np.arange(len(decisions)))
    network = OneHandNet(FeatureSpec(), FeatureConfig(8, 4))
    row = 0
    for seed in sorted(TRAIN):
        record = read_game(store.join(GAMES_FOLDER), ShardKey(seed, seed % 10))
        for made, games in enumerate(replay(start_again([record]), record.plays[None])):
            if made == 28 or games.views.legal.sum() < 2:
                continue
            assert int(decisions.made[row]) == made
            context, plays, slots = features_of(games.views)
            np.testing.assert_array_equal(lesson.context[row], context[0])
            of_row = lesson.decision == row
            np.testing.assert_array_equal(lesson.plays[of_row], plays[0][slots[0] >= 0])
            values = record.decisions.e_q_mean[made][slots[0][slots[0] >= 0]]
            np.testing.assert_allclose(lesson.q[row][lesson.legal[row]], values)
            with torch.inference_mode():
                padded = network(torch.from_numpy(context), torch.from_numpy(plays))[0]
                found = lesson.logits(network)[row]
            torch.testing.assert_close(found[lesson.legal[row]], padded[slots[0] >= 0])
            assert torch.isinf(found[~lesson.legal[row]]).all()
            row += 1
    assert row == len(decisions)


def test_the_loss_is_cross_entropy_with_softened_regrets_and_expected_regret():
    q = torch.tensor([[4.0, 1.0, -2.0, 0.0]])
    legal = torch.tensor([[True, True, True, False]])
    logits = torch.tensor([[0.5, 0.25, -1.0, -torch.inf]], requires_grad=True)
    share = np.exp([0.5, 0.25, -1.0]) / np.exp([0.5, 0.25, -1.0]).sum()
    label = np.exp([0, -3 / 2, -6 / 2]) / np.exp([0, -3 / 2, -6 / 2]).sum()
    expected = 0.75 * -(label * np.log(share)).sum() + 0.25 * (share * [0, 3, 6]).sum()
    loss = loss_of(logits, q, legal, temperature=2.0, regret_share=0.25)
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    loss.backward()
    assert logits.grad is not None and bool(torch.isfinite(logits.grad).all())


def test_a_run_learns_and_resumes_to_the_last_digit(store, tmp_path):
    whole = train(plan(store), tmp_path / "whole")
    network = load_model(whole.model, kind=OneHandNet)
    assert network.config.hidden == 8 and network.card["data"]["kind"] == "one-hand"
    assert network.card["train"]["temperature"] == SETTINGS.temperature
    decisions = plan(store).train
    assert points_lost(network, decisions) < 0.7 * random_points_lost(decisions)  # learnt by heart
    assert [point["decision_q_gap"] for point in whole.points] and not whole.unfinished

    iterations = iter(range(100))
    for resume in (False, True):
        watch = Watch(should_stop=lambda: next(iterations) in (2, 5))
        with pytest.raises(KeyboardInterrupt):
            train(plan(store), tmp_path / "parts", resume=resume, watch=watch)
    again = train(plan(store), tmp_path / "parts", resume=True)
    costs = ("seconds", "cpu_seconds")
    figures = [[{k: v for k, v in p.items() if k not in costs} for p in r.points] for r in (whole, again)]
    assert figures[0] == figures[1]
    for name, tensor in load_model(again.model, kind=OneHandNet).state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])
    with pytest.raises(BadInput, match=r"differs in train \(lr\)"):
        train(plan(store, lr=1e-2), tmp_path / "whole", resume=True)


def test_a_run_starts_from_a_model_of_its_size(store, tmp_path):
    first = train(plan(store, epochs=2), tmp_path / "first")
    settings = replace(SETTINGS, hidden=None, second=None)
    assert first_network(OneHandNet, settings, first.model).config.hidden == 8
    assert first_network(OneHandNet, settings, None).config.hidden == HIDDEN
    with pytest.raises(BadInput, match="has hidden 8, not 16"):
        first_network(OneHandNet, replace(settings, hidden=16), first.model)
    begun = json.loads((tmp_path / "first" / "config.json").read_text())
    assert settings_from(OneHandSettings, begun["train"]) == replace(SETTINGS, epochs=2)


def test_bad_settings_and_too_few_decisions_are_refused(store):
    for changed, message in (
        ({"second": 0}, "second 0: use 1 to 1024"),
        ({"epochs": 0}, "both must be at least 1"),
        ({"temperature": 0.0}, "temperature 0.0: use a finite number above 0"),
        ({"regret_share": 1.5}, "from 0 to 1"),
        ({"batch_size": 10_000}, "batch size 10,000 is above the"),
    ):
        with pytest.raises(BadInput, match=message):
            plan(store, **changed)


def test_a_decision_whose_values_are_not_those_of_the_rules_is_refused(store):
    decisions = DecisionSet.of_store(GameRowStore(store, Split.VAL))
    games = decisions.games.copy()
    q = games["q"][decisions.game[0], decisions.made[0]]
    legal, illegal = np.flatnonzero(q != ILLEGAL)[0], np.flatnonzero(q == ILLEGAL)
    games["q"][decisions.game[0], decisions.made[0], legal] = ILLEGAL
    if len(illegal):
        games["q"][decisions.game[0], decisions.made[0], illegal[0]] = 1.0
    with pytest.raises(BadInput, match="tokenize it again"):
        replace(decisions, games=games).lesson(np.arange(1))


@pytest.mark.slow
def test_verbs_lead_from_games_by_playouts_to_a_policy_that_plays_the_next_games(forge, tmp_path):
    """One turn of policy iteration: play, tokenize, train, and play again by the new network."""
    place, runs = str(tmp_path / "data"), str(tmp_path / "runs")
    play = ("eq", "--oracle", "playout", "--worlds", "2", "--until", "4", "--no-pdf", "--out", place)
    seeds = ("--seeds", "0-5,920,921", "--decl", "hand")
    assert forge(*play, *seeds, "--policy", "heuristic")[0] == 0
    assert {(game.seed, game.decl) for game in map(open_game, find_games(place))} == {
        (key.seed, key.decl) for key in seed_keys((*range(6), 920, 921), "hand")
    }
    assert forge("tokenize", "--stage", "2", "--input", place, "--out", place, "--split", "all")[0] == 0
    teach = ("train-one-hand", "--data", place, "--runs", runs, "--name", "one", "--epochs", "3")
    status, out, err = forge(*teach, "--batch-size", "32", "--json")
    assert status == 0, err
    result = json.loads(out)
    assert result["parameters"] == 6272 and "points lost per decision" in err
    policy = load_policy(result["model"])
    assert policy.sizes == (HIDDEN, SECOND)
    again = ("--seeds", "0-1", "--decl", "hand", "--policy", result["model"], "--belief", "plays", "--json")
    status, out, err = forge(*play, *again)
    assert status == 0 and json.loads(out)["replaced"] == 2, err
    one_hand = policy.describe()["one_hand_weights"]
    settings = [game.settings for game in map(open_game, find_games(place)) if game.seed in (0, 1)]
    for of_game in settings:  # the movers expect the plays of the network that plays the playouts
        assert of_game["one_hand_weights"] == of_game["belief"]["one_hand_weights"] == one_hand
    player = f"network:model={result['model']}"
    assert forge("match", player, "heuristic", "--deals", "2", "--device", "cpu")[0] == 0
    resumed = ("train-one-hand", "--resume", "--runs", runs)
    assert "leave out --epochs" in forge(*resumed, "--name", "one", "--epochs", "4")[2]
    assert "pass --data DIR" in forge("train-one-hand", "--runs", runs)[2]


def test_a_network_that_learns_the_plays_of_games_is_surprised_less(store, tmp_path):
    lesson = DecisionSet.of_store(GameRowStore(store, Split.TRAIN)).lesson(np.arange(40))
    assert lesson.chosen is not None
    games, rows = plan(store).train.games, plan(store).train
    for row, place in enumerate(lesson.chosen.tolist()):
        game, made = rows.game[row], rows.made[row]
        hand = games["hands"][game, games["players"][game, made]]
        legal = np.flatnonzero(games["q"][game, made] != ILLEGAL)
        order = features_of_games(
            games["decl"][[game]],
            games["plays"][[game]],
            games["players"][[game]],
            np.array([made]),
            hand[None],
        )[2][0]
        assert hand[order[place]] == games["plays"][game, made] and order[place] in legal
    logits = torch.tensor([[0.0, np.log(3.0), -torch.inf]])
    found = surprise(logits, torch.tensor([1]), torch.tensor([[True, True, False]]))
    assert found.item() == pytest.approx(-np.log(0.98 * 0.75 + 0.02 / 2), rel=1e-6)
    result = train(plan(store, target="plays"), tmp_path / "plays")
    assert result.points[-1]["loss"] < 0.9 * result.points[0]["loss"]
    assert result.points[-1]["val_loss"] > 0
    assert load_model(result.model, kind=OneHandNet).card["train"]["target"] == "plays"


def test_a_run_that_began_before_there_was_a_target_resumes(store, tmp_path):
    watch = Watch(should_stop=lambda: True)
    with pytest.raises(KeyboardInterrupt):
        train(plan(store), tmp_path, watch=watch)
    begun = json.loads((tmp_path / "config.json").read_text())
    del begun["train"]["target"]
    (tmp_path / "config.json").write_text(json.dumps(begun))
    assert settings_from(OneHandSettings, begun["train"]).target == "values"
    assert not train(plan(store), tmp_path, resume=True).unfinished
