"""Policy iteration by assets: games by playouts, rows, a one-hand network, the gate, then games by it."""

from __future__ import annotations

from types import SimpleNamespace

import dagster as dg
import pytest
from asset_runs import checks_of, metadata_of, reason_of

from forge_assets.flywheel.state import State
from forge_assets.in_process import materialize_here
from forge_assets.texas42 import versions
from forge_assets.texas42.blocks import block_name
from forge_assets.texas42.eq_games import GameLaunchpad
from forge_assets.texas42.flywheel import FLYWHEEL, FlywheelSettings, check_settings
from forge_assets.texas42.partitions import block_keys
from forge_assets.texas42.policy_iteration import first_policy
from forge_assets.texas42.universe import grow_universe
from forge_assets.tracking.registry import CHAMPION
from forge_assets.tracking.tracker import Tracker
from forge_assets.tracking.training import COSTS
from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model, weights_digest
from forge_core.texas42.eq.files import find_games, open_game
from forge_core.texas42.one_hand.network import OneHandNet
from forge_core.texas42.one_hand_training import self_play
from forge_core.texas42.reference import ONE_HAND_REFERENCE, REFERENCE
from forge_core.texas42.settings.self_play import SelfPlaySettings

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning")
CHECKS = {"model_loads", "beats_heuristic"}
PLAY = {"oracle": "playout", "worlds": 2, "until": 4, "pdf": False, "batch": 64}


@pytest.mark.slow
def test_games_become_a_champion_whose_playouts_label_the_next_games(tmp_path, monkeypatch):
    monkeypatch.setattr("forge_assets.texas42.eq_games.block_keys", lambda name: block_keys(name)[20:26])
    resources = {
        "store": {"url": str(tmp_path / "store")},
        "compute": {"device": "cpu"},
        "tracker": {"uri": f"sqlite:///{tmp_path}/mlflow.db"},
    }
    uses = {
        "eq_catalog": ("store",),
        "eq_token_splits": ("store", "compute"),
        "one_hand_model": ("store", "tracker"),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        grow_universe(instance)

        def run(asset, partition=None, **settings):
            tags = {"dagster/partition": partition} if partition else None
            used = {name: resources[name] for name in uses.get(asset, resources)}
            result = materialize_here(asset, instance, tags, settings, used)
            assert result.success, reason_of(result)
            return result

        for block in (0, 18):
            run("eq_games", block_name(block), **PLAY, policy="heuristic")
        run("eq_catalog")
        for split in ("train", "val"):
            run("eq_token_splits", split)
        teach = {"runs": str(tmp_path / "runs"), "epochs": 40, "batch_size": 32}
        taught = run("one_hand_model", **teach)
        assert checks_of(taught)["model_loads"].passed
        said = metadata_of(taught, "one_hand_model")
        network = load_model(said["model"], kind=OneHandNet)
        assert said["parameters"] == network.n_parameters and said["decisions"] > 60
        run_of = Tracker(uri=resources["tracker"]["uri"]).client().get_run(said["mlflow_run_id"])
        assert run_of.data.tags["forge.code_version"] == versions.ONE_HAND_MODEL
        again = metadata_of(run("one_hand_model", **teach), "one_hand_model")
        assert again["model"] == said["model"]

        gate = metadata_of(run("champion", "one-hand", deals=60), "champion")
        assert gate["challenger"] == said["model"] and "against random play over" in gate["reasons"]
        refused = materialize_here(
            "champion", instance, {"dagster/partition": "one-hand"}, {"model": REFERENCE}, resources
        )
        assert "architecture" in reason_of(refused)
        if gate["promoted"]:
            assert "features" in gate["card"]
        policy = CHAMPION if gate["promoted"] else said["model"]
        run("eq_games", block_name(0), **PLAY, policy=policy)
    played = [open_game(path) for path in find_games(str(tmp_path / "store"))]
    assert {game.settings["policy"] for game in played if game.split == "train"} == {"network"}


@pytest.mark.slow
def test_a_network_of_self_play_is_trained_once_resumes_and_meets_the_gate(tmp_path, monkeypatch):
    monkeypatch.setattr(self_play, "_EVALUATED", 200)
    tracker = Tracker(uri=f"sqlite:///{tmp_path}/mlflow.db")
    resources = {"tracker": {"uri": tracker.uri}}
    settings = {"runs": str(tmp_path / "runs"), "init_from": ONE_HAND_REFERENCE, "steps": 8, "deals": 64}
    settings |= {"lr": 1e-4, "workers": 1}
    with dg.DagsterInstance.ephemeral() as instance:

        def run(**more):
            return materialize_here("self_play_model", instance, None, settings | more, resources)

        with monkeypatch.context() as patch:
            evaluated, evaluations = self_play.SelfPlayRun.evaluate, iter(range(100))

            def evaluate(training):
                if next(evaluations) == 3:
                    raise BadInput("the power failed")
                return evaluated(training)

            patch.setattr(self_play.SelfPlayRun, "evaluate", evaluate)
            assert "the power failed" in reason_of(run())
        taught = run()
        assert taught.success, reason_of(taught)
        assert checks_of(taught)["model_loads"].passed and set(checks_of(taught)) == CHECKS
        found = metadata_of(taught, "self_play_model")
        network = load_model(found["model"], kind=OneHandNet)
        assert found["parameters"] == network.n_parameters and found["deals"] == 8 * 64
        assert network.card["results"][self_play.POINTS] == pytest.approx(found[self_play.POINTS], abs=1e-4)
        assert found["seconds"] > 0 and "cpu_seconds" in found and "curve" in found
        learning = SelfPlaySettings(steps=8, deals=64, lr=1e-4)
        whole = self_play.train(learning, tmp_path / "whole", init_from=ONE_HAND_REFERENCE, workers=1)
        for name, weights in load_model(whole.model, kind=OneHandNet).state_dict().items():
            assert weights.equal(network.state_dict()[name])
        tracked = tracker.client().get_run(found["mlflow_run_id"])
        assert tracked.data.tags["forge.code_version"] == versions.SELF_PLAY_MODEL
        figures = {name for name in tracked.data.metrics if name not in COSTS}
        assert figures == {f"{part}/{self_play.POINTS}" for part in ("val", "val_best")}
        with monkeypatch.context() as patch:
            patch.setattr(self_play.SelfPlayRun, "iterate", None)
            again = metadata_of(run(), "self_play_model")
        assert again["model"] == found["model"] and again["points_per_deal"] == found["points_per_deal"]

        everything = resources | {"store": {"url": str(tmp_path / "store")}, "compute": {"device": "cpu"}}
        gated = materialize_here(
            "champion",
            instance,
            {"dagster/partition": "one-hand"},
            {"model": "challenger", "deals": 60},
            everything,
        )
        assert gated.success, reason_of(gated)
        gate = metadata_of(gated, "champion")
        assert "against random play over" in gate["reasons"] and gate["promoted"]
        assert "trained on deals of self-play" in gate["card"] and "512 deals" in gate["card"]
        of_champion = metadata_of(run(init_from=CHAMPION, steps=2), "self_play_model")
        assert weights_digest(of_champion["parent_model"]) == weights_digest(found["model"])


def test_the_policy_of_games_is_a_name_or_a_folder_of_the_project():
    for given, expected in (("heuristic", "heuristic"), (None, None)):
        launchpad = GameLaunchpad(oracle="playout", policy=given)
        assert launchpad.choose_policy(Tracker(uri="sqlite://")).policy == expected
    chosen = GameLaunchpad(oracle="playout", policy=ONE_HAND_REFERENCE).choose_policy(
        Tracker(uri="sqlite://")
    )
    assert chosen.policy and chosen.policy.endswith(ONE_HAND_REFERENCE) and chosen.policy.startswith("/")


def test_an_iteration_plays_games_by_the_champion_and_learns_from_all_of_them():
    settings = FlywheelSettings(objective="one-hand", blocks=2, epochs=3, lr=1e-3, worlds=10)
    state = State.begin(settings)
    steps = {step.name: step for step in FLYWHEEL.steps(state)}
    names = ["watched games", "games 0-1", "catalog", "watched rows", "tokens", "teach", "gate"]
    assert list(steps) == names
    assert {step.asset for step in steps.values()} <= set(FLYWHEEL.assets)
    games = steps["games 0-1"]
    assert games.settings["oracle"] == "playout" and games.settings["worlds"] == 10 and games.complete
    nobody = SimpleNamespace(fetch=lambda objective, alias: None)
    someone = SimpleNamespace(fetch=lambda objective, alias: object())
    assert games.complete({}, nobody) == {"policy": ONE_HAND_REFERENCE}  # pyright: ignore[reportArgumentType]
    assert games.complete({}, someone) == {"policy": CHAMPION}  # pyright: ignore[reportArgumentType]
    teach = steps["teach"]
    assert teach.settings == {"epochs": 3, "lr": 1e-3, "batch_size": 1024} and teach.complete
    assert teach.complete({}, someone) == {"init_from": CHAMPION}  # pyright: ignore[reportArgumentType]
    reports = {
        "tokens": {"games": 100},
        "teach": {"decision_q_gap_points": 0.8, "model": "runs/x/model"},
        "gate": {"is_champion": True, "challenger": "runs/x/model", "reasons": "- better"},
    }
    ended = FLYWHEEL.result(state, reports)
    assert (ended.examples, ended.challenger_figure, ended.champion_figure) == (100, 0.8, 0.8)


def test_the_first_games_of_policy_iteration_are_by_rules_or_by_a_network_of_its_kind():
    assert first_policy(REFERENCE) == ONE_HAND_REFERENCE and first_policy("heuristic") == "heuristic"
    tracker = Tracker(uri="sqlite://")
    for model in ("heuristic", REFERENCE, ONE_HAND_REFERENCE):
        check_settings(FlywheelSettings(objective="one-hand", model=model), tracker)
    with pytest.raises(BadInput, match="policy '73k': use heuristic"):
        check_settings(FlywheelSettings(objective="one-hand", model="73k"), tracker)
