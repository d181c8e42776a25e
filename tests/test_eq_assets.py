"""Games as assets: what a run makes and records, its checks, and when it is stale."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from asset_runs import (
    checks_of,
    materializations,
    metadata_of,
    partition_range,
    reason_of,
    stale_status,
    with_code_versions,
)
from dagster._core.definitions.data_version import StaleStatus
from random_games import changed, record_of
from rich.console import Console

from forge_assets.definitions import defs
from forge_assets.in_process import materialize_here
from forge_assets.quickstart import Quickstart
from forge_assets.texas42 import versions
from forge_assets.texas42.blocks import block_name
from forge_assets.texas42.eq_games import _SAYS, SOUND, GameLaunchpad, check_of
from forge_assets.texas42.partitions import block_keys
from forge_assets.texas42.quickstart import bid, compare, play
from forge_assets.tracking.tracker import Tracker
from forge_assets.versions import PROJECT
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.train import MODEL_VERSION
from forge_core.texas42.eq import EQ_VERSION, GameConfig, faults
from forge_core.texas42.eq.configuration import configure
from forge_core.texas42.eq.files import find_games, read_game, write_game
from forge_core.texas42.one_hand.playouts import PLAYOUT_VERSION
from forge_core.texas42.reference import REFERENCE
from forge_core.texas42.tokens.inferences import STAGE2_SPEC

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]

TRAIN, VAL = block_name(0), block_name(18)
FEW = 6
"""games of a block that are played here"""
QUICK = {"oracle": "model", "model": REFERENCE, "worlds": 2, "batch": 64}


@pytest.fixture
def materialize(instance, root, tmp_path, monkeypatch):
    """Play the first few games of blocks first..last in this process, on a store of the test."""
    monkeypatch.setattr("forge_assets.texas42.eq_games.block_keys", lambda name: block_keys(name)[:FEW])

    def run(first=VAL, last=None, **settings):
        resources = {
            "store": {"url": str(root)},
            "compute": {"device": "cpu"},
            "tracker": {"uri": f"sqlite:///{tmp_path}/mlflow.db"},
        }
        return materialize_here(
            "eq_games", instance, partition_range(first, last), QUICK | settings, resources
        )

    return run


@pytest.fixture
def played(materialize):
    """Play games of a block of val."""
    result = materialize()
    assert result.success, reason_of(result)
    return result


# what is played


def test_a_block_is_fifty_games_each_under_its_own_declaration():
    keys = block_keys(VAL)
    assert [key.seed for key in keys] == list(range(900, 950))
    assert all(key.decl == key.seed % 10 and key.opponent is None for key in keys)


def test_a_partition_is_recorded_with_what_it_holds(played, instance, root):
    assert len(find_games(str(root))) == FEW
    said = metadata_of(played, "eq_games")
    assert (said["games"], said["made"], said["replaced"], said["decisions"]) == (FEW, FEW, 0, FEW * 28)
    assert FEW * 28 < said["worlds"] <= 2 * FEW * 28
    assert 0.2 < said["forced_share"] < 0.6 and 1 <= said["ess_median"] <= 2
    assert said["games_per_second"] > 0 and said["device"] == "cpu"
    assert said["oracle"] == "model" and said["model"].endswith(REFERENCE)
    assert said["decision"].startswith("![](data:image/png;base64,") and len(said["decision"]) < 80_000
    checks = checks_of(played)
    assert set(checks) == {"every_game_played", "games_read_back", *SOUND}
    assert all(check.passed for check in checks.values())
    assert checks["true_deal_is_a_world"].metadata["games"].value == FEW
    [event] = materializations(instance, "eq_games")[VAL]
    assert event.tags["dagster/code_version"] == versions.EQ_GAMES
    assert stale_status(defs, instance, "eq_games", VAL) == StaleStatus.FRESH


def test_gaps_are_filled_and_nothing_is_played_twice(played, materialize, instance, root):
    store = root / "eq-games/val"
    (store / "seed_00000904_decl_4.parquet").unlink()
    before = {path: path.stat().st_mtime_ns for path in store.iterdir()}
    result = materialize(VAL, block_name(19))  # of two blocks in one run, the second is of test
    assert result.success and len(find_games(str(root), final=True)) == 2 * FEW
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    events = materializations(instance, "eq_games")
    assert {partition: len(found) for partition, found in events.items()} == {VAL: 2, block_name(19): 1}
    last, first = events[VAL]
    assert (last.metadata["made"].value, last.metadata["games"].value) == (1, FEW)
    assert last.tags["dagster/data_version"] == first.tags["dagster/data_version"]
    assert "games_per_second" not in metadata_of(materialize(), "eq_games")


def test_other_settings_are_other_games(played, materialize, instance):
    result = materialize(worlds=1, exploration="epsilon")
    assert metadata_of(result, "eq_games")["replaced"] == FEW
    last, first = materializations(instance, "eq_games")[VAL]
    assert last.tags["dagster/data_version"] != first.tags["dagster/data_version"]


def test_the_quickstart_shows_a_decision(instance, root, monkeypatch, capsys):
    for module in ("forge_assets.texas42.quickstart", "forge_assets.texas42.eq_games"):
        monkeypatch.setattr(f"{module}.block_keys", lambda name: block_keys(name)[:FEW])
    monkeypatch.setenv("FORGE_STORE", str(root))
    monkeypatch.setattr("forge_assets.texas42.quickstart.PLAYING", QUICK)
    for played in (FEW, 0):
        play(Quickstart(Console(width=100), instance))
        said = capsys.readouterr().out
        assert f"{played} games played, {FEW - played} found" in said
        assert "seed 900 · decision" in said and "▸" in said and f"{FEW * 28} decisions, " in said


def test_the_quickstart_values_hands_and_compares_players(instance, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORGE_STORE", str(tmp_path))
    monkeypatch.setattr("forge_assets.texas42.quickstart.BIDDING", {"samples": 2})
    matches = {"players": ["random", "heuristic"], "deals": 20}
    monkeypatch.setattr("forge_assets.texas42.quickstart.MATCHES", matches)
    quickstart = Quickstart(Console(width=200), instance)
    bid(quickstart)
    compare(quickstart)
    said = capsys.readouterr().out
    assert "bidding_results  50 hands, 1,000 deals played out: " in said and "a bid of 42" in said
    assert "match_results  heuristic against random, 20 deals: +" in said


# what is checked


def test_a_corrupt_game_is_played_again_and_the_check_says_so(played, materialize, root):
    game = root / "eq-games/val/seed_00000904_decl_4.parquet"
    damaged = bytearray(game.read_bytes())
    damaged[len(damaged) // 4] ^= 0xFF
    game.write_bytes(damaged)  # the footer is as it was
    result = materialize()
    check = checks_of(result)["games_read_back"]
    assert result.success and check.passed
    assert check.metadata["replaced"].value == [game.name]
    assert metadata_of(result, "eq_games")["made"] == 1
    assert read_game(Store(str(root / "eq-games")), game.name).seed == 904


def test_games_that_are_not_sound_fail_their_checks_and_are_played_again(played, materialize, instance, root):
    store = Store(str(root / "eq-games"))
    wrong = {
        "world_counts": lambda told: {"world_count": told.world_count * 0},
        "pdf_sums_to_one": lambda told: {"e_q_pdf": told.e_q_pdf / 2},
        "forced_is_marked": lambda told: {"forced": ~told.forced},
        "all_else_is_sound": lambda told: {"ess": told.ess * 0},
    }
    names = {}
    for (name, change), key in zip(wrong.items(), block_keys(VAL), strict=False):
        game = read_game(store, key)
        write_game(store, changed(game, **change(game.decisions)))
        names[name] = key.filename
    result = materialize()
    assert not result.success and f"4 of {FEW} games failed" in reason_of(result)
    found = {name: check for name, check in checks_of(result).items() if not check.passed}
    assert set(found) == set(wrong)
    for name, check in found.items():
        assert names[name] in check.metadata and check.metadata["failed"].value == 1
    assert len(materializations(instance, "eq_games")[VAL]) == 1, "the run records no faulty partition"
    again = materialize()
    assert again.success and metadata_of(again, "eq_games")["made"] == 4


def test_what_is_found_wrong_goes_to_the_check_it_belongs_to():
    assert check_of("step 3: the true deal is not one of the consistent worlds") == "true_deal_is_a_world"
    assert check_of("step 0 and 2 more: action_taken refers to a hand token") == "actions_are_hand_tokens"
    assert check_of("step 27: world_count is not the number of consistent worlds") == "world_counts"
    assert check_of("plays is int8 [27], not int8 [28]") == "all_else_is_sound"
    source = inspect.getsource(faults)
    assert all(f'"{begins}' in source for said in _SAYS.values() for begins in said)
    assert set(_SAYS) < set(SOUND)


def test_a_game_that_cannot_be_played_fails_its_partition_alone(materialize, instance, monkeypatch):
    from forge_core.errors import BadInput
    from forge_core.texas42.eq import filling

    def play(oracle, games, *rest, deal_seeds, **more):
        if 904 in deal_seeds:
            raise BadInput("the lights went out")
        return real(oracle, games, *rest, deal_seeds=deal_seeds, **more)

    real = filling.play_games
    monkeypatch.setattr(filling, "play_games", play)
    result = materialize(block_name(17), VAL, batch=FEW)
    assert not result.success and "the lights went out" in reason_of(result)
    assert set(materializations(instance, "eq_games")) == {block_name(17)}
    failed = {name for name, check in checks_of(result).items() if not check.passed}
    assert failed == {"every_game_played"}


# settings and versions


def test_settings_default_to_those_of_the_core():
    settings = GameLaunchpad().settings()
    assert configure(settings) == GameConfig()
    assert (settings.oracle, settings.bid, settings.batch) == ("hybrid", 30, 32)
    assert GameLaunchpad().model == "latest"


def test_what_is_missing_or_contradicts_itself_is_said(materialize):
    assert "materialize it first, or choose another model" in reason_of(materialize(model="latest"))
    assert "set adaptive too" in reason_of(materialize(min_worlds=3))
    assert "oracle 'oracular'" in reason_of(materialize(oracle="oracular"))


def test_the_exact_oracle_asks_no_network(materialize, monkeypatch):
    monkeypatch.setattr("forge_assets.texas42.eq_games.block_keys", lambda name: block_keys(name)[:2])
    said = metadata_of(materialize(oracle="exact", model="champion", worlds=1), "eq_games")
    assert (said["games"], said["oracle"], said["model"]) == (2, "exact", "none")


def test_versions_are_those_of_the_algorithms():
    assert f"{EQ_VERSION}/{PLAYOUT_VERSION}/{versions.MODEL}" == versions.EQ_GAMES
    assert versions.MODEL.startswith(f"{MODEL_VERSION}/")


def test_another_network_or_algorithm_asks_for_the_games_again(materialize, instance):
    def learn(weights: str) -> None:
        tags = {"dagster/data_version": weights, "dagster/code_version": versions.MODEL}
        model = {"model": str(PROJECT / REFERENCE)}
        instance.report_runless_asset_event(
            dg.AssetMaterialization("oracle_model", partition="qvalue", metadata=model, tags=tags)
        )

    learn("one")
    assert materialize(model="latest").success
    assert stale_status(defs, instance, "eq_games", VAL) == StaleStatus.FRESH
    assert stale_status(with_code_versions("+"), instance, "eq_games", VAL) == StaleStatus.STALE
    learn("another")
    assert stale_status(defs, instance, "eq_games", VAL) == StaleStatus.STALE
    assert materialize(model="latest").success
    assert stale_status(defs, instance, "eq_games", VAL) == StaleStatus.FRESH


# from games to a network


TINY = {"layers": 1, "heads": 2, "width": 16, "threads": 1, "batch_size": 32, "steps": 8}
TINY["evaluate_every"] = 4
USES = {
    "eq_catalog": ("store",),
    "eq_token_splits": ("store", "compute"),
    "eq_model": ("store", "compute", "tracker"),
    "eq_model_onnx": ("tracker",),
}
"""the resources of each asset"""


def keep(root: Path, *seeds: int, version: str = EQ_VERSION) -> None:
    """Put random games into the store, as if E[Q] had played them."""
    for seed in seeds:
        game = record_of(seed)
        settings = {**game.settings, "version": version}
        write_game(Store(str(root)).join("eq-games"), replace(game, settings=settings))


@pytest.fixture
def learn(instance, root, tmp_path):
    """Materialize an asset of Stage 2 in this process, on a store of the test; partition: of the splits."""

    def run(asset, partition=None, **settings):
        resources = {
            "store": {"url": str(root)},
            "compute": {"device": "cpu"},
            "tracker": {"uri": f"sqlite:///{tmp_path}/mlflow.db"},
        }
        tags = {"dagster/partition": partition} if partition else None
        if asset == "eq_model":
            settings = TINY | {"runs": str(tmp_path / "runs")} | settings
        return materialize_here(
            asset, instance, tags, settings, {name: resources[name] for name in USES[asset]}
        )

    return run


def test_from_games_to_onnx_with_tags_both_ways(learn, instance, root, tmp_path):
    keep(root, 0, 1, 2, 3, 900, 925, 926, 950)
    said = metadata_of(learn("eq_catalog"), "eq_catalog")
    assert said["games"] == said["dagster/row_count"] == 8
    assert re.search(r"\| val \| \w{16} \| 3 \| [\d.]+ \| 900\.\.926 \|", said["store"])
    hashes = {}
    for split, games in (("train", 4), ("val", 2)):  # 900 is of the benchmark, 950 is sealed
        made = learn("eq_token_splits", split)
        assert made.success, reason_of(made)
        assert {name: check.passed for name, check in checks_of(made).items()} == {
            "seeds_of_the_split": True,
            "rows_read_back": True,
        }
        said = metadata_of(made, "eq_token_splits")
        assert (said["games"], said["rows"], said["files_added"]) == (games, games * 28, 1)
        hashes[split] = said["hash"]

    taught = learn("eq_model")
    assert taught.success, reason_of(taught)
    said = metadata_of(taught, "eq_model")
    assert said["rows"] == 8 * 32 and said["trained_on"] == hashes["train"]
    assert said["spread_mae_points"] > 0 and said["curve"].startswith("![](data:image/png;base64,")
    model = load_model(said["model"])
    assert model.config.objective == "eq" and model.spec == STAGE2_SPEC

    client = Tracker(uri=f"sqlite:///{tmp_path}/mlflow.db").client()
    run = client.get_run(said["mlflow_run_id"])
    assert run.data.tags["dagster.run_id"] == taught.run_id and run.data.tags["dagster.asset"] == "eq_model"
    assert run.data.tags["forge.code_version"] == versions.EQ_MODEL
    assert run.data.metrics["val_best/spread_mae"] > 0
    assert client.get_model_version_by_alias("texas42-eq", "challenger").run_id == run.info.run_id

    exported = learn("eq_model_onnx")
    assert exported.success, reason_of(exported)
    assert metadata_of(exported, "eq_model_onnx")["largest_difference_points"] < 1e-3

    # once more: nothing is made that is there
    assert metadata_of(learn("eq_token_splits", "train"), "eq_token_splits")["files_added"] == 0
    again = metadata_of(learn("eq_model"), "eq_model")
    assert (again["model"], again["mlflow_run_id"]) == (said["model"], said["mlflow_run_id"])

    # new games are asked for all the way
    assert stale_status(defs, instance, "eq_model") == StaleStatus.FRESH
    keep(root, 4)
    learn("eq_catalog")
    assert stale_status(defs, instance, "eq_token_splits", "train") == StaleStatus.STALE
    learn("eq_token_splits", "train")
    assert stale_status(defs, instance, "eq_token_splits", "train") == StaleStatus.FRESH
    assert stale_status(defs, instance, "eq_model") == StaleStatus.STALE


def test_the_catalog_names_what_does_not_belong(learn, root):
    keep(root, 1)
    keep(root, 2, version="q0")
    games = root / "eq-games/train"
    (games / "notes.txt").write_text("hello")
    (games / "seed_00000903_decl_3.parquet").write_bytes(
        (games / "seed_00000001_decl_1.parquet").read_bytes()
    )
    (games / "seed_00000005_decl_5.parquet").write_bytes(b"PAR1PAR1")
    checks = checks_of(learn("eq_catalog"))
    faults = {path.rpartition("/")[2]: entry.value for path, entry in checks["no_faults"].metadata.items()}
    assert sorted(faults) == ["notes.txt", "seed_00000005_decl_5.parquet", "seed_00000903_decl_3.parquet"]
    assert "belongs to val" in faults["seed_00000903_decl_3.parquet"]
    assert checks["one_version"].metadata["outdated"].value == ["seed_00000002_decl_2.parquet"]
    assert not checks["no_faults"].passed and not checks["one_version"].passed


def test_a_game_of_another_split_is_not_learnt_from(learn, root):
    keep(root, 1, 903)
    game = root / "eq-games/val/seed_00000903_decl_3.parquet"
    game.rename(root / "eq-games/train" / game.name)
    result = learn("eq_token_splits", "train")
    assert not result.success and "seed 903 belongs to val" in reason_of(result)
    assert not checks_of(result)["seeds_of_the_split"].passed


def test_what_is_missing_of_stage_2_is_said(learn):
    assert "has no games to train on" in reason_of(learn("eq_token_splits", "val"))
    assert "forge tokenize --stage 2" in reason_of(learn("eq_model"))
    assert "eq_model has no eq network yet" in reason_of(learn("eq_model_onnx"))
