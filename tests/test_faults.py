"""Faults on real disks and in real processes: the message, and proof that nothing was lost.

docs/operations.md lists these faults under "Faults".
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from mounts import fill_up, read_only_view, small_disk
from random_games import record_of
from toy_game import ToySource, toy_config, toy_rows

from forge_assets.in_process import materialize_here
from forge_assets.texas42.partitions import block_range, shard_keys
from forge_assets.texas42.universe import grow_universe
from forge_assets.tracking.errors import TrackerUnusable
from forge_assets.tracking.registry import registered_name
from forge_assets.tracking.tracker import Tracker
from forge_assets.tracking.training import TrainingTracker
from forge_core.errors import BadInput, FileCorrupt, StoreUnusable
from forge_core.files import Store
from forge_core.learning.labelled.callbacks import Checkpoints
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.train import train
from forge_core.learning.runs import CHECKPOINT
from forge_core.splits import Split
from forge_core.texas42.bidding import records as bidding
from forge_core.texas42.bidding.playouts import OraclePlayout
from forge_core.texas42.bidding.records import BiddingConfig, fill_tables, missing_seeds, read_table
from forge_core.texas42.eq import ExactOracle, GameConfig, Sampling
from forge_core.texas42.eq.files import missing_games, read_game
from forge_core.texas42.eq.filling import fill_games, fingerprint_for
from forge_core.texas42.oracle.shards import ShardConfig, fill_shards, missing_shards, read_shard, seed_keys
from forge_core.texas42.oracle.shards import reading as shard_reading
from forge_core.texas42.tokens import splits
from forge_core.texas42.tokens.splits import TOKEN_ROWS, TokenConfig, TokenStore

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parent.parent
KEYS = seed_keys(range(12), "seed")
SHARDS = ShardConfig(rows=600)
ROWS = TokenConfig(rows_per_shard=100)
PLAYING = GameConfig(Sampling(1, points=False))
BIDDING = BiddingConfig(OraclePlayout(), samples=1)
FEW_STEPS = toy_config(recipe={"steps": 30})
FULL = "No space left on device; free some space"


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Store:
    """Twelve shards, which tests do not change."""
    store = Store(str(tmp_path_factory.mktemp("shards")))
    assert not failed(fill_shards(store.join("shards-standard"), KEYS, SHARDS, "cpu"))
    return store


@pytest.fixture
def disk(tmp_path):
    """A disk of four megabytes."""
    with small_disk(tmp_path / "disk", "4m") as disk:
        yield disk


def failed(reports) -> list[str]:
    return [report.error for report in reports if report.error]


def temporaries(place: Path) -> list[Path]:
    return [path for path in place.rglob(".*") if path.is_file() and path.name != ".ballast"]


def same_files(one: Store, other: Store) -> bool:
    """Return True if two folders hold the same names with the same bytes."""
    return one.names() == other.names() and all(one.read(name) == other.read(name) for name in one.names())


# --- a full disk ------------------------------------------------------------------------------


def test_shards_on_a_full_disk(disk, shards):
    store = Store(str(disk)).join("shards-standard")
    ballast = fill_up(disk, leave=60_000)
    errors = failed(fill_shards(store, KEYS, SHARDS, "cpu"))
    there = store.join("train").names()
    assert 0 < len(there) < len(KEYS) and len(errors) == len(KEYS) - len(there)
    assert (
        str(disk) in errors[0]
        and FULL in errors[0]
        and "not tried, because 3 writes in a row failed" in errors[-1]
    )
    for name in there:
        read_shard(store, name)
    assert not temporaries(disk)
    ballast.unlink()
    reports = list(fill_shards(store, KEYS, SHARDS, "cpu"))
    assert not failed(reports) and sum(report.made for report in reports) == len(KEYS) - len(there)
    assert same_files(store.join("train"), shards.join("shards-standard", "train"))


def test_rows_on_a_full_disk(disk, shards, tmp_path):
    out = Store(str(disk))
    ballast = fill_up(disk, leave=30_000)
    with pytest.raises(StoreUnusable, match=f"cannot write {disk}/tokenized/train/.*{FULL}"):
        TOKEN_ROWS.update(shards, out, Split.TRAIN, ROWS)
    there = TOKEN_ROWS.folder_of(out, Split.TRAIN).names(".npy")
    assert 0 < len(there) < len(KEYS) and not temporaries(disk)
    with pytest.raises(BadInput, match="does not exist: make it with forge tokenize"):
        TokenStore(out, Split.TRAIN)
    ballast.unlink()
    made = []
    manifest = TOKEN_ROWS.update(shards, out, Split.TRAIN, ROWS, on_file=made.append)
    assert len(made) == len(KEYS) - len(there) and len(TokenStore(out, Split.TRAIN).rows()) == manifest.rows
    assert TOKEN_ROWS.update(shards, Store(str(tmp_path / "other")), Split.TRAIN, ROWS) == manifest


def test_a_manifest_on_a_full_disk_is_the_old_one(disk, shards):
    """All row files fit on the disk, but the new manifest does not."""
    out = Store(str(disk))
    old = TOKEN_ROWS.update(shards, out, Split.TRAIN, TokenConfig(rows_per_shard=50))
    write = Store.write

    def fill_before(self, name, data):
        if name == "manifest.json":
            fill_up(disk, leave=0)
        write(self, name, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "write", fill_before)
        with pytest.raises(StoreUnusable, match=rf"manifest\.json: {FULL}"):
            TOKEN_ROWS.update(shards, out, Split.TRAIN, ROWS)
    assert len(TokenStore(out, Split.TRAIN).rows()) == old.rows, "the rows of before are still there"
    (disk / ".ballast").unlink()
    made = []
    assert TOKEN_ROWS.update(shards, out, Split.TRAIN, ROWS, on_file=made.append).rows == 1200 and not made


def test_games_and_bidding_tables_on_a_full_disk(disk):
    store, keys = Store(str(disk)), KEYS[:6]
    ballast = fill_up(disk, leave=60_000)
    reports = []
    with pytest.raises(StoreUnusable, match=f"cannot write {disk}/eq-games/train/.*{FULL}"):
        for report in fill_games(store.join("eq-games"), keys, ExactOracle(), PLAYING, device="cpu"):
            reports.append(report)
    with pytest.raises(StoreUnusable, match=f"cannot write {disk}/bidding-results/train/.*{FULL}"):
        list(fill_tables(store.join("bidding-results"), range(3), BIDDING))
    games, tables = (store.join(place, "train").names() for place in ("eq-games", "bidding-results"))
    assert len(games) == len(reports) < len(keys) and not temporaries(disk)
    ballast.unlink()
    again = list(fill_games(store.join("eq-games"), keys, ExactOracle(), PLAYING, device="cpu"))
    assert not failed(again) and sum(report.made for report in again) == len(keys) - len(games)
    assert len(list(fill_tables(store.join("bidding-results"), range(3), BIDDING))) == 3 - len(tables)


def test_training_on_a_full_disk_goes_on_as_if_nothing_had_happened(disk, tmp_path):
    rows = toy_rows(500, "val")
    whole = train(TrainingJob(FEW_STEPS, ToySource(), rows, tmp_path / "whole"))

    def fill(point) -> None:
        if point["step"] == 20:
            fill_up(disk, leave=0)

    with pytest.raises(StoreUnusable, match=f"cannot write {disk}/run/.*{FULL}"):
        train(TrainingJob(FEW_STEPS, ToySource(), rows, disk / "run"), on_point=fill)
    assert not temporaries(disk)
    Checkpoints().load_checkpoint(disk / "run" / CHECKPOINT)
    (disk / ".ballast").unlink()
    resumed = train(TrainingJob(FEW_STEPS, ToySource(), rows, disk / "run"), resume=True)
    weights = [(Path(of.model) / "model.safetensors").read_bytes() for of in (whole, resumed)]
    assert weights[0] == weights[1] and [p["step"] for p in resumed.points] == [10, 20, 30]


def test_a_run_of_the_pipeline_on_a_full_disk(disk):
    settings, resources = {"rows": "280"}, {"store": {"url": str(disk)}}
    wanted = [key for name in dg_partitions() for key in shard_keys(name, "one")]
    with dg.DagsterInstance.ephemeral() as instance:
        grow_universe(instance)
        ballast = fill_up(disk, leave=150_000)
        run = materialize_here("oracle_shards", instance, block_range(0, 0), settings, resources)
        assert not run.success
        known = instance.get_materialized_partitions(dg.AssetKey("oracle_shards"))
        store, config = Store(str(disk)).join("shards-standard"), ShardConfig(rows=280)
        missing = missing_shards(store, wanted, config)
        assert 0 < len(missing) < len(wanted) and not temporaries(disk)
        (failure,) = [event.step_failure_data for event in run.all_events if event.is_step_failure]
        said = failure.user_failure_data.description
        assert f"{len(missing)} of 50 deals failed; the others are complete" in said and FULL in said
        ballast.unlink()
        again = materialize_here("oracle_shards", instance, block_range(0, 0), settings, resources)
        events = again.asset_materializations_for_node("oracle_shards")
        assert again.success and sum(event.metadata["made"].value for event in events) == len(missing)
        done = instance.get_materialized_partitions(dg.AssetKey("oracle_shards"))
        assert set(known) < set(done) == set(dg_partitions())


def dg_partitions() -> list[str]:
    from forge_assets.texas42.blocks import block_name
    from forge_core.texas42.declarations import NAMES

    return [f"{name}|{block_name(0)}" for name in NAMES]


DATA = {"version": "0" * 16, "kind": "stored", "rows": 64}


def followed(tracker: Tracker, folder: Path, resume: bool = False, on_point=lambda point: None):
    """A toy network, trained and tracked as `forge-pipeline train` does it."""

    def point(follower, of_run):
        follower.point(of_run)
        on_point(of_run)

    following = TrainingTracker(tracker).follow(FEW_STEPS, folder, DATA, None, resume)
    with following as follower:
        result = train(
            TrainingJob(FEW_STEPS, ToySource(), toy_rows(500, "val"), folder, data=DATA),
            resume=resume,
            on_point=lambda of_run: point(follower, of_run),
        )
        follower.finish(result)
    return result


def test_mlflow_on_a_full_disk_stops_no_training_and_is_told_the_rest_later(tmp_path, caplog):
    with small_disk(tmp_path / "disk", "8m") as disk:
        tracker = Tracker(uri=f"sqlite:///{disk}/mlflow.db")

        def fill(point) -> None:
            if point["step"] == 20:
                fill_up(disk, leave=0)

        with pytest.raises(TrackerUnusable, match=rf"MLflow at .*{disk}.*; free some space there"):
            followed(tracker, tmp_path / "run", on_point=fill)
        assert (
            "evaluations are waiting" in caplog.text and (tmp_path / "run" / "model" / "model.json").exists()
        )
        (disk / ".ballast").unlink()
        followed(tracker, tmp_path / "run", resume=True)
        run = tracker.reopen(tmp_path / "run")
        assert run.steps("loss") == {10, 20, 30}
        assert run.client.get_run(run.run_id).info.status == "FINISHED"
        assert len(run.client.search_model_versions(f"name = '{registered_name('qvalue')}'")) == 1


# --- read-only --------------------------------------------------------------------------------


def test_what_may_only_be_read_is_said_and_read(disk, shards, tmp_path):
    rows = toy_rows(500, "val")
    TOKEN_ROWS.update(shards, Store(str(disk)), Split.TRAIN, ROWS)
    Tracker(uri=f"sqlite:///{disk}/mlflow.db").begin("x", "first", {})
    with read_only_view(disk, tmp_path / "view") as view:
        store, tracker = Store(str(view)), Tracker(uri=f"sqlite:///{view}/mlflow.db")
        said = "Read-only file system; choose a store that is not read-only"
        errors = failed(fill_shards(store.join("shards-standard"), KEYS[:4], SHARDS, "cpu"))
        assert len(errors) == 4 and said in errors[0]
        for write in (
            lambda: TOKEN_ROWS.update(shards, store, Split.TRAIN, ROWS),
            lambda: list(fill_games(store.join("eq-games"), KEYS[:1], ExactOracle(), PLAYING, device="cpu")),
            lambda: list(fill_tables(store.join("bidding-results"), [0], BIDDING)),
            lambda: train(TrainingJob(FEW_STEPS, ToySource(), rows, view / "run")),
        ):
            with pytest.raises(StoreUnusable, match=f"{view}.*{said}"):
                write()
        with pytest.raises(TrackerUnusable, match="get write permission there"):
            tracker.begin("x", "second", {})
        assert len(TokenStore(store, Split.TRAIN).rows()) == 1200


# --- two at once ------------------------------------------------------------------------------

WRITER = """
import sys, time
from pathlib import Path
from forge_core.errors import ForgeError
from forge_core.files import Store
from forge_core.texas42.eq import ExactOracle, GameConfig, Sampling
from forge_core.texas42.eq.filling import fill_games
from forge_core.texas42.oracle.shards import ShardConfig, fill_shards, seed_keys
from forge_core.splits import Split
from forge_core.texas42.tokens.splits import TOKEN_ROWS, TokenConfig
what, place, source, rows = sys.argv[1:]
keys, store = seed_keys(range(12), "seed"), Store(place)
work = {
    "shards": lambda: list(fill_shards(store.join("shards-standard"), keys, ShardConfig(rows=600), "cpu")),
    "games": lambda: list(fill_games(store, keys, ExactOracle(), GameConfig(Sampling(1, points=False)),
        batch=2, device="cpu")),
    "rows": lambda: TOKEN_ROWS.update(Store(source), store, Split.TRAIN,
        TokenConfig(rows_per_shard=int(rows))),
}
print("ready", flush=True)
sys.stdin.readline()
try:
    done = work[what]()
    errors = [report.error for report in done if report.error] if isinstance(done, list) else []
    print(errors or "well")
except ForgeError as error:
    print(f"{type(error).__name__}: {error}")
"""


def together(what: str, place: Path, source: str = "", rows: tuple[int, ...] = (100, 100)) -> list[str]:
    """Return the outputs of processes that start the same work at the same moment."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": PROJECT}
    commands = [[sys.executable, "-c", WRITER, what, str(place), source, str(n)] for n in rows]
    writers = [subprocess.Popen(command, **pipes) for command in commands]
    assert all(writer.stdout.readline() == "ready\n" for writer in writers)
    for writer in writers:
        print("go", file=writer.stdin, flush=True)
    said = [writer.communicate(timeout=300)[0].strip() for writer in writers]
    assert all(writer.returncode == 0 for writer in writers)
    return said


def test_two_that_fill_the_same_shards_end_well(tmp_path, shards):
    assert together("shards", tmp_path) == ["well", "well"]
    mine, theirs = (store.join("shards-standard", "train") for store in (Store(str(tmp_path)), shards))
    assert same_files(mine, theirs) and not temporaries(tmp_path)


def test_two_that_play_the_same_games_end_well(tmp_path):
    assert together("games", tmp_path / "two") == ["well", "well"]
    alone = Store(str(tmp_path / "one"))
    assert not failed(fill_games(alone, KEYS, ExactOracle(), PLAYING, batch=2, device="cpu"))
    assert same_files(Store(str(tmp_path / "two")).join("train"), alone.join("train"))


@pytest.mark.parametrize("rows", [(100, 100), (100, 90, 80)])
def test_of_those_that_draw_rows_into_one_split_all_end_well_or_are_refused(tmp_path, shards, rows):
    said = together("rows", tmp_path / "out", shards.url, rows)
    refused = [words for words in said if words != "well"]
    assert len(refused) < len(rows)
    assert all(
        "another process is writing" in words and "wait until it has ended" in words for words in refused
    )
    out = Store(str(tmp_path / "out"))
    found = TokenStore(out, Split.TRAIN)
    assert len(found.rows()) == len(found) in {12 * n for n in rows}, (
        "the manifest names files that are there"
    )
    how = found.manifest.config
    alone = TOKEN_ROWS.update(shards, Store(str(tmp_path / "alone")), Split.TRAIN, how)
    assert found.manifest == alone
    assert all(
        TOKEN_ROWS.folder_of(out, Split.TRAIN).read(file.name)
        == TOKEN_ROWS.folder_of(Store(str(tmp_path / "alone")), Split.TRAIN).read(file.name)
        for file in alone.files
    )


def test_rows_that_vanish_while_others_are_made_are_noticed(tmp_path, shards):
    """An object store has no locks, so a deletion by another process is found before the manifest is
    written."""
    out, made = Store(f"memory://{tmp_path.name}"), []

    def delete_the_first(file):
        made.append(file)
        if len(made) == 5:
            TOKEN_ROWS.folder_of(out, Split.TRAIN).delete(made[0].name)

    with pytest.raises(StoreUnusable, match=r"another process has deleted .*, then run forge tokenize again"):
        TOKEN_ROWS.update(shards, out, Split.TRAIN, ROWS, workers=1, on_file=delete_the_first)
    again = []
    TOKEN_ROWS.update(shards, out, Split.TRAIN, ROWS, on_file=again.append)
    assert len(again) == 1 and len(TokenStore(out, Split.TRAIN).rows()) == 1200


TRAINING = ["train", "--data", "{store}", "--size", "73k", "--steps", "{steps}", "--evaluate-every", "2"]
TRAINING += ["--batch-size", "64", "--threads", "1", "--name", "run", "--runs", "{runs}", "--device", "cpu"]


def forge(arguments: list[str], **words) -> subprocess.Popen:
    command = [str(Path(sys.executable).with_name("forge")), *(part.format(**words) for part in arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT)


def rows_to_learn_from(place: Path) -> Store:
    store = Store(str(place))
    keys = [*KEYS[:4], *seed_keys([930, 931], "seed")]
    assert not failed(fill_shards(store.join("shards-standard"), keys, SHARDS, "cpu"))
    for split in (Split.TRAIN, Split.VAL):
        TOKEN_ROWS.update(store, store, split, ROWS)
    return store


def test_of_two_that_train_in_one_folder_one_is_refused_and_harms_nothing(tmp_path):
    store = rows_to_learn_from(tmp_path / "store")
    first = forge(TRAINING, store=store.url, runs=tmp_path / "runs", steps=200)
    config = tmp_path / "runs" / "run" / "config.json"
    while not config.exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.05)
    before = config.read_bytes()
    second = forge([*TRAINING, "--seed", "5"], store=store.url, runs=tmp_path / "runs", steps=200)
    said = second.communicate(timeout=120)[1]
    assert second.returncode == 2 and f"another process is writing {tmp_path}/runs/run: wait until" in said
    assert first.poll() is None, "it was over too soon to be disturbed"
    assert config.read_bytes() == before
    first.kill()
    first.wait()
    last = Checkpoints().load_checkpoint(tmp_path / "runs" / "run" / CHECKPOINT)
    assert last["global_step"] >= 0 and not (tmp_path / "runs" / "run" / "tracking.json").exists()


# --- kill -9 ----------------------------------------------------------------------------------


def killed_when(command: list[str], condition) -> None:
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print("go", file=process.stdin, flush=True)
    while process.poll() is None and not condition():
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was over before it could be killed"


def test_rows_whose_maker_was_killed_are_added_to(tmp_path, shards):
    out = Store(str(tmp_path / "out"))
    folder = TOKEN_ROWS.folder_of(out, Split.TRAIN)
    command = [sys.executable, "-c", WRITER, "rows", out.url, shards.url, "100"]
    killed_when(command, lambda: len(folder.names(".npy")) >= 2)
    there = folder.names(".npy")
    assert 2 <= len(there) < 12 and not folder.exists("manifest.json")
    made = []
    manifest = TOKEN_ROWS.update(shards, out, Split.TRAIN, ROWS, on_file=made.append)
    assert len(made) == 12 - len(there)
    assert TOKEN_ROWS.update(shards, Store(str(tmp_path / "alone")), Split.TRAIN, ROWS) == manifest


def test_games_whose_player_was_killed_are_added_to(tmp_path):
    store = Store(str(tmp_path / "games"))
    command = [sys.executable, "-c", WRITER, "games", store.url, "", "0"]
    killed_when(command, lambda: len(store.join("train").names()) >= 2)
    there = store.join("train").names()
    for name in there:
        read_game(store, name)
    missing = missing_games(store, KEYS, fingerprint_for(ExactOracle(), PLAYING))
    assert len(missing) == 12 - len(there) > 0
    reports = list(fill_games(store, KEYS, ExactOracle(), PLAYING, device="cpu"))
    assert not failed(reports) and sum(report.made for report in reports) == len(missing)


REGISTERING = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, "tests")
from test_faults import followed
from forge_assets.tracking.tracker import Tracker
from mlflow import MlflowClient
def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
setattr(MlflowClient, sys.argv[3], die)
followed(Tracker(uri=sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("step", ["create_model_version", "set_registered_model_alias"])
def test_a_registration_that_was_killed_is_finished_by_the_repeat(tmp_path, step):
    uri, folder = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "run"
    killed = subprocess.run(
        [sys.executable, "-c", REGISTERING, uri, str(folder), step],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    tracker = Tracker(uri=uri)
    followed(tracker, folder, resume=True)
    name, client = registered_name("qvalue"), tracker.client()
    (version,) = client.search_model_versions(f"name = '{name}'")
    assert client.get_model_version_by_alias(name, "challenger").version == version.version
    assert (Path(version.source) / "model.safetensors").exists()
    run = tracker.reopen(folder)
    assert version.run_id == run.run_id and client.get_run(run.run_id).info.status == "FINISHED"


# --- another schema ---------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 2])
def test_files_of_another_schema_are_gaps_and_say_what_makes_them_anew(tmp_path, monkeypatch, version):
    """Files written by an older or newer schema are neither read nor taken for foreign files; they are
    made again."""
    store, key = Store(str(tmp_path)), KEYS[0]
    place = store.join("shards-standard")
    (report,) = fill_shards(place, [key], SHARDS, "cpu")
    whole = place.join("train").read(key.filename)
    shard = read_shard(place, key)
    shard_reading.write_shard(place, replace(shard, header=replace(shard.header, schema_version=version)))
    with pytest.raises(FileCorrupt) as caught:
        read_shard(place, key)
    assert f"its schema has version {version}, but this code reads version 1" in str(caught.value)
    assert f"forge shards --seeds 0 --decl blanks --out {tmp_path}" in str(caught.value)
    with pytest.raises(FileCorrupt, match="its schema has version"):
        TOKEN_ROWS.update(store, store, Split.TRAIN, ROWS)
    assert missing_shards(place, [key], SHARDS) == [key]
    (report,) = fill_shards(place, [key], SHARDS, "cpu")
    assert report.made and place.join("train").read(key.filename) == whole

    from forge_core.texas42.eq import files as games

    record = record_of(42)
    with monkeypatch.context() as patch:
        patch.setattr(games, "SCHEMA_VERSION", version)
        games.write_game(store, record)
    with pytest.raises(FileCorrupt, match=rf"its schema has version {version}, .*forge eq --seeds 42"):
        read_game(store, record.key)
    assert missing_games(store, [record.key], record.fingerprint) == [record.key]

    with monkeypatch.context() as patch:
        patch.setattr(bidding, "SCHEMA_VERSION", version)
        list(fill_tables(store, [0], BIDDING))
    with pytest.raises(FileCorrupt, match=rf"its schema has version {version}, .*forge bid-tables --seeds 0"):
        read_table(store, 0)
    assert missing_seeds(store, [0], BIDDING) == [0]
    assert len(list(fill_tables(store, [0], BIDDING))) == 1 and not missing_seeds(store, [0], BIDDING)


def test_rows_of_another_version_are_drawn_anew_and_never_mixed(tmp_path, shards, monkeypatch):
    out = Store(str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(splits, "TOKENS_VERSION", "t0")
        old = replace(TOKEN_ROWS, version="t0").update(shards, out, Split.TRAIN, ROWS)
    with pytest.raises(
        BadInput, match="has version t0, but this code reads version t1: make it again with forge"
    ):
        TokenStore(out, Split.TRAIN)
    made = []
    new = TOKEN_ROWS.update(shards, out, Split.TRAIN, ROWS, on_file=made.append)
    assert len(made) == 12 and not {file.name for file in old.files} & {file.name for file in new.files}


def test_networks_and_checkpoints_of_another_schema_are_refused(tmp_path, monkeypatch):
    from forge_core.learning import resumption
    from forge_core.learning.checkpoints import load_model

    rows = toy_rows(500, "val")
    with monkeypatch.context() as patch:
        patch.setattr(resumption, "CHECKPOINT_SCHEMA", 2)
        result = train(TrainingJob(FEW_STEPS, ToySource(), rows, tmp_path / "run"))
    with pytest.raises(BadInput, match=r"last\.ckpt has schema 2, but this code reads schema 1: .*init_from"):
        train(TrainingJob(FEW_STEPS, ToySource(), rows, tmp_path / "run"), resume=True)
    card = Path(result.model) / "model.json"
    record = json.loads(card.read_text())
    card.write_text(json.dumps({**record, "schema_version": 2}))
    with pytest.raises(
        BadInput, match=r"model\.json has schema 2, but this code reads schema 1: .*forge train"
    ):
        load_model(result.model)
    del record["schema_version"]  # of before there was one
    card.write_text(json.dumps(record))
    load_model(result.model)


def test_the_clock_is_in_no_result(tmp_path, monkeypatch):
    """With the clock a year ahead or a year back, files, rows and weights are the same."""
    stores = []
    for number, jump in enumerate((0.0, 3e7, -3e7)):
        with monkeypatch.context() as patch:
            now = time.time
            patch.setattr(time, "time", lambda jump=jump, now=now: now() + jump)
            store = rows_to_learn_from(tmp_path / str(number))
            train(TrainingJob(FEW_STEPS, ToySource(), toy_rows(500, "val"), tmp_path / str(number) / "run"))
            stores.append(store)
    for place in ("shards-standard/train", "tokenized/train"):
        assert all(same_files(stores[0].join(place), store.join(place)) for store in stores[1:])
    weights = {(tmp_path / str(n) / "run/model/model.safetensors").read_bytes() for n in range(3)}
    assert len(weights) == 1 and not os.listdir(stores[0].join("tokenized/train").url)[0].endswith(".tmp")
