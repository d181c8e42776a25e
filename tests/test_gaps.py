"""Gaps: found on disk and in the records, reported by partition, and repaired by a real backfill."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster._daemon.types import DaemonHeartbeat
from random_games import record_of
from running import daemon, new_home

from forge_assets.cli.main import main as forge_pipeline
from forge_assets.gaps.backfill import is_daemon_up, mend
from forge_assets.gaps.find import find_gaps
from forge_assets.gaps.report import DIFFERENT, OUTDATED, UNRECORDED, UPSTREAM, GapQuery
from forge_assets.texas42 import versions
from forge_assets.texas42.blocks import block_name
from forge_assets.texas42.oracle_shards import version_of
from forge_assets.texas42.partitions import block_keys, golden_partitions, partitions_text, shard_keys
from forge_assets.texas42.universe import grow_universe
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.files.inspection import Condition
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.eq.files import write_game
from forge_core.texas42.oracle.shards import (
    ShardConfig,
    ShardKey,
    fill_shards,
    read_shard,
    settings_made,
    write_shard,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]

CONFIG = ShardConfig(rows=280)
BLOCK = block_name(0)
ALL = [f"{name}|{BLOCK}" for name in NAMES]
FIVES, SIXES = f"fives|{BLOCK}", f"sixes|{BLOCK}"
FILE = "shards-standard/train/seed_{:08d}_decl_{}.parquet"


@pytest.fixture(scope="module")
def solved(tmp_path_factory) -> Path:
    """A store with the fifty deals of block 0; never changed."""
    root = tmp_path_factory.mktemp("solved")
    keys = [key for partition in ALL for key in shard_keys(partition, "one")]
    reports = fill_shards(Store(str(root)).join("shards-standard"), keys, CONFIG, "cpu")
    assert not [report.error for report in reports if report.error]
    return root


@pytest.fixture
def root(solved, tmp_path) -> Path:
    return Path(shutil.copytree(solved, tmp_path / "store"))


def record(instance, partitions=ALL, config=CONFIG, code=versions.SHARDS) -> None:
    """Record partitions of oracle_shards in Dagster as done."""
    for partition in partitions:
        names = [key.filename for key in shard_keys(partition, "one")]
        tags = {
            "dagster/code_version": code,
            "dagster/data_version": version_of(settings_made(config), names),
        }
        instance.report_runless_asset_event(
            dg.AssetMaterialization("oracle_shards", partition=partition, tags=tags)
        )


def inspect_files(root, instance, blocks=None, assets=(), verify=False, **settings):
    return find_gaps(GapQuery(blocks, assets, settings, verify), Store(str(root)), instance)


def kinds(found, asset="oracle_shards") -> dict[str, tuple[str, ...]]:
    """Return the faults by partition."""
    (of,) = (of for of in found.assets if of.asset == asset)
    return {gap.partition: gap.kinds for gap in of.gaps}


def truncate(shard: Path) -> None:
    shard.write_bytes(shard.read_bytes()[:-100])


def tamper(shard: Path) -> None:
    """Change one byte of the rows and leave the footer as it was."""
    data = bytearray(shard.read_bytes())
    data[len(data) // 4] ^= 0xFF
    shard.write_bytes(data)


def grow_old(shard: Path) -> None:
    """Write the shard as an earlier version of the algorithm would have."""
    store = Store(str(shard.parent.parent))
    found = read_shard(store, shard.name)
    old = CONFIG.fingerprint_of(found.header.oracle_version, "s0")
    write_shard(store, replace(found, header=replace(found.header, shards_version="s0", fingerprint=old)))


def make_plain(shard: Path) -> None:
    """Replace a shard by one from another program."""
    found = read_shard(Store(str(shard.parent.parent)), shard.name)
    columns = {"state": found.state, "V": found.value}
    columns |= {f"q{slot}": np.ascontiguousarray(found.q[:, slot]) for slot in range(7)}
    told = {"seed": str(found.header.seed), "decl_id": str(found.header.decl)}
    pq.write_table(pa.table(columns).replace_schema_metadata(told), shard)


# what is found


def test_a_whole_store_of_recorded_shards_has_no_gaps(root, instance):
    record(instance)
    found = inspect_files(root, instance)
    (of,) = found.assets
    assert (of.asset, of.partitions, of.files, of.gaps) == ("oracle_shards", tuple(ALL), 50, ())
    assert of.settings == {"rows": 280, "sample_seed": 0} and found.whole
    assert "shard_catalog" in {wanted.name for wanted in found.never_made} and not found.stale


def test_every_gap_is_told_by_partition_with_file_and_reason(root, instance):
    record(instance, ALL[:7])  # three are not
    record(instance, [f"blanks|{BLOCK}"], code="s0/o1")
    record(instance, [f"ones|{BLOCK}"], ShardConfig(rows=300))
    (root / FILE.format(5, 5)).unlink()
    truncate(root / FILE.format(6, 6))
    tamper(root / FILE.format(16, 6))
    grow_old(root / FILE.format(4, 4))
    list(fill_shards(Store(str(root)).join("shards-standard"), [ShardKey(3, 3)], ShardConfig(rows=300)))
    make_plain(root / FILE.format(2, 2))
    found = inspect_files(root, instance)
    expected = {
        "blanks": (OUTDATED,),
        "ones": (DIFFERENT,),
        "twos": (Condition.FOREIGN,),
        "threes": (Condition.DIFFERENT_SETTINGS,),
        "fours": (Condition.STALE,),
        "fives": (Condition.MISSING,),
        "sixes": (Condition.CORRUPT,),
        "doubles-trump": (UNRECORDED,),
        "doubles-suit": (UNRECORDED,),
        "notrump": (UNRECORDED,),
    }
    assert kinds(found) == {f"{name}|{BLOCK}": of for name, of in expected.items()}
    faults = {gap.partition.split("|")[0]: gap.files for gap in found.assets[0].gaps}
    assert faults["twos"][0][0] == FILE.format(2, 2) and "foreign file" in faults["twos"][0][1]
    assert faults["threes"] == ((FILE.format(3, 3), "made with rows 300, sample_seed 0"),)
    assert faults["fours"] == ((FILE.format(4, 4), "made by version s0/o1"),)
    assert faults["fives"] == () and found.assets[0].gaps[5].missing == 1
    (path, reason), *rest = faults["sixes"]
    assert path == FILE.format(6, 6) and "truncated" in reason and "forge shards --seeds 6" in reason
    assert not rest, "the footer alone does not tell that rows were tampered with"
    verified = inspect_files(root, instance, verify=True).assets[0].gaps[6]
    assert [path for path, _ in verified.files] == [FILE.format(6, 6), FILE.format(16, 6)]
    mendable = set(found.assets[0].mendable)
    assert mendable == set(kinds(found)) - {f"twos|{BLOCK}"}, "foreign files are never overwritten"


def test_a_range_is_asked_of_oracle_shards_and_of_what_is_named(root, instance):
    record(instance)
    assert inspect_files(root, instance, blocks=(0,)).whole
    found = inspect_files(root, instance, blocks=(0, 1))
    assert set(kinds(found)) == {f"{name}|{block_name(1)}" for name in NAMES}
    assert set(kinds(found).values()) == {(Condition.MISSING, UNRECORDED)}
    games = inspect_files(root, instance, blocks=(0, 1), assets=("eq_games",))
    assert set(kinds(games, "eq_games")) == {block_name(0), block_name(1)} and len(games.assets) == 1
    golden = inspect_files(root, instance, assets=("golden_shards",))
    assert set(kinds(golden, "golden_shards")) == set(golden_partitions.get_partition_keys())


def test_begun_is_what_the_store_or_dagster_has(root, instance):
    record(instance, [f"sixes|{block_name(7)}"])
    found = inspect_files(root, instance)
    assert {partition.split("|")[1] for partition in found.assets[0].partitions} == {BLOCK, block_name(7)}
    assert kinds(found)[f"sixes|{block_name(7)}"] == (Condition.MISSING,)


def test_settings_are_those_of_most_shards_unless_asked_for(root, instance):
    record(instance)
    found = inspect_files(root, instance, rows=50_000)
    assert set(kinds(found).values()) == {(Condition.DIFFERENT_SETTINGS, DIFFERENT)}
    config = found.assets[0].run_config["ops"]["oracle_shards"]["config"]
    assert config == {"rows": "50000", "sample_seed": 0, "declarations": "one", "verify": True}
    assert inspect_files(root, instance, rows="all").assets[0].settings == {"rows": "all"}
    empty = inspect_files(root / "elsewhere", instance, blocks=(0,))
    assert empty.assets[0].settings == settings_made(ShardConfig())


def test_marginalized_shards_are_held_to_as_many_opponents_as_there_are(root, instance):
    folder = Store(str(root)).join("shards-marginalized")
    keys = [ShardKey(6, 6, 0), ShardKey(6, 6, 1)]
    assert all(report.made for report in fill_shards(folder, keys, CONFIG, "cpu"))
    of = inspect_files(root, instance).assets[1]
    assert of.asset == "marginalized_shards" and of.files == 100
    assert next(gap for gap in of.gaps if gap.partition == SIXES).missing == 8
    assert of.run_config["ops"]["marginalized_shards"]["config"]["opponents"] == 2


def test_what_is_bad_is_said(root, instance):
    with pytest.raises(BadInput, match="file by file"):
        inspect_files(root, instance, assets=("shard_catalog",))
    with pytest.raises(BadInput, match=r"use 0\.\.9999"):
        inspect_files(root, instance, blocks=(10_000,))


# games


@pytest.fixture
def games(tmp_path) -> Path:
    """Fifty games of random play in a store."""
    for key in block_keys(BLOCK):
        game = record_of(key.seed)
        settings = {**game.settings, "version": versions.EQ}
        write_game(Store(str(tmp_path / "store")).join("eq-games"), replace(game, settings=settings))
    return tmp_path / "store"


def record_games(instance, settings: str, network: str = "n1", run_id: str = "") -> None:
    tags = {
        "dagster/code_version": versions.EQ_GAMES,
        "dagster/data_version": "d",
        "dagster/input_data_version/oracle_model": network,
    }
    event = dg.AssetMaterialization("eq_games", partition=BLOCK, metadata={"settings": settings}, tags=tags)
    instance.report_runless_asset_event(event)


def test_games_are_held_to_the_settings_of_their_record(games, instance):
    found = inspect_files(games, instance)
    (of,) = found.assets
    assert kinds(found, "eq_games") == {BLOCK: (UNRECORDED,)}
    assert of.mendable == [], "with which settings, nobody recorded"
    settings = of.settings["settings"]
    record_games(instance, settings)
    assert inspect_files(games, instance).whole
    name = "eq-games/train/seed_00000004_decl_4.parquet"
    (games / name).unlink()
    tamper(games / "eq-games/train/seed_00000006_decl_6.parquet")
    assert kinds(inspect_files(games, instance), "eq_games") == {BLOCK: (Condition.MISSING,)}
    assert kinds(inspect_files(games, instance, verify=True), "eq_games") == {
        BLOCK: (Condition.MISSING, Condition.CORRUPT)
    }
    record_games(instance, "0123456789abcdef")
    assert kinds(inspect_files(games, instance), "eq_games") == {
        BLOCK: (Condition.MISSING, Condition.DIFFERENT_SETTINGS)
    }


def test_games_by_an_older_network_are_told_and_left(games, instance):
    record_games(instance, inspect_files(games, instance).assets[0].settings["settings"])
    learnt = {"dagster/data_version": "n2", "dagster/code_version": versions.MODEL}
    instance.report_runless_asset_event(
        dg.AssetMaterialization("oracle_model", partition="qvalue", tags=learnt)
    )
    found = inspect_files(games, instance)
    assert kinds(found, "eq_games") == {BLOCK: (UPSTREAM,)} and not found.assets[0].mendable


# as text, and as a program reads it


def test_partitions_are_told_in_few_words():
    names = [f"{name}|{block_name(block)}" for name in ("fives", "sixes") for block in (0, 1, 2, 7)]
    assert partitions_text(names) == "blocks 0-2, 7 of fives, sixes"
    assert partitions_text([*ALL, f"ones|{block_name(1)}"]) == (
        "block 0 of blanks, twos, threes, fours, fives, sixes, doubles-trump, doubles-suit, notrump; "
        "blocks 0-1 of ones"
    )
    assert partitions_text(ALL) == "block 0 of all declarations"
    assert partitions_text([block_name(3), block_name(4)]) == "blocks 3-4"
    assert partitions_text(["sixes|seed_000900"]) == "seed 900 of sixes"


@pytest.fixture
def told(root, tmp_path, monkeypatch, capsys):
    """Run the command line on the store of the test; return exit status and output."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("FORGE_STORE", str(root))

    def run(*arguments: str) -> tuple[int, str]:
        status = forge_pipeline(["gaps", *arguments])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def test_an_empty_store_is_not_called_whole(told, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_STORE", str(tmp_path / "empty"))
    status, said = told()
    assert status == 0 and "no files were inspected" in said and "nothing is missing" not in said
    for blocks in ((), ("--blocks", "0")):
        status, said = told("--rows", "0", *blocks)
        assert status == 2 and "0 rows: use at least" in said


def test_blocks_of_deals_do_not_choose_generations(root, instance):
    (root / "liuzhou-games" / "g003").mkdir(parents=True)
    found = {
        assets: {of.asset: of.partitions for of in inspect_files(root, instance, [0], assets).assets}
        for assets in ((), ("liuzhou_self_play",))
    }
    assert found[()]["liuzhou_self_play"] == ("g003",) and len(found[()]["oracle_shards"]) == 10
    assert found[("liuzhou_self_play",)] == {"liuzhou_self_play": ("g000",)}


def test_the_command_line_says_what_and_what_to_do(told, root):
    with dg.DagsterInstance.get() as instance:
        record(instance)
        status, said = told()
        assert status == 0 and "10 of 10 partitions are up to date" in said and "nothing is missing" in said
        truncate(root / FILE.format(6, 6))
        status, said = told("--blocks", "0-1", "--json")
        answer = json.loads(said)
        of = answer["assets"]["oracle_shards"]
        assert status == 1 and not answer["whole"] and (of["partitions"], of["shards"]) == (20, 100)
        assert len(of["gaps"]) == 11 and of["mendable"] == 11
        assert [gap["partition"] for gap in of["gaps"] if gap["files"]] == [SIXES]
        status, said = told("--seeds", "60-70,3")
        assert status == 1 and "corrupt: 1 partition, 1 shard: block 0 of sixes" in said
        assert "missing, not recorded: 10 partitions, 50 shards: block 1 of all declarations" in said
        assert FILE.format(6, 6) in said and "repeat the command with --mend" in said
        assert told("--blocks", "0", "--seeds", "1")[0] == 2
        assert "blocks 3-0: the first number is larger than the last; write 0-3" in told("--blocks", "3-0")[1]
        assert told("--asset", "everything")[0] == 2 and told("--blocks", "10000")[0] == 2

        status, said = told("--mend")
        (backfill,) = instance.get_backfills()
        assert status == 0 and backfill.backfill_id in said and "no daemon is running: make ui" in said
        assert backfill.run_config["ops"]["oracle_shards"]["config"]["rows"] == "280"
        target = backfill.asset_backfill_data.target_subset
        subset = target.get_partitions_subset(dg.AssetKey("oracle_shards"))
        assert set(subset.get_partition_keys()) == {SIXES}
        status, said = told("--mend")
        assert "is still running: no other was started" in said and len(instance.get_backfills()) == 1


def test_a_daemon_that_has_fallen_silent_is_not_waited_for(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        grow_universe(instance)
        assert not is_daemon_up(instance)
        for seconds_ago, up in ((20, True), (200, False)):
            heartbeat = DaemonHeartbeat(time.time() - seconds_ago, "BACKFILL", "one", [])
            instance.add_daemon_heartbeat(heartbeat)
            assert is_daemon_up(instance) == up


def test_nothing_is_started_where_nothing_is_missing(root, instance):
    record(instance)
    assert mend(inspect_files(root, instance), instance) == [] and not instance.get_backfills()


# mended


def state_of(root: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of every shard; a rewritten file has others."""
    files = root.rglob("*.parquet")
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def test_a_backfill_by_the_daemon_mends_exactly_what_is_missing_corrupt_tampered_and_old(root, tmp_path):
    environment = new_home(tmp_path)
    bad = {5: "missing", 15: "tampered", 6: "truncated", 16: "old"}
    (root / FILE.format(5, 5)).unlink()
    tamper(root / FILE.format(15, 5))
    truncate(root / FILE.format(6, 6))
    grow_old(root / FILE.format(16, 6))
    before = state_of(root)
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        record(instance)
        found = inspect_files(root, instance, verify=True)
        assert kinds(found) == {
            FIVES: (Condition.MISSING, Condition.CORRUPT),
            SIXES: (Condition.CORRUPT, Condition.STALE),
        }
        (mending,) = mend(found, instance)
        assert mending.partitions == 2 and not is_daemon_up(instance)
        process = daemon(environment, tmp_path / "daemon.log")
        try:
            process.wait_until(lambda: inspect_files(root, instance, verify=True).whole, 120)
            process.wait_until(
                lambda: all(run.is_finished for run in instance.get_runs()) and instance.get_runs(), 60
            )
            assert is_daemon_up(instance)
        finally:
            process.stop()
        runs = instance.get_runs()
        assert {run.tags["dagster/backfill"] for run in runs} == {mending.backfill_id}
        assert len(runs) == 1, "one a rectangle"
        made = [
            record.asset_materialization.metadata["made"].value
            for record in instance.fetch_materializations(dg.AssetKey("oracle_shards"), limit=2).records
        ]
        assert made == [2, 2]
    after = state_of(root)
    rewritten = {name for name in after if after[name] != before.get(name)}
    assert rewritten == {Path(FILE.format(seed, seed % 10)).name for seed in bad}
    assert len(after) == 50
