"""Pruning: unneeded items go; partitions, checks, champions, their parents and current runs stay."""

import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as db
import torch
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.runs.schema import RunsTable
from running import free_port, mlflow_server
from toy_game import SPEC

from forge_assets.dagster_internals import runs_with_latest_events
from forge_assets.retention import schedule as retention
from forge_assets.retention.items import (
    CHECKPOINT,
    DAGSTER_RUN,
    FETCHED,
    FOLDER,
    MLFLOW_RUN,
    TEMPORARY,
    Places,
)
from forge_assets.retention.prune import find_items, remove
from forge_assets.texas42.game import TEXAS42
from forge_assets.tracking.registry import ModelRegistry, registered_name
from forge_assets.tracking.tracker import Tracker
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.checkpoints import save_model
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer

pytestmark = pytest.mark.slow

DAY = 86_400.0
NAME = registered_name("qvalue")


@dg.asset(
    partitions_def=dg.StaticPartitionsDefinition(["a", "b", "c"]),
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec("sound", asset="deals")],
)
def deals(context: dg.AssetExecutionContext):
    print("solved")
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="sound", passed=True)])


@dg.asset(deps=[deals])
def rows(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion(context.run.run_id))


@dg.asset(deps=[rows])
def network() -> None:
    pass


@dg.asset
def broken() -> None:
    raise dg.Failure("on purpose")


JOB = dg.Definitions(
    assets=[deals, rows, network, broken], executor=dg.in_process_executor
).resolve_implicit_global_asset_job_def()


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield instance


@pytest.fixture
def places(instance, tmp_path) -> Places:
    tracker = Tracker(uri=f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    return Places(instance, tracker, Store(str(tmp_path / "store")), tmp_path / "runs")


def run(instance, asset: str, *, days_ago: float, **tags: str) -> str:
    result = JOB.execute_in_process(
        asset_selection=[dg.AssetKey(asset)],
        instance=instance,
        tags={f"dagster/{name}": value for name, value in tags.items()},
        raise_on_error=False,
    )
    age(instance, result.run_id, days_ago)
    return result.run_id


def age(instance, run_id: str, days: float) -> None:
    """Set the time at which a run last changed to so many days ago."""
    then = datetime.fromtimestamp(time.time() - days * DAY, UTC).replace(tzinfo=None)
    with instance.run_storage.connect() as connection:
        of_run = RunsTable.c.run_id == run_id
        connection.execute(db.update(RunsTable).where(of_run).values(update_timestamp=then))


def of_kind(items, kind: str) -> set[str]:
    return {item.name for item in items if item.kind == kind}


def a_to_c(first: str, last: str) -> dict[str, str]:
    return {"asset_partition_range_start": first, "asset_partition_range_end": last}


def status_of(instance) -> tuple:
    """Return what the UI shows: materialized partitions and the result of the last check."""
    check = dg.AssetCheckKey(dg.AssetKey("deals"), "sound")
    summary = instance.event_log_storage.get_latest_asset_check_execution_by_key([check])
    known = {key.to_user_string() for key in instance.all_asset_keys()}
    return set(instance.get_materialized_partitions(dg.AssetKey("deals"))), summary[check].status, known


# --- Dagster ----------------------------------------------------------------------------------


def test_runs_go_whose_partitions_were_made_again_and_no_partition_is_forgotten(instance, places):
    first = run(instance, "deals", days_ago=300, **a_to_c("a", "c"))
    failed = run(instance, "broken", days_ago=299)
    second = run(instance, "deals", days_ago=200, **a_to_c("a", "b"))
    third = run(instance, "deals", days_ago=150, partition="c")
    young = run(instance, "rows", days_ago=10)
    young_again = run(instance, "rows", days_ago=0)
    before = status_of(instance)
    assert before[0] == {"a", "b", "c"}
    assert runs_with_latest_events(instance) == {second, third, young_again}

    items = find_items(places)
    assert of_kind(items, DAGSTER_RUN) == {first, failed}
    assert all(item.nbytes > 0 for item in items)
    assert len(instance.get_run_ids()) == 6, "finding removes nothing"
    logs = Path(instance.compute_log_manager._base_dir, first)
    events = Path(instance.event_log_storage.path_for_shard(first))
    assert logs.is_dir() and events.exists()

    assert [item.name for item in remove(places, items)] == [item.name for item in items]
    assert set(instance.get_run_ids()) == {second, third, young, young_again}
    assert status_of(instance) == before
    assert not logs.exists() and not events.exists()
    with instance.event_log_storage.index_connection() as connection:
        left = connection.execute(db.select(SqlEventLogStorageTable.c.run_id).distinct()).scalars().all()
    assert set(left) == {second, third, young, young_again}
    assert find_items(places) == []
    assert list(remove(places, items)) == items, "what is gone is gone"


def test_a_clock_that_jumps_ahead_removes_nothing(instance, places):
    run(instance, "rows", days_ago=30)
    run(instance, "rows", days_ago=0)
    assert find_items(places, now=time.time() + 3650 * DAY) == []
    assert find_items(places, now=time.time() - 3650 * DAY) == []
    assert len(find_items(places, days=29)) == 1
    with pytest.raises(BadInput, match="keep at least 1"):
        find_items(places, days=0)


def test_what_is_under_way_or_belongs_to_a_backfill_under_way_stays(instance, places):
    from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

    part = run(instance, "rows", days_ago=200, backfill="under_way")
    of_another = run(instance, "rows", days_ago=200, backfill="over")
    running = run(instance, "rows", days_ago=200)
    run(instance, "rows", days_ago=0)
    with instance.run_storage.connect() as connection:
        of_run = RunsTable.c.run_id == running
        connection.execute(db.update(RunsTable).where(of_run).values(status="STARTED"))
    for name, status in (("under_way", "REQUESTED"), ("over", "COMPLETED_SUCCESS")):
        instance.add_backfill(
            PartitionBackfill(name, BulkActionStatus[status], False, {}, backfill_timestamp=time.time())
        )
    assert of_kind(find_items(places), DAGSTER_RUN) == {of_another}
    assert part in instance.get_run_ids()


def test_what_a_kept_network_came_from_stays_too(instance, places):
    """The run that trained a network and the run that made its rows stay, even if later runs made both
    again."""
    old_rows = run(instance, "rows", days_ago=400)
    taught = run(instance, "network", days_ago=399)
    stale = run(instance, "rows", days_ago=398)
    run(instance, "rows", days_ago=1)
    run(instance, "network", days_ago=0)
    assert of_kind(find_items(places), DAGSTER_RUN) == {old_rows, taught, stale}
    network_of(places, "net", days_ago=399, champion=True, dagster_run=taught)
    assert of_kind(find_items(places), DAGSTER_RUN) == {stale}


def test_twenty_thousand_partitions_are_looked_through_by_few_statements(instance):
    events = [
        {
            "run_id": f"run{number % 400}",
            "event": "{}" * 1000,
            "dagster_event_type": "ASSET_MATERIALIZATION",
            "asset_key": '["oracle_shards"]',
            "partition": f"sixes|seeds_{number % 20_000}",
        }
        for number in range(40_000)
    ]
    with instance.event_log_storage.index_connection() as connection:
        connection.execute(db.insert(SqlEventLogStorageTable), events)
    statements: list[str] = []

    def note(connection, cursor, statement, *_):
        statements.append(statement)

    db.event.listen(db.Engine, "before_cursor_execute", note)
    try:
        assert runs_with_latest_events(instance) == {f"run{number}" for number in range(400)}
    finally:
        db.event.remove(db.Engine, "before_cursor_execute", note)
    assert len(statements) < 5


# --- MLflow and training folders --------------------------------------------------------------


def network_of(
    places: Places,
    name: str,
    *,
    days_ago: float,
    champion: bool = False,
    parent: Path | None = None,
    dagster_run: str = "",
) -> tuple[str, Path]:
    """Make a tracked run that ended some days ago, and its folder."""
    folder = places.runs / name
    torch.manual_seed(len(name))
    save_model(str(folder / "model"), TokenTransformer(SPEC, ModelConfig(16, 1, 2, 32)))
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").write_bytes(bytes(1000))
    (folder / "result.json").write_text("{}")
    tags = {"forge.folder": str(folder), "forge.model": str(folder / "model"), "dagster.run_id": dagster_run}
    if parent:
        tags["forge.parent_model"] = str(parent)
    tracked = places.tracker.begin(
        TEXAS42.experiment, name, {key: value for key, value in tags.items() if value}
    )
    tracked.folder(folder / "model", "model")
    version = ModelRegistry(places.tracker).register(tracked, "qvalue", {})
    for alias in ("challenger", "champion") if champion else ("challenger",):
        tracked.client.set_registered_model_alias(NAME, alias, version)
    ended = int((time.time() - days_ago * DAY) * 1000)
    tracked.client.set_terminated(tracked.run_id, "FINISHED", ended)
    (folder / "tracking.json").write_text(json.dumps({"uri": tracked.uri, "run_id": tracked.run_id}))
    grow_old(folder, days_ago)
    return tracked.run_id, folder


def grow_old(folder: Path, days: float) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (time.time() - days * DAY,) * 2)


def test_networks_go_that_are_neither_champion_nor_challenger_nor_their_parents(instance, places):
    oldest, oldest_folder = network_of(places, "oldest", days_ago=500)
    parent, parent_folder = network_of(places, "parent", days_ago=400)
    champion, champion_folder = network_of(
        places, "champion", days_ago=300, champion=True, parent=parent_folder / "model"
    )
    loser, loser_folder = network_of(places, "loser", days_ago=200, parent=champion_folder / "model")
    challenger, challenger_folder = network_of(places, "challenger", days_ago=100)
    run(instance, "rows", days_ago=0)

    items = find_items(places)
    assert of_kind(items, MLFLOW_RUN) == {oldest, loser}
    assert of_kind(items, FOLDER) == {str(oldest_folder), str(loser_folder)}
    kept_folders = (parent_folder, champion_folder, challenger_folder)
    assert of_kind(items, CHECKPOINT) == {str(folder / "checkpoints/last.ckpt") for folder in kept_folders}
    client = places.tracker.client()
    artifacts = Path(client.get_run(loser).info.artifact_uri)
    assert artifacts.is_dir()

    for item in remove(places, items):
        if item.kind == MLFLOW_RUN:
            break  # stopped halfway
    list(remove(places, find_items(places)))
    assert not artifacts.exists() and not loser_folder.exists() and not oldest_folder.exists()
    assert {version.run_id for version in client.search_model_versions(f"name = '{NAME}'")} == {
        parent,
        champion,
        challenger,
    }
    experiment = client.get_experiment_by_name(TEXAS42.experiment).experiment_id
    assert {run.info.run_id for run in client.search_runs([experiment], run_view_type=3)} == {
        parent,
        champion,
        challenger,
    }
    for alias, run_id in (("champion", champion), ("challenger", challenger)):
        version = client.get_model_version_by_alias(NAME, alias)
        assert version.run_id == run_id and Path(version.source, "model.safetensors").exists()
    assert all((folder / "model" / "model.json").exists() for folder in kept_folders)
    assert find_items(places) == []


def test_the_network_that_an_asset_trained_last_stays_with_its_parent(instance, places):
    network_of(places, "first", days_ago=400)
    parent, parent_folder = network_of(places, "parent", days_ago=300)
    trained, trained_folder = network_of(places, "self-play", days_ago=200, parent=parent_folder / "model")
    network_of(places, "newest", days_ago=100)
    run(instance, "rows", days_ago=0)
    assert {parent, trained} <= of_kind(find_items(places), MLFLOW_RUN)

    metadata = {"model": str(trained_folder / "model")}
    instance.report_runless_asset_event(dg.AssetMaterialization("self_play_model", metadata=metadata))
    items = find_items(places)
    assert not {parent, trained} & of_kind(items, MLFLOW_RUN)
    assert of_kind(items, FOLDER) == {str(places.runs / "first")}


def test_behind_a_server_a_network_goes_once_and_with_its_files(instance, tmp_path):
    """Its rows stay in the server's database, marked as deleted, until `mlflow gc`."""
    port = free_port()
    with mlflow_server(tmp_path, port):
        tracker = Tracker(uri=f"http://127.0.0.1:{port}")
        places = Places(instance, tracker, Store(str(tmp_path / "store")), tmp_path / "runs")
        loser, folder = network_of(places, "loser", days_ago=200)
        latest, _ = network_of(places, "latest", days_ago=100)
        run(instance, "rows", days_ago=0)
        items = find_items(places)
        assert of_kind(items, MLFLOW_RUN) == {loser} and of_kind(items, FOLDER) == {str(folder)}
        list(remove(places, items))
        assert not of_kind(find_items(places), MLFLOW_RUN)
        kept = {path.parts[-4] for path in (tmp_path / "artifacts").rglob("model.json")}
        versions = [version.run_id for version in tracker.client().search_model_versions(f"name = '{NAME}'")]
        assert kept == {latest} and versions == [latest]


def test_what_may_still_go_on_keeps_its_checkpoint(instance, places):
    for name, files in {
        "begun": {"config.json": '{"train": {"recipe": {"steps": 100}}}', "metrics.csv": "step\n40\n"},
        "over": {"config.json": '{"train": {"recipe": {"steps": 100}}}', "metrics.csv": "step\n50\n100\n"},
        "strange": {"config.json": "[", "metrics.csv": "\n"},
        "by hand": {},
    }.items():
        (places.runs / name / "checkpoints").mkdir(parents=True)
        (places.runs / name / "checkpoints" / "last.ckpt").write_bytes(b"x")
        for file, text in files.items():
            (places.runs / name / file).write_text(text)
        grow_old(places.runs / name, 100)
    run(instance, "rows", days_ago=0)
    assert of_kind(find_items(places), CHECKPOINT) == {str(places.runs / "over/checkpoints/last.ckpt")}
    with Store(str(places.runs / "over")).held():
        assert not find_items(places), "someone trains there"
    assert not find_items(places, days=101)


def test_what_killed_writers_and_other_machines_left_goes(instance, places):
    run(instance, "rows", days_ago=0)
    network_of(places, "champion", days_ago=0, champion=True)
    kept = places.tracker.client().get_model_version_by_alias(NAME, "champion").version
    for number in (int(kept), 99):
        folder = places.runs / "registered" / f"{NAME}-v{number}"
        (folder / "model").mkdir(parents=True)
        (folder / "model" / "model.json").write_text("{}")
        grow_old(folder, 100)
    temporary = Path(places.store.url) / "tokenized" / "train" / ".x.npy.host.1.0123abcd.tmp"
    temporary.parent.mkdir(parents=True)
    temporary.write_bytes(bytes(10))
    os.utime(temporary, (time.time() - 2 * DAY,) * 2)
    items = find_items(places)
    assert of_kind(items, FETCHED) == {str(places.runs / "registered" / f"{NAME}-v99")}
    assert of_kind(items, TEMPORARY) == {str(temporary)}
    list(remove(places, items))
    assert not temporary.exists() and not find_items(places)
    assert (places.runs / "registered" / f"{NAME}-v{kept}").exists()


def test_where_mlflow_cannot_say_what_is_needed_nothing_goes(instance, tmp_path):
    from forge_assets.tracking.errors import TrackerUnusable

    run(instance, "rows", days_ago=200)
    run(instance, "rows", days_ago=0)
    (tmp_path / "no.db").write_bytes(b"no database" * 100)
    places = Places(instance, Tracker(uri=f"sqlite:///{tmp_path}/no.db"), Store(str(tmp_path / "s")))
    with pytest.raises(TrackerUnusable, match=r"no\.db"):
        find_items(places)


# --- by hand and by schedule ------------------------------------------------------------------


def test_the_verb_lists_and_removes_only_when_told(instance, places, tmp_path, monkeypatch, capsys):
    from forge_assets.cli.main import main

    old = run(instance, "rows", days_ago=200)
    run(instance, "rows", days_ago=0)
    shutil.copy(Path(__file__).parent.parent / "dagster_home/dagster.yaml", tmp_path / "home")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FORGE_STORE", places.store.url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", places.tracker.uri)
    runs = ["--runs", str(places.runs)]
    assert main(["prune", *runs]) == 0
    said = capsys.readouterr().out
    assert old in said and "remove it with --yes" in said and old in instance.get_run_ids()
    assert main(["prune", "--json", *runs]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [item["name"] for item in listed["items"]] == [old] and not listed["removed"]
    assert listed["bytes"] > 0
    assert main(["prune", "--days", "0", *runs]) == 2
    capsys.readouterr()
    assert main(["prune", "--yes", *runs]) == 0
    assert "freed" in capsys.readouterr().out and old not in instance.get_run_ids()
    assert main(["prune", *runs]) == 0
    assert "nothing older than 90 days" in capsys.readouterr().out


def test_a_schedule_does_the_same_once_it_is_switched_on(instance, places):
    schedule = retention.prune_weekly
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    old = run(instance, "rows", days_ago=200)
    run(instance, "rows", days_ago=0)
    result = retention.prune.execute_in_process(
        instance=instance,
        run_config={"ops": {"prune_old": {"config": {"runs": str(places.runs)}}}},
        resources={"store": retention.ShardStore(url=places.store.url), "tracker": places.tracker},
    )
    assert result.success and old not in instance.get_run_ids()
