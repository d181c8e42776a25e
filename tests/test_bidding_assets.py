"""Bidding tables as an asset: what a run makes and records, its checks, and when it is stale."""

from __future__ import annotations

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

from forge_assets.definitions import defs
from forge_assets.in_process import materialize_here
from forge_assets.resources import ComputeDevice
from forge_assets.texas42 import versions
from forge_assets.texas42.bidding_results import CHECKS, BiddingLaunchpad
from forge_assets.texas42.blocks import block_name, block_seeds
from forge_assets.tracking.tracker import Tracker
from forge_core.files import Store
from forge_core.texas42.bidding import records
from forge_core.texas42.bidding.playouts import POLICY_VERSION, OraclePlayout
from forge_core.texas42.bidding.records import BiddingConfig, TableKey, read_table
from forge_core.texas42.bidding.table import BIDDING_VERSION, BidTable, play_out
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import EQ_VERSION
from forge_core.texas42.folders import BIDDING_FOLDER
from forge_core.texas42.one_hand.heuristic import HEURISTIC_VERSION
from forge_core.texas42.one_hand.playouts import PLAYOUT_VERSION
from forge_core.texas42.oracle import ORACLE_VERSION
from forge_core.texas42.reference import REFERENCE
from forge_core.texas42.tokens.encoder import ENCODER_VERSION

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]

VAL, TEST = block_name(18), block_name(19)
FEW = 3
"""hands of a block that are played out here"""


@pytest.fixture
def materialize(instance, root, tmp_path, monkeypatch):
    """Play out the first few hands of blocks first..last in this process, on a store of the test."""
    monkeypatch.setattr(
        "forge_assets.texas42.bidding_results.block_seeds", lambda name: block_seeds(name)[:FEW]
    )

    def run(first=VAL, last=None, **settings):
        resources = {
            "store": {"url": str(root)},
            "compute": {"device": "cpu", "workers": 1},
            "tracker": {"uri": f"sqlite:///{tmp_path}/mlflow.db"},
        }
        tags, asked = partition_range(first, last), {"samples": 2, "playout": "oracle"} | settings
        return materialize_here("bidding_results", instance, tags, asked, resources)

    return run


@pytest.fixture
def made(materialize):
    """Play out the hands of a block of val by exact playouts."""
    result = materialize()
    assert result.success, reason_of(result)
    return result


# what is made


def test_a_partition_is_recorded_with_what_it_holds(made, instance, root):
    store = Store(str(root / BIDDING_FOLDER))
    for seed in range(900, 900 + FEW):
        there, hand = read_table(store, seed), deal_from_seed(seed)[0]
        again = play_out(hand, OraclePlayout(), 2, seed)
        assert (there.p_make == again.p_make).all()
    said = metadata_of(made, "bidding_results")
    assert (said["hands"], said["made"], said["deals"]) == (FEW, FEW, FEW * 10 * 2)
    assert (said["playout"], said["playout_version"], said["sees_all"]) == ("oracle", ORACLE_VERSION, True)
    assert 0 <= said["worth_42_share"] <= said["worth_30_share"] <= 1
    assert 0 < said["interval_width"] < 1 and said["deals_per_second"] > 0
    assert said["p_make"].startswith("![](data:image/png;base64,") and len(said["p_make"]) < 80_000
    assert said["dagster/partition_row_count"] == 130 * FEW
    checks = checks_of(made)
    assert set(checks) == set(CHECKS) and all(check.passed for check in checks.values())
    assert checks["tables_read_back"].metadata["tables"].value == FEW
    [event] = materializations(instance, "bidding_results")[VAL]
    assert event.tags["dagster/code_version"] == versions.BIDDING
    assert stale_status(defs, instance, "bidding_results", VAL) == StaleStatus.FRESH
    changed = with_code_versions("+")
    assert stale_status(changed, instance, "bidding_results", VAL) == StaleStatus.STALE


def test_gaps_are_filled_and_nothing_is_made_twice(made, materialize, instance, root):
    store = root / BIDDING_FOLDER / "val"
    (store / TableKey(901).filename).unlink()
    before = {path: path.stat().st_mtime_ns for path in store.iterdir()}
    result = materialize(VAL, TEST)  # two blocks in one run
    assert result.success and len(list((root / BIDDING_FOLDER / "test").iterdir())) == FEW
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())
    events = materializations(instance, "bidding_results")
    assert {partition: len(found) for partition, found in events.items()} == {VAL: 2, TEST: 1}
    last, first = events[VAL]
    assert (last.metadata["made"].value, last.metadata["hands"].value) == (1, FEW)
    assert last.tags["dagster/data_version"] == first.tags["dagster/data_version"]
    assert "seconds" not in metadata_of(materialize(), "bidding_results")


@pytest.mark.parametrize(
    ("settings", "sees_all"),
    [({"playout": "policy", "model": REFERENCE}, True), ({"playout": "eq", "worlds": 1}, False)],
)
def test_other_playouts_are_other_tables(made, materialize, instance, settings, sees_all):
    said = metadata_of(materialize(**settings), "bidding_results")
    assert (said["made"], said["playout"], said["sees_all"]) == (FEW, settings["playout"], sees_all)
    last, first = materializations(instance, "bidding_results")[VAL]
    assert last.tags["dagster/data_version"] != first.tags["dagster/data_version"]


# what is checked


def test_a_corrupt_table_is_made_again(made, materialize, root):
    table = root / BIDDING_FOLDER / "val" / TableKey(902).filename
    sound = table.read_bytes()
    damaged = bytearray(sound)
    damaged[len(damaged) // 4] ^= 0xFF
    table.write_bytes(damaged)  # the footer is as it was
    result = materialize()
    assert result.success and metadata_of(result, "bidding_results")["made"] == 1
    assert table.read_bytes() == sound


@pytest.mark.parametrize("name", ["never_rises", "intervals_hold"])
def test_tables_that_are_not_sound_fail_their_check(materialize, instance, monkeypatch, name):
    monkeypatch.setattr(BidTable, name, property(lambda table: table.seed != 901))
    result = materialize()
    failed = {check: found for check, found in checks_of(result).items() if not found.passed}
    assert not result.success and set(failed) == {name}
    assert TableKey(901).filename in failed[name].metadata[VAL].value
    assert not materializations(instance, "bidding_results")


def test_a_hand_that_cannot_be_played_fails_its_partition_alone(materialize, instance, root, monkeypatch):
    from forge_core.errors import BadInput

    def bid(seed, *rest):
        if seed == 901:
            raise BadInput("the lights went out")
        return real(seed, *rest)

    real = records.bid_seed
    monkeypatch.setattr(records, "bid_seed", bid)
    result = materialize(VAL, TEST)
    assert not result.success and "1 of 2 partitions failed" in reason_of(result)
    assert "the lights went out" in reason_of(result)
    assert set(materializations(instance, "bidding_results")) == {TEST}
    failed = {name for name, check in checks_of(result).items() if not check.passed}
    assert failed == {"every_table_made"}
    assert len(list((root / BIDDING_FOLDER / "val").iterdir())) == 1  # the first of them stays


# settings and versions


def test_settings_default_to_those_of_the_core():
    assert BiddingLaunchpad().bidding_config(ComputeDevice(), Tracker()) == BiddingConfig()


def test_what_contradicts_itself_is_said(materialize):
    assert "leave out worlds" in reason_of(materialize(worlds=3))
    assert "unknown playout 'luck'" in reason_of(materialize(playout="luck"))
    assert "contains no model" in reason_of(materialize(playout="eq", model="nowhere"))
    assert "samples 0" in reason_of(materialize(samples=0))


def test_versions_are_those_of_the_algorithms():
    players = (HEURISTIC_VERSION, POLICY_VERSION, PLAYOUT_VERSION, EQ_VERSION)
    assert "/".join((BIDDING_VERSION, *players, ENCODER_VERSION, ORACLE_VERSION)) == versions.BIDDING
