"""Assets of shards: what they report to Dagster, and which promises they keep."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import dagster as dg
import pytest
from asset_runs import checks_of, materializations, partition_range, stale_status, with_code_versions
from dagster._core.definitions.data_version import StaleStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from forge_assets.definitions import defs
from forge_assets.in_process import materialize_here
from forge_assets.texas42 import versions
from forge_assets.texas42.bidding_results import CHECKS
from forge_assets.texas42.blocks import (
    MOST_BLOCKS,
    block_name,
    block_seeds,
)
from forge_assets.texas42.eq_games import SOUND
from forge_assets.texas42.oracle_shards import (
    BlockLaunchpad,
    MarginalizedLaunchpad,
    ShardLaunchpad,
    read_back,
)
from forge_assets.texas42.partitions import (
    block_range,
    golden_keys,
    golden_partitions,
    shard_keys,
    shard_partitions,
)
from forge_assets.texas42.shard_catalog import totals_of
from forge_assets.versions import constant_of
from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.liuzhou.validate.criteria import CRITERIA
from forge_core.splits import split_of
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.oracle import ORACLE_VERSION, shards
from forge_core.texas42.oracle.catalog import read_catalog

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]

SIXES = f"sixes|{block_name(0)}"
FIVES = f"fives|{block_name(0)}"
FEW_ROWS = {"rows": "280"}


@pytest.fixture
def materialize(instance, root):
    """Materialize an asset in this process on a store of the test; a partition, or several by run tags."""

    def run(asset, partition=None, last=None, settings=None):
        tags = partition_range(partition, last) if partition else None
        settings = {} if asset == "shard_catalog" else FEW_ROWS | (settings or {})
        resources = {"store": {"url": str(root)}, "compute": {"device": "cpu"}}
        return materialize_here(asset, instance, tags, settings, resources)

    return run


# what Dagster is told


def test_definitions_are_these(instance):
    graph = defs.resolve_asset_graph()
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        sizes = {
            key: graph.get(key).partitions_def and graph.get(key).partitions_def.get_num_partitions()
            for key in graph.get_all_asset_keys()
        }
    told = {
        key.to_user_string(): (
            graph.get(key).group_name,
            sorted(parent.to_user_string() for parent in graph.get(key).parent_keys),
            sorted(check.name for check in graph.get_check_keys_for_assets({key})),
            sizes[key],
            graph.get(key).code_version,
        )
        for key in graph.get_all_asset_keys()
    }
    shard_checks = ["every_deal_solved", "shards_read_back"]
    upstream = ["golden_shards", "marginalized_shards", "oracle_shards"]
    token_checks = ["rows_read_back", "seeds_of_the_split"]
    model_checks = ["beats_random", "model_loads"]
    errors = ["blunder_rate", "q_gap", "q_mae", "value_mae"]
    warnings = sorted([*errors, "accuracy", "beats_random", "train_val_gap"])
    games = "q3/y1/m1/l1/t1/e1/s1/o1"
    game_checks = sorted(["every_game_played", "games_read_back", *SOUND])
    assert told == {
        "oracle_shards": ("oracle", [], shard_checks, 200, "s1/o1"),
        "marginalized_shards": ("oracle", [], shard_checks, 200, "s1/o1"),
        "golden_shards": ("oracle", [], shard_checks, 220, "s1/o1"),
        "shard_catalog": ("oracle", upstream, ["no_faults", "one_oracle"], None, "c1/s1/o1"),
        "token_splits": ("learning", ["shard_catalog"], token_checks, 3, "t1/e1/s1/o1"),
        "oracle_model": ("learning", ["token_splits"], model_checks, 2, "m1/l1/t1/e1/s1/o1"),
        "oracle_model_evaluation": (
            "learning",
            ["golden_shards", "oracle_model"],
            warnings,
            2,
            "v1/g1/m1/l1/t1/e1/s1/o1",
        ),
        "oracle_model_onnx": ("learning", ["oracle_model"], ["parity"], 2, "x2/m1/l1/t1/e1/s1/o1"),
        "eq_games": ("expected_q", ["oracle_model"], game_checks, 20, games),
        "eq_catalog": ("expected_q", ["eq_games"], ["no_faults", "one_version"], None, f"c1/{games}"),
        "eq_token_splits": ("expected_q", ["eq_catalog"], token_checks, 2, f"r2/t1/t2/{games}"),
        "eq_model": ("expected_q", ["eq_token_splits"], model_checks, None, f"m1/r2/t1/t2/{games}"),
        "one_hand_model": ("expected_q", ["eq_token_splits"], model_checks, None, f"o2/f1/r2/t1/t2/{games}"),
        "self_play_model": ("expected_q", [], ["beats_heuristic", "model_loads"], None, "p2/s1/d1/f1"),
        "eq_model_onnx": ("expected_q", ["eq_model"], ["parity"], None, f"x2/m1/r2/t1/t2/{games}"),
        "bidding_results": ("bidding", [], sorted(CHECKS), 20, "b1/h1/p1/y1/q3/e1/o1"),
        "match_results": (
            "play",
            ["eq_model", "oracle_model"],
            ["boards_replay", "equal_contracts", "every_deal_played_twice"],
            None,
            f"m2/h1/r1/m1/r2/t1/t2/{games}",
        ),
        "champion": (
            "play",
            ["eq_model", "one_hand_model", "oracle_model_evaluation", "self_play_model"],
            [],
            4,
            f"p1/v1/g1/m1/l1/t1/e1/s1/o1/o2/p2/s1/d1/f1/m2/h1/r1/m1/r2/t1/t2/{games}",
        ),
        "play_page": (
            "play",
            ["champion"],
            [],
            None,
            f"w1/x2/p1/v1/g1/m1/l1/t1/e1/s1/o1/o2/p2/s1/d1/f1/m2/h1/r1/m1/r2/t1/t2/{games}",
        ),
        "flywheel": ("flywheel", ["champion"], [], None, None),
        "liuzhou_self_play": ("liuzhou", [], ["draws", "games_replay", "policies_sum_to_1"], 200, "s1"),
        "liuzhou_model": (
            "liuzhou",
            ["liuzhou_self_play"],
            ["losses_finite", "model_loads", "no_file_between"],
            2,
            "z2/s1",
        ),
        "liuzhou_evaluation": (
            "liuzhou",
            ["liuzhou_model"],
            ["beats_greedy", "beats_random", "beats_reply"],
            2,
            "r1/z2/s1",
        ),
        "liuzhou_champion": ("liuzhou", ["liuzhou_evaluation"], [], 2, "p1/r1/z2/s1"),
        "liuzhou_validation": (
            "liuzhou",
            [],
            sorted(criterion.name for criterion in CRITERIA),
            None,
            "a1",
        ),
        "liuzhou_flywheel": ("liuzhou", ["liuzhou_champion"], [], None, None),
        "skull_king_policy": (
            "skull_king",
            [],
            ["golden_facts", "losses_finite", "model_loads"],
            5,
            "s2/o0/g0",
        ),
        "skull_king_evaluation": (
            "skull_king",
            ["skull_king_policy"],
            ["above_hard", "bids_calibrated", "deltas_add_up", "no_illegal_action", "seats_balanced"],
            5,
            "v1/s2/o0/g0",
        ),
        "skull_king_champion": ("skull_king", ["skull_king_evaluation"], [], 5, "p1/v1/s2/o0/g0"),
        "skull_king_benchmark": (
            "skull_king",
            [],
            ["implementations_equal", "within_limits"],
            None,
            "b2",
        ),
        "skull_king_flywheel": ("skull_king", ["skull_king_champion"], [], None, None),
    }


def test_a_backfill_of_shards_is_one_run_a_range():
    graph = defs.resolve_asset_graph()
    for asset in ("oracle_shards", "marginalized_shards", "golden_shards"):
        assert graph.get(dg.AssetKey(asset)).backfill_policy == dg.BackfillPolicy.single_run()


def test_definitions_load_without_the_heavy_libraries():
    heavy = ("torch", "numba", "matplotlib", "pyarrow", "lightning", "mlflow")
    code = f"import sys, forge_assets.definitions; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_versions_are_those_of_the_algorithms():
    assert f"{shards.SHARDS_VERSION}/{ORACLE_VERSION}" == versions.SHARDS
    with pytest.raises(LookupError, match="no text or number"):
        constant_of("forge_core.texas42.oracle.solver", "NO_VERSION")


def test_settings_default_to_those_of_the_core():
    settings, config = ShardLaunchpad().settings(), shards.ShardConfig()
    assert (settings.rows, settings.sample_seed) == (config.rows, config.sample_seed)
    assert BlockLaunchpad().declarations == "one" and MarginalizedLaunchpad().settings().opponents == 3


# how the data is cut


def test_no_block_straddles_a_split():
    for block in range(MOST_BLOCKS):
        assert len({split_of(seed) for seed in block_seeds(block_name(block))}) == 1


def test_the_ten_partitions_of_a_block_hold_its_seeds_once_each():
    keys = [key for name in NAMES for key in shard_keys(f"{name}|{block_name(18)}", "one")]
    assert sorted(key.seed for key in keys) == list(range(900, 950))
    assert all(key.decl == key.seed % 10 for key in keys)


def test_all_declarations_solve_every_seed_of_the_block():
    keys = shard_keys(SIXES, "all")
    assert sorted(key.seed for key in keys) == list(range(50)) and {key.decl for key in keys} == {6}


def test_each_base_hand_meets_its_opponents():
    keys = shard_keys(SIXES, "one", opponents=3)
    assert Counter(key.seed for key in keys) == dict.fromkeys([6, 16, 26, 36, 46], 3)
    assert {key.opponent for key in keys} == {0, 1, 2}


def test_golden_partitions_hold_one_deal_each():
    keys = [key for name in golden_partitions.get_partition_keys() for key in golden_keys(name)]
    assert len(keys) == len(set(keys)) == 220
    assert {split_of(key.seed) for key in keys} == {"val", "test"}


def test_run_tags_cover_a_rectangle(instance):
    tags = block_range(0, 3)
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        covered = shard_partitions.get_partition_keys_in_range(dg.PartitionKeyRange(*tags.values()))
    assert sorted(covered) == sorted(f"{name}|{block_name(b)}" for name in NAMES for b in range(4))


def test_blocks_outside_the_universe_are_refused():
    with pytest.raises(BadInput, match="do not all exist"):
        block_range(0, MOST_BLOCKS)


# what a run leaves behind


def test_a_bad_partition_stays_red_until_it_is_made_again(materialize, instance, root, monkeypatch):
    """Other partitions pass meanwhile; a run of one of them does not cover up the bad one."""
    key = dg.AssetCheckKey(dg.AssetKey("oracle_shards"), "shards_read_back")

    def red() -> set[str]:
        found = instance.event_log_storage.get_asset_check_partition_info([key])
        return {
            of.partition_key
            for of in found
            if of.partition_key and of.latest_execution_status is AssetCheckExecutionRecordStatus.FAILED
        }

    sound = read_back
    monkeypatch.setattr(
        "forge_assets.texas42.oracle_shards.read_back",
        lambda place, key: "damaged" if key.decl == 6 else sound(place, key),
    )
    assert not materialize("oracle_shards", FIVES, SIXES).success and red() == {SIXES}
    monkeypatch.undo()
    assert materialize("oracle_shards", FIVES).success and red() == {SIXES}
    assert materialize("oracle_shards", SIXES).success and red() == set()


def test_a_partition_is_recorded_once_with_its_versions(materialize, instance, root):
    assert materialize("oracle_shards", FIVES, SIXES).success
    events = materializations(instance, "oracle_shards")
    assert {partition: len(found) for partition, found in events.items()} == {FIVES: 1, SIXES: 1}
    event = events[SIXES][0]
    assert event.tags["dagster/code_version"] == "s1/o1"
    assert event.metadata["made"].value == 5 and "deals" not in event.metadata, "constants are not plotted"
    assert event.metadata["rows"].value == 5 * 280
    assert event.metadata["dagster/partition_row_count"].value == 5 * 280
    assert event.metadata["dagster/uri"].value == (root / "shards-standard").as_uri()
    assert stale_status(defs, instance, "oracle_shards", SIXES) == StaleStatus.FRESH
    assert events[FIVES][0].tags["dagster/data_version"] != event.tags["dagster/data_version"]
    assert len(list(root.rglob("*.parquet"))) == 10


def test_what_is_there_is_not_made_again(materialize, instance, root):
    materialize("oracle_shards", SIXES)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.parquet")}
    (root / "shards-standard/train/seed_00000016_decl_6.parquet").unlink()
    assert materialize("oracle_shards", SIXES).success
    last, first = materializations(instance, "oracle_shards")[SIXES]
    assert (first.metadata["made"].value, last.metadata["made"].value) == (5, 1)
    assert first.tags["dagster/data_version"] == last.tags["dagster/data_version"]
    kept = [path for path in before if path.stat().st_mtime_ns == before[path]]
    assert len(kept) == 4


def test_a_failed_deal_fails_its_partition_alone(materialize, instance, root):
    blocked = root / "shards-standard/train/seed_00000016_decl_6.parquet"
    blocked.mkdir(parents=True)  # nothing can be written under this name
    result = materialize("oracle_shards", FIVES, SIXES)
    assert not result.success
    assert set(materializations(instance, "oracle_shards")) == {FIVES}
    failure = next(e for e in result.all_events if e.is_step_failure).step_failure_data.user_failure_data
    assert "1 of 10 deals failed" in failure.description and "seed_00000016_decl_6" in failure.description
    assert len([path for path in root.rglob("*.parquet") if path.is_file()]) == 9
    checks = {c.check_name: c.passed for c in result.get_asset_check_evaluations()}
    assert checks == {"every_deal_solved": False, "shards_read_back": True}


def test_a_shard_that_does_not_read_back_fails_its_partition(materialize, instance, root, monkeypatch):
    def read(store, key):
        raise FileCorrupt(key.filename, "row 7 says V = 3, its best q is 4", "delete it")

    monkeypatch.setattr(shards, "read_shard", read)
    result = materialize("oracle_shards", SIXES)
    assert not result.success and not materializations(instance, "oracle_shards")
    assert len(list(root.rglob("*.parquet"))) == 4  # it is not left for the repeat to trust
    failed = {name: check for name, check in checks_of(result).items() if not check.passed}
    assert list(failed) == ["shards_read_back"]
    assert "row 7" in str(failed["shards_read_back"].metadata["unsound"].value)


def damage(shard: Path) -> None:
    """Change one byte of the data pages and leave the footer as it was."""
    damaged = bytearray(shard.read_bytes())
    damaged[len(damaged) // 4] ^= 0xFF
    shard.write_bytes(damaged)


def test_a_shard_is_read_back_even_where_nothing_is_made(materialize, instance, root):
    materialize("oracle_shards", FIVES, SIXES)
    repeat = checks_of(materialize("oracle_shards", FIVES, SIXES))["shards_read_back"]
    assert repeat.passed and repeat.metadata["read"].value == 2
    damage(root / "shards-standard/train/seed_00000006_decl_6.parquet")
    result = materialize("oracle_shards", FIVES, SIXES)
    check = checks_of(result)["shards_read_back"]
    assert not result.success and not check.passed
    assert list(check.metadata["unsound"].value) == ["seed_00000006_decl_6.parquet"]
    events = materializations(instance, "oracle_shards")
    assert {partition: len(found) for partition, found in events.items()} == {FIVES: 3, SIXES: 2}
    assert materialize("oracle_shards", FIVES, SIXES).success
    assert materializations(instance, "oracle_shards")[SIXES][0].metadata["made"].value == 1


def test_a_partition_of_which_nothing_could_be_read_fails_the_check(materialize, root):
    for key in shard_keys(SIXES, "one"):
        (root / "shards-standard/train" / key.filename).mkdir(parents=True)
    check = checks_of(materialize("oracle_shards", SIXES))["shards_read_back"]
    assert not check.passed and check.metadata["read"].value == 0


def test_whole_files_are_verified_on_demand(materialize, instance, root):
    materialize("oracle_shards", SIXES)
    shard = root / "shards-standard/train/seed_00000046_decl_6.parquet"
    sound = shards.read_shard(Store(str(root)).join("shards-standard"), shard.name)
    damage(shard)
    assert materialize("oracle_shards", SIXES).success  # the footer alone does not tell
    assert materialize("oracle_shards", SIXES, settings={"verify": True}).success
    assert materializations(instance, "oracle_shards")[SIXES][0].metadata["made"].value == 1
    remade = shards.read_shard(Store(str(root)).join("shards-standard"), shard.name)
    assert (remade.state == sound.state).all() and (remade.q == sound.q).all()


def test_a_base_hand_meets_at_least_one_opponent():
    with pytest.raises(BadInput, match="opponents 0: use 1 to 1,000"):
        MarginalizedLaunchpad(opponents=0).settings()


def test_bad_settings_are_said_in_a_sentence(materialize):
    result = materialize("oracle_shards", SIXES, settings={"rows": "many"})
    data = next(event for event in result.all_events if event.is_step_failure).step_failure_data
    assert "many" in data.user_failure_data.description


def test_marginalized_and_golden_fill_their_own_folders(materialize, root):
    assert materialize("marginalized_shards", SIXES, settings={"opponents": 1}).success
    assert materialize("golden_shards", "sixes|seed_000900").success
    catalog = read_catalog(Store(str(root)))
    assert not catalog.faults
    assert totals_of(catalog)["kind", "split", "files", "rows"].rows() == [
        ("marginalized", "train", 5, 5 * 280),
        ("golden", "val", 1, 280),
    ]


# when things change


def test_a_new_algorithm_marks_shards_and_catalog_at_once(materialize, instance):
    materialize("oracle_shards", SIXES)
    materialize("shard_catalog")
    assert stale_status(defs, instance, "shard_catalog") == StaleStatus.FRESH
    changed = with_code_versions("+")
    assert stale_status(changed, instance, "oracle_shards", SIXES) == StaleStatus.STALE
    assert stale_status(changed, instance, "shard_catalog") == StaleStatus.STALE


def test_the_catalog_has_the_version_of_what_the_store_holds(materialize, instance, root):
    def version():
        assert materialize("shard_catalog").success
        return materializations(instance, "shard_catalog")[None][0].tags["dagster/data_version"]

    empty = version()
    materialize("golden_shards", "sixes|seed_000900")
    one = version()
    assert one == version() != empty
    next(root.rglob("*.parquet")).unlink()
    assert version() == empty


def test_the_catalog_names_what_does_not_belong(materialize, root):
    materialize("golden_shards", "sixes|seed_000900")
    shard = next(root.rglob("*.parquet"))
    shard.with_name("seed_00000901_decl_0.parquet").write_bytes(shard.read_bytes()[:1000])
    misplaced = root / "shards-golden/train"
    misplaced.mkdir()
    (misplaced / shard.name).write_bytes(shard.read_bytes())
    (shard.parent / "notes.txt").write_text("hello")
    result = materialize("shard_catalog")
    found = {c.check_name: c for c in result.get_asset_check_evaluations()}
    assert not result.success and not found["no_faults"].passed and found["one_oracle"].passed
    faults = {path: finding.value for path, finding in found["no_faults"].metadata.items()}
    assert sorted(faults) == [
        "shards-golden/train/seed_00000900_decl_6.parquet",
        "shards-golden/val/notes.txt",
        "shards-golden/val/seed_00000901_decl_0.parquet",
    ]
    assert "belongs to val" in faults["shards-golden/train/seed_00000900_decl_6.parquet"]


def test_the_catalog_is_drawn_small_enough_for_the_ui(materialize, instance):
    materialize("golden_shards", "sixes|seed_000900")
    materialize("shard_catalog")
    metadata = materializations(instance, "shard_catalog")[None][0].metadata
    for name in ("root_values", "states_per_deal"):
        assert metadata[name].value.startswith("![](data:image/png;base64,")
        assert 10_000 < len(metadata[name].value) < 200_000
    assert metadata["shards"].value == 1 and metadata["rows"].value == 280
    assert metadata["dagster/row_count"].value == 1
    assert (
        "| golden | val | 1 | 280 |" in metadata["store"].value and "| 900..900 |" in metadata["store"].value
    )


def test_the_catalog_is_asked_for_after_shards_and_only_once(materialize, instance):
    first = dg.evaluate_automation_conditions(defs, instance)
    assert first.total_requested == 0
    materialize("oracle_shards", FIVES, SIXES)
    second = dg.evaluate_automation_conditions(defs, instance, cursor=first.cursor)
    assert second.get_num_requested(dg.AssetKey("shard_catalog")) == second.total_requested == 1
    third = dg.evaluate_automation_conditions(defs, instance, cursor=second.cursor)
    assert third.total_requested == 0
