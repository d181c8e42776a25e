"""A second game: definitions, gaps, lineage and retention handle its assets through its record alone."""

import json
import time
from pathlib import Path

import dagster as dg
import pytest
from asset_runs import materializations
from rich.console import Console
from toy_records import TOY

from forge_assets.definitions import definitions_of
from forge_assets.games import find_model
from forge_assets.gaps.backfill import mend
from forge_assets.gaps.find import find_gaps
from forge_assets.gaps.report import DIFFERENT, OUTDATED, UNRECORDED, GapQuery
from forge_assets.in_process import materialize_here
from forge_assets.lineage import lineage_text, trace
from forge_assets.quickstart import Quickstart
from forge_assets.retention.items import FOLDER, MLFLOW_RUN, Places
from forge_assets.retention.prune import find_items
from forge_assets.texas42.game import TEXAS42
from forge_assets.tracking.registry import ModelRegistry
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.files.inspection import Condition

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]
GAMES = (TEXAS42, TOY)
BOTH = definitions_of(GAMES)
DAY_S = 86_400.0


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield instance


@pytest.fixture
def tracker(tmp_path, monkeypatch) -> Tracker:
    monkeypatch.setattr("forge_assets.games.all_games", lambda: GAMES)
    return Tracker(uri=f"sqlite:///{tmp_path}/mlflow.db")


def play(instance, root: Path, asset: str, generation: str, sims: int) -> None:
    tags, place = {"dagster/partition": generation}, {"store": {"url": str(root)}}
    assert materialize_here(asset, instance, tags, {"sims": sims}, place, BOTH).success


def inspect(instance, root: Path, **query):
    return find_gaps(GapQuery(**query), Store(str(root)), instance, BOTH, games=GAMES)


def faults_of(report) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the faults by asset and partition."""
    return {of.asset: {gap.partition: gap.kinds for gap in of.gaps} for of in report.assets}


# definitions


def test_definitions_of_both_games_load():
    dg.Definitions.validate_loadable(BOTH)
    keys = {key.to_user_string() for key in BOTH.resolve_all_asset_keys()}
    assert {"toy/self_play", "toy/model", "oracle_shards", "champion"} <= keys
    assert set(TOY.partitioned) | set(TEXAS42.partitioned) <= keys
    repository = BOTH.get_repository_def()
    assert {"flywheel", "catalog_after_shards"} <= {sensor.name for sensor in repository.sensor_defs}
    assert "prune_weekly" in {schedule.name for schedule in repository.schedule_defs}


def test_a_kind_of_network_has_one_game():
    assert find_model("small", GAMES)[0] is TOY and find_model("qvalue", GAMES)[0] is TEXAS42
    with pytest.raises(BadInput, match="use qvalue, policy, eq, regret, one-hand, small, large"):
        find_model("taste", GAMES)
    objectives = [model.objective for game in GAMES for model in game.models]
    assert len(objectives) == len(set(objectives))


# gaps


def test_gaps_of_its_files_and_records_are_found(instance, root):
    for number, sims in enumerate((4, 4, 4, 4, 16)):
        play(instance, root, "toy/self_play", f"g{number:03d}", sims)
    folder = root / "toy-games"
    (folder / "g000/game_1.parquet").unlink()
    (folder / "g001/game_0.parquet").write_text("{")
    old = {"version": "p0", "settings": {"settings": "sims 16"}}
    (folder / "g002/game_0.parquet").write_text(json.dumps(old))
    (folder / "g009").mkdir()
    report = inspect(instance, root)
    assert faults_of(report) == {
        "toy/self_play": {
            "g000": (Condition.MISSING, Condition.DIFFERENT_SETTINGS, DIFFERENT),
            "g001": (Condition.CORRUPT, Condition.DIFFERENT_SETTINGS, DIFFERENT),
            "g002": (Condition.STALE, Condition.DIFFERENT_SETTINGS, DIFFERENT),
            "g003": (Condition.DIFFERENT_SETTINGS, DIFFERENT),
            "g009": (Condition.MISSING, UNRECORDED),
        }
    }, "as it was played last"
    (of,) = report.assets
    assert of.describe(of.partitions) == "generations g000, g001, g002, g003, g004, g009"
    never_made = {other.name for other in report.never_made}
    assert {"toy/puzzles", "toy/model[small]", "oracle_shards", "champion[eq]"} <= never_made
    (wanted,) = inspect(instance, root, blocks=(4, 5), assets=("toy/self_play",)).assets[:1]
    assert wanted.partitions == ("g004", "g005") and len(wanted.gaps) == 1
    with pytest.raises(BadInput, match="toy/model cannot be inspected file by file"):
        inspect(instance, root, assets=("toy/model",))


@pytest.mark.parametrize(("asset", "sims"), [("toy/self_play", 4), ("toy/puzzles", 6)])
def test_a_run_that_repairs_them_takes_its_settings(instance, root, asset, sims):
    """The settings come from the last run or from the query, under the name of the op, as the key has a
    prefix."""
    play(instance, root, asset, "g000", 4)
    (
        root / {"toy/self_play": "toy-games", "toy/puzzles": "toy-puzzles"}[asset] / "g000/game_0.parquet"
    ).unlink()
    report = inspect(instance, root, settings={"sims": 6})
    (of,) = report.assets
    op = asset.replace("/", "__")
    assert of.run_config == {
        "ops": {op: {"config": {"sims": sims}}},
        "resources": {"store": {"config": {"url": str(root)}}},
    }
    (mending,) = mend(report, instance, BOTH)
    (backfill,) = instance.get_backfills()
    assert mending.new and backfill.run_config == of.run_config
    target = backfill.asset_backfill_data.target_subset
    key = dg.AssetKey(asset.split("/"))
    assert set(target.get_partitions_subset(key).get_partition_keys()) == {"g000"}
    run = BOTH.resolve_implicit_global_asset_job_def().execute_in_process(
        asset_selection=[key], partition_key="g000", run_config=backfill.run_config, instance=instance
    )
    assert run.success and materializations(instance, asset)["g000"][0].metadata["sims"].value == sims
    assert not mend(inspect(instance, root, settings={"sims": 6}), instance, BOTH)


def test_what_a_newer_version_leaves_behind_is_stale(instance, root):
    play(instance, root, "toy/self_play", "g000", 4)
    assert materialize_here(
        "toy/model", instance, {"dagster/partition": "small"}, {"folder": "x"}, definitions=BOTH
    ).success
    changed = BOTH.map_asset_specs(
        func=lambda spec: spec.replace_attributes(code_version=f"{spec.code_version}+")
    )
    report = find_gaps(GapQuery(), Store(str(root)), instance, changed, games=GAMES)
    assert faults_of(report) == {"toy/self_play": {"g000": (OUTDATED,)}}
    assert [other.name for other in report.stale] == ["toy/model[small]"]
    play(instance, root, "toy/self_play", "g001", 4)
    assert [other.causes for other in inspect(instance, root).stale] == [
        ("1 partition of toy/self_play is newer",)
    ]


def test_make_run_takes_its_settings_too(instance, root, monkeypatch):
    monkeypatch.setattr("forge_assets.definitions.defs", BOTH)
    monkeypatch.setenv("FORGE_STORE", str(root))
    quickstart = Quickstart(Console(quiet=True), instance)
    tags = {"dagster/partition": "g000"}
    assert [made["sims"] for made in quickstart.make("toy/self_play", tags, {"sims": 3})] == [3]


# lineage and retention


def network(folder: Path, tracker: Tracker, weights: str, days_ago: float, **card) -> Path:
    """Make a trained and tracked network; return the folder of its model."""
    model = folder / "model"
    model.mkdir(parents=True)
    data = {"game": "toy", "kind": "self-play", "version": "d1", "config": {"sims": 4}}
    results = {"rows": 640, "won": 0.75, "loss": 1.0}
    record = {"weights": weights, "parameters": 72_000, "config": {"objective": "small"}}
    card = {"init_from": None, "data": data, "results": results, "made": "2026-01-01"} | card
    (model / "model.json").write_text(json.dumps(record | {"card": card}))
    tags = {"forge.folder": str(folder), "forge.model": str(model), "forge.weights": weights}
    run = tracker.begin(TOY.experiment, folder.name, tags)
    run.folder(model, "model")
    ModelRegistry(tracker).register(run, "small", {})
    run.client.set_terminated(run.run_id, "FINISHED", int((time.time() - days_ago * DAY_S) * 1000))
    (folder / "tracking.json").write_text(json.dumps({"uri": run.uri, "run_id": run.run_id}))
    return model


def test_a_network_leads_back_to_its_parent_and_its_rows(tracker, tmp_path):
    parent = network(tmp_path / "runs/parent", tracker, "w1", 0)
    child = network(tmp_path / "runs/child", tracker, "w2", 0, init_from=str(parent), parent_weights="w1")
    for name in ("challenger", "toy-value/2", str(child)):
        found = trace(name, "small", tracker, games=GAMES)
        assert [generation.name for generation in found.generations] == ["toy-value/2", "toy-value/1"], name
    rows = found.generations[0].rows
    assert rows and (rows.kind, rows.version, rows.rows) == ("self-play", "d1", {"train": 640})
    assert found.generations[0].results == {"rows": 640, "won": 0.75}
    text = lineage_text(found, GAMES)
    for line in ("trained from toy-value/1", "trained on self-play rows, data version d1", "sims 4"):
        assert line in text, line
    assert "best: 640 rows, 75% of games won" in text and "points lost" not in text
    with pytest.raises(BadInput, match="no toy-value/9"):
        trace("toy-value/9", "small", tracker, games=GAMES)


def test_networks_of_each_game_are_kept_while_they_are_needed(instance, tracker, tmp_path):
    """The latest version of a name and the target of `latest` stay; a run that nothing needs goes."""
    runs = tmp_path / "runs"
    forgotten, named = network(runs / "a", tracker, "w1", 200), network(runs / "b", tracker, "w2", 200)
    network(runs / "c", tracker, "w3", 200)
    tags = {"dagster/partition": "large"}
    assert materialize_here("toy/model", instance, tags, {"folder": str(named)}, definitions=BOTH).success, (
        "latest of its kind"
    )
    places = Places(instance, tracker, Store(str(tmp_path / "store")), runs, GAMES)
    items = find_items(places, days=90)
    run_id = json.loads((forgotten.parent / "tracking.json").read_text())["run_id"]
    assert {item.name for item in items if item.kind == MLFLOW_RUN} == {run_id}
    assert not [item for item in items if item.kind == FOLDER], "too young"
