"""The flywheel of Liuzhou: iterations by the sensor in this process, settings and verbs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from asset_runs import materializations, reason_of
from liuzhou_pipeline import SIZE, small_files
from typer.testing import CliRunner

from forge_assets.cli.flywheel import flywheel_verbs
from forge_assets.definitions import defs
from forge_assets.flywheel.sensor import automate
from forge_assets.flywheel.state import Phase, State
from forge_assets.flywheel.steps import one_partition
from forge_assets.flywheel.storage import read_state, write_state
from forge_assets.in_process import materialize_here
from forge_assets.liuzhou import flywheel as liuzhou
from forge_assets.liuzhou.flywheel import FLYWHEEL, FlywheelSettings, steps_of
from forge_assets.resources import ShardStore
from forge_assets.tracking.registry import CHAMPION, ModelVersion
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.gate import Ruling
from forge_core.liuzhou import gate as core_gate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning", "ignore::DeprecationWarning"
    ),
]
SMALL = FlywheelSettings(
    games=8, sims=2, fast_sims=1, playouts=1, window=2_000, reuse=0.5, batch_size=64, opponents="random",
    pairs=2, match_sims=1, gate_pairs=2,
)  # fmt: skip
SENSOR = automate(FLYWHEEL).sensor


@pytest.fixture(autouse=True)
def small(monkeypatch):
    small_files(monkeypatch)


@pytest.fixture
def instance(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield instance


class Daemon:
    """Does what Dagster's daemon does with the requests of the sensor, in this process."""

    def __init__(self, instance, folder: Path) -> None:
        self.instance, self.root = instance, Store(str(folder / "store"))
        self.tracker = Tracker(uri=f"sqlite:///{folder}/mlflow.db")
        self.runs = str(folder / "runs")

    def tick(self) -> dg.RunRequest | dg.SkipReason:
        resources = {"store": ShardStore(url=self.root.url), "tracker": self.tracker}
        return SENSOR(dg.build_sensor_context(self.instance, resources=resources))

    def run_of(self, request: dg.RunRequest) -> tuple[str, dict, dict, dict]:
        """Asset, tags, settings and resources of a run that was requested."""
        (key,) = request.asset_selection
        asset = key.to_user_string()
        settings = request.run_config["ops"][asset]["config"]
        if asset == "liuzhou_model":
            settings = settings | {"runs": self.runs, "parts": 1, "precision": "32", "warmup": 2}
        if asset == "liuzhou_self_play":
            settings = settings | {"tables": 1}
        resources = {
            "store": {"url": self.root.url},
            "compute": {"device": "cpu"},
            "tracker": {"uri": self.tracker.uri},
        }
        required = defs.resolve_assets_def(key).required_resource_keys
        return asset, dict(request.tags), settings, {k: v for k, v in resources.items() if k in required}

    def turn(self, steps: int) -> list[str]:
        """Run so many steps: their names."""
        done = []
        while len(done) < steps:
            request = self.tick()
            if isinstance(request, dg.SkipReason):
                assert "is over" in request.skip_message, request.skip_message
                continue
            asset, *rest = self.run_of(request)
            result = materialize_here(asset, self.instance, *rest)
            assert result.success, reason_of(result)
            done.append(request.tags["forge/step"])
        return done


def test_a_champion_plays_the_next_generation_and_is_taught_on(instance, tmp_path, monkeypatch):
    """The first network is promoted, the second is not; `test_flywheel_daemon` has a run that is killed."""
    daemon = Daemon(instance, tmp_path)
    write_state(FLYWHEEL, daemon.root, State.begin(SMALL))
    rulings = iter((True, False))

    def judge(*match) -> Ruling:
        promoted = next(rulings)
        return Ruling(promoted, ("it scores more" if promoted else "it scores less",))

    monkeypatch.setattr(core_gate, "judge", judge)
    names = ["self-play", "teach", "evaluate", "gate"]
    assert daemon.turn(4) == names
    assert "iteration 1 is over, games g000: a new champion" in daemon.tick().skip_message
    assert daemon.turn(4) == names
    daemon.tick()

    end = read_state(FLYWHEEL, daemon.root)
    assert end.error == "" and end.iteration == 3 and end.units() == [2]
    one, two = end.history
    assert (one.units, one.examples, one.promoted) == ((0,), 8, True)
    assert (two.units, two.examples, two.promoted) == ((1,), 16, False)
    assert one.champion_figure == one.challenger_figure == two.champion_figure
    played = materializations(instance, "liuzhou_self_play")
    assert played["g000"][0].metadata["model"].value == "none"
    player = played["g001"][0].metadata["model"].value
    assert Path(player, "model.json").read_text() == Path(one.challenger, "model.json").read_text()
    taught = materializations(instance, "liuzhou_model")[SIZE]
    assert "parent_model" not in taught[1].metadata and "parent_model" in taught[0].metadata
    event = instance.get_latest_materialization_event(dg.AssetKey("liuzhou_flywheel")).asset_materialization
    assert event.metadata["training_games"].value == 16 and event.metadata["next_games"].value == "g002"
    client = daemon.tracker.client()
    (curve,) = [run for run in client.search_runs(["1"]) if "challenger_elo" in run.data.metrics]
    history = client.get_metric_history(curve.info.run_id, "challenger_elo")
    assert [figure.step for figure in history] == [8, 16]


# steps and settings


class Registry:
    """A registry with one champion, or none."""

    def __init__(self, champion: str | None) -> None:
        self.champion = champion

    def fetch(self, objective: str, alias: str):
        assert (objective, alias) == ("liuzhou-32x3", CHAMPION)
        return ModelVersion(self.champion, "1") if self.champion else None


def test_playouts_begin_and_then_the_champion_plays_and_is_taught_on():
    play, teach, evaluate, gate = steps_of(State.begin(replace(SMALL, start=7)))
    assert play.partition == one_partition("g007") and teach.settings["last"] == 7
    assert play.complete({}, Registry(None)) == {"model": "none"}
    assert play.complete({}, Registry("runs/x/model")) == {"model": "champion"}
    assert teach.complete({}, Registry(None)) == {}
    assert teach.complete({}, Registry("runs/x/model")) == {"init_from": "champion"}
    taught = {"teach": {"model": "runs/y/model"}}
    assert evaluate.complete(taught, Registry(None)) == gate.complete(taught, Registry(None))
    graph = defs.resolve_asset_graph()
    for step in (play, teach, evaluate, gate):
        asks = graph.get(dg.AssetKey(step.asset)).assets_def.required_resource_keys
        assert step.needs_tracker == ("tracker" in asks), step.name


def test_after_the_last_generation_it_is_done(monkeypatch):
    state = State.begin(replace(SMALL, start=199))
    assert state.units() == [199] and replace(state, next_unit=200).current_phase is Phase.DONE
    monkeypatch.setattr(liuzhou, "N_GENERATIONS", 300)
    assert replace(state, next_unit=200).units() == [200]


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": 200},
        {"games": 0},
        {"sims": 0},
        {"reuse": 0.0},
        {"pairs": 1},
        {"gate_pairs": 1},
        {"size": "64x5"},
        {"begin": "noon"},
        {"group": ""},
        {"opponents": "random random"},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(BadInput):
        replace(SMALL, **wrong)


def test_opponents_that_do_not_exist_are_refused_when_it_begins(tmp_path):
    with pytest.raises(BadInput, match="chess"):
        FLYWHEEL.check(replace(SMALL, opponents="random chess"), Tracker())


def test_its_verbs_have_its_settings(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("FORGE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    verbs = flywheel_verbs(FLYWHEEL)
    assert verbs.info.name == "liuzhou-flywheel"
    begun = CliRunner().invoke(verbs, ["init", "--games", "64", "--size", "128x10", "--json"])
    record = json.loads(begun.stdout)
    assert record["settings"]["games"] == 64 and record["settings"]["size"] == "128x10"
    assert record["next_generation"] == 0 and record["next_games"] == "g000" and record["sensor"] == "off"
