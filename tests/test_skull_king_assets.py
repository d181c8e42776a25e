"""The assets of Skull King: networks by recipe, their evaluation, the champion, and the benchmark."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import numpy as np
import pytest
from asset_runs import checks_of, metadata_of, reason_of
from rich.console import Console

from forge_assets.definitions import defs
from forge_assets.flywheel.sensor import request
from forge_assets.flywheel.state import State
from forge_assets.flywheel.turn import Launch, Turner
from forge_assets.frames.scan import scan
from forge_assets.frames.tables import Places, find_table
from forge_assets.gate.networks import weights_of
from forge_assets.in_process import materialize_here
from forge_assets.lineage import lineage_text, trace
from forge_assets.quickstart import Quickstart
from forge_assets.skull_king import benchmark, quickstart, versions
from forge_assets.skull_king.evaluation import SCORE
from forge_assets.skull_king.flywheel import FLYWHEEL, FlywheelSettings, steps_of
from forge_assets.skull_king.names import RECIPE_NAMES, REGISTERED, objective_of
from forge_assets.skull_king.policy import PolicyLaunchpad
from forge_assets.tracking.notes import NOTE
from forge_assets.tracking.registry import CHALLENGER, ModelRegistry, ModelVersion
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.gate import Ruling, ScoreRule, judge_scores
from forge_core.learning.checkpoints import load_model
from forge_core.skull_king import gate as core_gate
from forge_core.skull_king import train as training
from forge_core.skull_king.evaluation import TABLES, opponents_at
from forge_core.skull_king.golden import find_differences, read_facts
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.round import Round
from forge_core.skull_king.settings.gate import GateSettings
from forge_core.skull_king.settings.learning import RECIPES, LearningSettings
from forge_core.splits import Split, split_of
from forge_core.stats import Measure

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning", "ignore::DeprecationWarning"
    ),
]
RECIPE = "hierarchical"
OBJECTIVE = objective_of(RECIPE)
LEARNING = {"size": "16x2", "decisions": 1500, "tables": 8, "batch": 128, "minibatch": 64, "parts": 1}
FEW = {"deals": 2, "beside": ""}


@pytest.fixture(autouse=True, scope="module")
def few_evaluations():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "CURVE_DEALS", 2)
        patch.setattr(training, "EVALUATIONS", 3)
        yield


class Pipeline:
    """Runs assets in this process, with an MLflow and a folder of runs of its own."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.instance, self.runs = instance, folder / "runs"
        self.root = Store(str(folder / "store"))
        self.tracker = Tracker(uri=f"sqlite:///{folder}/mlflow.db")

    def run(self, asset: str, partition: str | None, settings: dict[str, Any]) -> dg.ExecuteInProcessResult:
        resources = {"compute": {"device": "cpu"}}
        if partition:
            resources["tracker"] = {"uri": self.tracker.uri}
        if asset == "skull_king_evaluation":
            resources["store"] = {"url": self.root.url}
        if asset == "skull_king_policy":
            settings = {"runs": str(self.runs)} | LEARNING | settings
        tags = {"dagster/partition": partition} if partition else {}
        return materialize_here(asset, self.instance, tags, settings, resources)

    def make(self, asset: str, partition: str | None, **settings: Any) -> dict[str, Any]:
        """Its metadata; the run succeeds."""
        result = self.run(asset, partition, settings)
        assert result.success, reason_of(result)
        return metadata_of(result, asset)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A pipeline with one network, and the run that trained it."""
    with dg.DagsterInstance.ephemeral() as instance:
        pipeline = Pipeline(tmp_path_factory.mktemp("skull-king"), instance)
        result = pipeline.run("skull_king_policy", RECIPE, {})
        assert result.success, reason_of(result)
        yield pipeline, result


def model_of(made) -> str:
    return metadata_of(made[1], "skull_king_policy")["model"]


# networks


def test_a_network_is_tracked_registered_and_found_again(made):
    pipeline, result = made
    policy, checks = metadata_of(result, "skull_king_policy"), checks_of(result)
    assert (
        all(check.passed for check in checks.values()) and checks["golden_facts"].metadata["facts"].value > 50
    )
    assert policy["score_low"] <= policy["score"] <= policy["score_high"] and 0 <= policy["hit"] <= 1
    assert policy["decisions"] >= 1500 and not policy["decisions_left"] and policy["device"] == "cpu"
    assert policy["curve"].startswith("![](data:image/png") and policy["decisions_per_second"] > 0
    network = load_model(policy["model"], kind=BidAndPlayNet)
    assert f"{network.n_parameters:,}" == policy["parameters"] and network.card["recipe"] == RECIPE
    assert ModelRegistry(pipeline.tracker).fetch(OBJECTIVE, CHALLENGER)
    run = pipeline.tracker.reopen(Path(policy["model"]).parent)
    tags = run.client.get_run(run.run_id).data.tags
    assert policy["mlflow_run_id"] == run.run_id and len(run.steps("train/hard_score")) >= 3
    assert (tags["forge.code_version"], tags["dagster.asset"]) == (versions.POLICY, "skull_king_policy")
    assert pipeline.make("skull_king_policy", RECIPE)["model"] == policy["model"], "the same settings"


def test_a_name_does_not_hand_back_a_run_with_other_settings(made):
    pipeline, _ = made
    first = pipeline.make("skull_king_policy", RECIPE, name="named", decisions=500)
    again = pipeline.make("skull_king_policy", RECIPE, name="named", decisions=500)
    assert again["model"] == first["model"]
    for recipe, changed, differing in (
        (RECIPE, {"lr": 0.001, "decisions": 600}, "train (decisions, lr)"),
        ("large_net", {}, "train (recipe)"),
        (RECIPE, {"init_from": model_of(made)}, "init_from"),
    ):
        settings = {"name": "named", "decisions": 500} | changed
        reason = reason_of(pipeline.run("skull_king_policy", recipe, settings))
        assert f"has finished, and differs in {differing}: choose another name" in reason


def test_a_recipe_sets_what_was_not_changed():
    assert PolicyLaunchpad().learning("seed_v9") == RECIPES["seed_v9"]
    default = LearningSettings()
    like_default = PolicyLaunchpad(epochs=default.epochs, curriculum=default.curriculum).learning("seed_v9")
    assert (like_default.epochs, like_default.curriculum) == (default.epochs, default.curriculum)
    changed = PolicyLaunchpad(epochs=1, seed=3).learning("seed_v9")
    assert changed == replace(RECIPES["seed_v9"], epochs=1, seed=3)
    with pytest.raises(BadInput, match="minibatch"):
        PolicyLaunchpad(minibatch=9000).learning(RECIPE)


def test_an_interrupted_run_continues_with_the_same_result(made, monkeypatch):
    pipeline, _ = made
    add_point, seen = training.Run.add_point, []

    def pull_the_plug(self):
        seen.append(add_point(self))
        if len(seen) == 2:
            raise OSError("the plug was pulled")
        return seen[-1]

    monkeypatch.setattr(training.Run, "add_point", pull_the_plug)
    assert not pipeline.run("skull_king_policy", RECIPE, {"name": "cut"}).success
    monkeypatch.undo()
    resumed = pipeline.make("skull_king_policy", RECIPE, name="cut")
    one, other = (
        json.loads((Path(path) / "model.json").read_text())["weights"]
        for path in (model_of(made), resumed["model"])
    )
    assert one == other
    run = pipeline.tracker.reopen(Path(resumed["model"]).parent)
    assert len(run.steps("rows")) == len(run.steps("train/hard_hit")) >= 3


def test_minutes_end_a_run_that_can_be_continued(made):
    pipeline, _ = made
    settings = {"name": "short", "seed": 7, "minutes": 0.0}
    assert "no evaluation yet" in reason_of(pipeline.run("skull_king_policy", RECIPE, settings))
    finished = pipeline.make("skull_king_policy", RECIPE, **(settings | {"minutes": 5.0}))
    assert not finished["decisions_left"] and finished["decisions"] >= 1500


# evaluation and champion


def test_every_table_is_played_and_bids_are_compared_with_results(made):
    pipeline, _ = made
    result = pipeline.run("skull_king_evaluation", RECIPE, FEW | {"model": model_of(made)})
    assert result.success, reason_of(result)
    found, checks = metadata_of(result, "skull_king_evaluation"), checks_of(result)
    assert {f"{table}_score" for table in TABLES} <= set(found) and found["score"] == found["hard_score"]
    assert 0 <= found["hard_calibration_error"] <= 1
    for name in ("rounds", "tricks", "calibration", "decision_times"):
        assert found[name].startswith("![](data:image/png"), name
    assert all(f"| {others} |" in found["tables"] for others in ("3 hard", "hard, captain, medium"))
    assert found["by_round"].count("\n") >= 11
    assert all(checks[name].passed for name in ("no_illegal_action", "deltas_add_up", "seats_balanced"))
    assert checks["seats_balanced"].metadata["games"].value == 2 * 4 * len(TABLES)
    replayed = {name: entry.value for name, entry in checks["no_illegal_action"].metadata.items()}
    assert replayed["games"] == 2 * 4 * len(TABLES) and replayed["actions"] > 200 * replayed["games"]
    assert checks["above_hard"].severity == dg.AssetCheckSeverity.WARN and not checks["above_hard"].passed
    rows = scan(find_table("skull_king_evaluations"), Places(pipeline.root, Path("runs"))).collect()
    assert rows.height == found["dagster/partition_row_count"] == len(TABLES) + 1
    stored = rows.filter(weights=weights_of(found["model"]), opponents="hard", is_network=True)
    assert round(stored["score"].item(), 2) == found["score"]
    assert round(stored["calibration_error"].item(), 4) == found["hard_calibration_error"]
    run = pipeline.tracker.reopen(Path(found["model"]).parent)
    assert run.client.get_run(run.run_id).data.metrics[SCORE] == pytest.approx(found["hard_score"], abs=0.01)


def test_the_network_that_scores_most_becomes_the_challenger(made):
    pipeline, _ = made
    models = [
        model_of(made),
        pipeline.make("skull_king_policy", RECIPE, name="other", seed=5, decisions=500)["model"],
    ]

    def evaluate(model: str, **settings: Any) -> float:
        few = FEW | {"deals": 3, "model": model} | settings
        return pipeline.make("skull_king_evaluation", RECIPE, **few)["score"]

    def challenger() -> str:
        found = ModelRegistry(pipeline.tracker).fetch(OBJECTIVE, CHALLENGER)
        assert found
        return weights_of(found.folder)

    scores = {model: evaluate(model) for model in models}
    best, worse = sorted(models, key=scores.__getitem__, reverse=True)
    assert scores[best] > scores[worse] and challenger() == weights_of(best)
    evaluate(worse, deals=2, final=True)
    assert challenger() == weights_of(best), "final deals choose no network"
    run = pipeline.tracker.reopen(Path(worse).parent)
    note = run.client.get_run(run.run_id).data.tags[NOTE]
    assert "against 3 hard: this network" in note and f"forge skull-king evaluate {worse}" in note


def test_an_action_that_the_readable_rules_refuse_fails_the_evaluation(made, monkeypatch):
    pipeline, _ = made
    monkeypatch.setattr(Round, "legal", lambda played: [])
    result = pipeline.run("skull_king_evaluation", RECIPE, FEW | {"model": model_of(made)})
    check = checks_of(result)["no_illegal_action"]
    assert not check.passed and check.blocking and check.metadata["faults"].value == 2 * 4 * len(TABLES)
    assert "table hard: deal " in check.metadata["fault"].value


def test_bids_of_a_flat_network_are_not_calibrated(made):
    pipeline, _ = made
    pipeline.make("skull_king_policy", "flat")
    result = pipeline.run("skull_king_evaluation", "flat", FEW)
    check = checks_of(result)["bids_calibrated"]
    assert result.success and not check.passed and check.metadata["error"].value == "not stated"
    assert "calibration" not in metadata_of(result, "skull_king_evaluation")


def test_networks_of_all_recipes_compete_for_one_champion(made, monkeypatch):
    pipeline, _ = made

    def hold(promoted: bool, recipe: str, **settings: Any) -> dict[str, Any]:
        ruling = Ruling(promoted, ("it scores more" if promoted else "it scores less",), {"deals": 2})
        monkeypatch.setattr(core_gate, "judge", lambda *match: ruling)
        return pipeline.make("skull_king_champion", recipe, **settings)

    kept = hold(False, RECIPE, model=model_of(made))
    assert not kept["promoted"] and kept["champion"] == "none" and "scores less" in kept["reasons"]
    first = hold(True, RECIPE, model=model_of(made))
    assert first["promoted"] and first["is_champion"] and first["name"].startswith(f"{REGISTERED}-{RECIPE}")
    assert "forge skull-king evaluate" in first["card"] and "rounds" in first["card"]
    found = trace("champion", OBJECTIVE, pipeline.tracker)
    assert found.generations[0].name == f"{REGISTERED}/1" and "decisions" in lineage_text(found)
    again = hold(True, RECIPE, model=model_of(made))
    assert not again["promoted"] and "it is the champion" in again["reasons"]
    pipeline.make("skull_king_policy", "self_play", init_from="champion")
    other = hold(True, "self_play")
    assert other["promoted"] and other["champion"] != first["champion"]
    parents = trace("champion", objective_of("self_play"), pipeline.tracker).generations
    assert [each.weights for each in parents][1:] == [found.generations[0].weights]


def test_the_gate_plays_final_deals(made):
    assert all(split_of(seed) is Split.TEST for seed in GateSettings(deals=60).seeds)
    ruling = core_gate.judge(model_of(made), None, GateSettings(deals=2), "cpu")
    assert not ruling.promoted and "hard" in ruling.reasons[0] and ruling.figures["deals"] == 2
    assert opponents_at("mixed", 4) == ["hard", "captain", "medium"] and len(opponents_at("hard", 2)) == 1


def test_scores_are_compared_by_deal_and_in_every_group():
    rule = ScoreRule(Measure("points", "deal"), "table", 5.0)
    noise = np.linspace(-50, 50, 40)
    same, better = {"a": noise, "b": noise}, {"a": noise + 4 + noise / 50, "b": noise + 1}
    assert judge_scores(better, same, rule).promoted and not judge_scores(same, same, rule).promoted
    ruling = judge_scores({"a": noise + 30, "b": noise - 6}, same, rule)
    assert not ruling.promoted and "worst table is b: -6.00 points" in ruling.reasons[0]
    for wrong in ({"a": noise}, {"a": noise, "b": noise[:3]}):
        with pytest.raises(BadInput):
            judge_scores(wrong, same, rule)


# the flywheel


def test_an_iteration_learns_from_the_champion_on(made, tmp_path, monkeypatch):
    pipeline, _ = made
    tracker = Tracker(uri=f"sqlite:///{tmp_path}/mlflow.db")
    turner = Turner(FLYWHEEL, pipeline.instance, Store(str(tmp_path / "store")), tracker)
    turner.write(State.begin(FlywheelSettings(decisions=1500, opponents="hard", deals=2, gate_deals=2)))
    small = {name: value for name, value in LEARNING.items() if name != "decisions"}
    monkeypatch.setattr(core_gate, "judge", lambda *match: Ruling(True, ("it scores more",), {"deals": 2}))
    networks, resources = [], {"compute": {"device": "cpu"}, "tracker": {"uri": tracker.uri}}
    while len(networks) < 2:
        move = turner.next_move()
        if not isinstance(move, Launch):
            continue
        asked = request(move, defs)
        (key,) = asked.asset_selection
        asset = key.to_user_string()
        settings = asked.run_config["ops"][asset]["config"]
        if asset == "skull_king_policy":
            settings = settings | small | {"runs": str(tmp_path / "runs")}
        result = materialize_here(asset, pipeline.instance, dict(asked.tags), settings, resources)
        assert result.success, reason_of(result)
        if asset == "skull_king_policy":
            networks.append(metadata_of(result, asset))
    assert "parent_model" not in networks[0] and networks[1]["parent_model"]
    (past,) = turner.read().history
    assert past.promoted and past.examples == networks[0]["decisions"] and past.units == (0,)
    assert turner.read().settings.units_from(5) == [5] and FlywheelSettings(start=7).first_unit == 7
    for wrong in ({"start": -1}, {"recipe": "best"}, {"deals": 1}, {"begin": "never"}):
        with pytest.raises(BadInput):
            FlywheelSettings(**wrong)


@pytest.mark.parametrize(
    "settings, opponents",
    [
        ({}, "hard:2,captain:1,self:0.25,past"),
        ({"recipe": "self_play"}, "self,past"),
        ({"recipe": "self_play", "opponents": "captain"}, "captain"),
    ],
)
def test_a_flywheel_learns_against_the_opponents_of_its_recipe_and_past(settings, opponents):
    teach = steps_of(State.begin(FlywheelSettings(**settings)))[0].settings
    assert teach["opponents"] == opponents and teach["teacher"] == 0
    taught = PolicyLaunchpad(**teach).learning(settings.get("recipe", RECIPE))
    assert taught.opponents == opponents


def test_a_flywheel_is_refused_if_its_recipe_cannot_start_from_the_champion(made, monkeypatch):
    pipeline, _ = made
    champion = ModelVersion(model_of(made), "7")
    monkeypatch.setattr(ModelRegistry, "fetch", lambda *of: champion)
    with pytest.raises(BadInput, match=rf"{REGISTERED}/7: .* differs .* in network \(width\): choose"):
        FLYWHEEL.check(FlywheelSettings(), pipeline.tracker)
    monkeypatch.setitem(RECIPES, RECIPE, replace(RECIPES[RECIPE], size=LEARNING["size"]))
    FLYWHEEL.check(FlywheelSettings(), pipeline.tracker)


# golden facts, benchmark, versions, `make run`


def test_a_wrong_golden_answer_is_found():
    facts = read_facts()
    n, differences = find_differences(facts)
    assert n > 50 and not differences
    facts["games"][0]["rounds"][0]["won"][0] += 1
    facts["masks"][0]["actions"]["printed"] = []
    assert len(find_differences(facts)[1]) == 2


def test_the_benchmark_shows_what_is_required_and_what_was_published(made, monkeypatch):
    figure = {"name": "random play, N = 64", "value": 5.0, "unit": "M/s", "limit": None, "least": 3.0}
    figure["published"] = "3,800-10,000 decisions/s"
    slow = {"name": "games of 4 hard", "value": 100.0, "unit": "/s", "limit": None, "least": 200.0}
    watts = {"name": "GPU power", "value": None, "unit": "W", "limit": None, "least": None}
    report = {
        "conditions": {"device": "cpu", "versions": "numpy"},
        "held": ["equal"],
        "figures": [figure, *(each | {"published": ""} for each in (slow, watts))],
    }
    answer = SimpleNamespace(returncode=1, stdout=json.dumps(report), stderr="")
    monkeypatch.setattr(subprocess, "run", lambda command, **options: answer)
    result = made[0].run("skull_king_benchmark", None, {})
    checks, (event,) = checks_of(result), result.asset_materializations_for_node("skull_king_benchmark")
    assert result.success and checks["implementations_equal"].passed and not checks["within_limits"].passed
    assert "| random play, N = 64 | 5 M/s | ≥ 3 | 3,800-10,000" in event.metadata["table"].value
    assert "| GPU power | NaN W |" in event.metadata["table"].value
    assert event.metadata["outside_limits"].value == ["games of 4 hard"] * len(benchmark.SUBJECTS)
    unmeasured = slow | {"name": "games per watt", "value": None}
    assert not benchmark.is_within_limits(unmeasured) and benchmark.is_within_limits(watts)
    answer.returncode, answer.stderr = 2, "no such device\n"
    assert "no such device" in reason_of(made[0].run("skull_king_benchmark", None, {}))


def test_the_benchmark_is_that_of_forge():
    with pytest.raises(BadInput, match="there is no benchmark 'nothing'"):
        benchmark.run_benchmark("nothing", "cpu")


def test_versions_are_composed_of_those_above():
    node = defs.resolve_asset_graph().get(dg.AssetKey("skull_king_policy"))
    assert node.code_version == versions.POLICY == versions.of_network("rounds")
    assert versions.CHAMPION.endswith(versions.EVALUATION) and set(RECIPE_NAMES) == set(RECIPES)
    with pytest.raises(BadInput, match="learn from rounds"):
        versions.of_network("games")


def test_the_quickstart_trains_and_films_a_round(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    small = LEARNING | {"decisions": 500, "runs": str(tmp_path / "runs")}
    monkeypatch.setattr(quickstart, "LEARNING", quickstart.LEARNING | small)
    quickstart.make_all(Quickstart(Console(width=200), dg.DagsterInstance.ephemeral()))
    shown = capsys.readouterr().out
    assert "against 3 hard" in shown and "round 6: 6 cards" in shown and "<- bid" in shown
