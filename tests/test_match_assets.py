"""The table of all players as an asset: matches, metadata, checks; no match is played twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from asset_runs import checks_of, materializations, metadata_of, reason_of, stale_status, with_code_versions
from dagster._core.definitions.data_version import StaleStatus

from forge_assets.definitions import defs
from forge_assets.in_process import materialize_here
from forge_assets.texas42 import versions
from forge_assets.texas42.match_results import CHECKS, PLAYERS, MatchLaunchpad
from forge_core.arena.settings import choose_seeds
from forge_core.arena.standings import standings
from forge_core.device import device_name, resolve_device
from forge_core.files import Store
from forge_core.texas42.arena import Conditions, boards, match, play_all, play_match
from forge_core.texas42.arena.boards import write_block
from forge_core.texas42.arena.faults import missing_boards, unequal_contracts, unlike_the_store
from forge_core.texas42.arena.report import Comparison
from forge_core.texas42.bidding import bidders
from forge_core.texas42.players import heuristic, parse_player
from forge_core.texas42.players.names import KINDS
from forge_core.texas42.reference import REFERENCE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]

NAMES = ["random", "heuristic", "clairvoyant"]
RANDOM, HEURISTIC, CLAIRVOYANT = map(parse_player, NAMES)
SEEDS = range(20, 60)


@pytest.fixture
def materialize(instance, root, tmp_path):
    """Play a few players against each other in this process, on a store of the test."""

    def run(players=NAMES, seeds="20-59", **settings):
        resources = {
            "store": {"url": str(root)},
            "tracker": {"uri": f"sqlite:///{tmp_path}/mlflow.db"},
        }
        asked = {"players": list(players), "seeds": seeds} | settings
        return materialize_here("match_results", instance, None, asked, resources)

    return run


@pytest.fixture
def dealt(monkeypatch) -> list[int]:
    """Count the games played, by lockstep."""
    games: list[int] = []

    def count(some, *rest):
        games.append(len(some))
        return real(some, *rest)

    real = match.play_out
    monkeypatch.setattr(match, "play_out", count)
    return games


# what is made


def test_the_table_is_that_of_the_arena(materialize, instance):
    result = materialize()
    assert result.success, reason_of(result)
    said = metadata_of(result, "match_results")
    assert said["dagster/row_count"] == 240 and said["dagster/uri"].endswith("/matches")
    played = play_all([RANDOM, HEURISTIC, CLAIRVOYANT], SEEDS, Conditions())
    best, *_ = ranked = standings(played)
    assert (said["best"], said["players"], said["deals"], said["games"]) == ("clairvoyant", 3, 40, 240)
    assert said["conditions"] == {"declare": "hand", "bid": 30, "seed": 0}
    assert said["device"] == device_name(resolve_device("auto"))
    assert f"| 1 | clairvoyant | {best.swing.mean:+.2f} ± " in said["table"]
    pairs = {(found["a"], found["b"]): found for found in said["pairs"]}
    assert len(pairs) == 3
    names = [standing.name for standing in ranked]
    for told in played:
        found = Comparison.of(told if names.index(told.a) < names.index(told.b) else told.swapped())
        assert pairs[found.a, found.b] == found.to_dict()
        assert f"{found.a} : {found.b} | {found.swing.mean:+.2f} ± " in said["table"]
        assert f"| {found.p_contracts:.2g} | {found.marks_a} : {found.marks_b} | 40 |" in said["table"]
    assert said["standings"].startswith("![](data:image/png;base64,") and len(said["standings"]) < 80_000
    checks = checks_of(result)
    assert set(checks) == set(CHECKS) and all(check.passed for check in checks.values())
    assert checks["boards_replay"].metadata["boards"].value == 240
    [event] = materializations(instance, "match_results")[None]
    assert event.tags["dagster/code_version"] == versions.MATCHES
    assert stale_status(defs, instance, "match_results") == StaleStatus.FRESH
    assert stale_status(with_code_versions("+"), instance, "match_results") == StaleStatus.STALE


def test_only_what_is_new_is_played(materialize, instance, dealt):
    materialize(NAMES[:2], "20-49")
    assert sum(dealt) == 2 * 30
    materialize()  # ten deals more for the pair, and two pairs more
    assert sum(dealt) == 3 * 2 * 40
    materialize()
    assert sum(dealt) == 3 * 2 * 40
    last, again, first = materializations(instance, "match_results")[None]
    found = [event.tags["dagster/data_version"] for event in (last, again, first)]
    assert found[0] == found[1] != found[2]


def test_an_interrupted_run_goes_on_where_it_stopped(materialize, instance, dealt, monkeypatch):
    def stop(store, seating, new):
        if new.seed[0] >= 50:
            raise KeyboardInterrupt
        write_block(store, seating, new)

    monkeypatch.setattr(match, "write_block", stop)
    assert not materialize(NAMES[:2], "0-99", batch=50).success
    assert not materializations(instance, "match_results")
    monkeypatch.setattr(match, "write_block", write_block)
    dealt.clear()
    assert materialize(NAMES[:2], "0-99", batch=50).success
    assert sum(dealt) == 2 * 50


def test_a_pair_that_is_decided_stops(materialize):
    said = metadata_of(
        materialize(NAMES[:2], seeds="0-399", sprt=True, margin=3.0, batch=50), "match_results"
    )
    [pair] = said["pairs"]
    assert pair["better"] == "a" and pair["deals"] < 400 and pair["deals"] % 50 == 0
    assert f"| {pair['deals']} | heuristic is better |" in said["table"]


def test_networks_are_named_by_folder_or_by_what_was_taught(materialize):
    names = [f"eq:worlds=2,oracle=model,model={REFERENCE}", "random"]
    said = metadata_of(materialize(names, "20-23"), "match_results")
    assert {pair[side] for pair in said["pairs"] for side in "ab"} == set(names)
    assert "eq_model has no eq network yet" in reason_of(materialize(["random", "stage2:model=latest"]))
    assert "oracle_model has no qvalue network" in reason_of(materialize(["random", "eq:model=latest"]))
    assert "oracle_model has no policy network" in reason_of(materialize(["random", "policy:model=latest"]))
    assert "texas42-oracle-qvalue has no champion" in reason_of(
        materialize(["random", "pmake:model=champion"])
    )


def test_players_that_are_meant_exist():
    assert all(name.partition(":")[0] in KINDS for name in PLAYERS)
    settings = MatchLaunchpad().settings()
    assert Conditions.of(settings) == Conditions() and len(choose_seeds(settings)) == 1_000


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"players": ["random"]}, "at least two"),
        ({"players": ["random", "luck"]}, "unknown player 'luck'"),
        ({"decl": "luck"}, "declaration"),
        ({"bid": 29}, "bid 29"),
        ({"seeds": "950-960"}, "sealed"),
        ({"seeds": "0"}, "at least two"),
        ({"deals": 5}, "deals and seeds exclude each other"),
        ({"margin": 1.0}, "set sprt too"),
        ({"decl": "auction", "bid": 31}, "an auction determines the bid"),
    ],
)
def test_what_cannot_be_is_said(materialize, settings, message):
    assert message in reason_of(materialize(**settings))


# what is checked


def test_a_damaged_block_stops_the_run_and_is_named(materialize, root):
    materialize(NAMES[:2])
    block = next(root.rglob("*.parquet"))
    block.write_bytes(block.read_bytes()[:-9])
    assert f"{block.name}" in reason_of(materialize(NAMES[:2]))
    block.unlink()
    assert materialize(NAMES[:2]).success


def test_boards_that_were_told_otherwise_fail_their_check(materialize, instance, monkeypatch):
    def lie(store, seating, new):
        write_block(store, seating, new.take(slice(len(new) - 1)))  # one deal is lost on the way

    monkeypatch.setattr(match, "write_block", lie)
    result = materialize(NAMES[:2])
    failed = {name: check for name, check in checks_of(result).items() if not check.passed}
    assert set(failed) == {"boards_replay"}
    assert "the stored games differ" in str(failed["boards_replay"].metadata["random : heuristic"].value)


def test_faults_of_matches_are_found(tmp_path):
    store = Store(str(tmp_path))
    played = play_match(HEURISTIC, RANDOM, SEEDS, Conditions(), store)
    assert missing_boards(played, SEEDS) is None
    assert unequal_contracts(played) is None
    assert unlike_the_store(played, HEURISTIC, RANDOM, store) is None
    assert unlike_the_store(played.swapped(), RANDOM, HEURISTIC, store) is None
    assert "heuristic bidding, 40 deals" in (missing_boards(played, range(20, 61)) or "")
    fewer = replace(played, by_b=played.by_b.take(slice(39)))
    assert "random bidding, 39 deals" in (missing_boards(fewer, SEEDS) or "")
    other = replace(played, by_b=replace(played.by_b, decl=(played.by_b.decl + 1) % 10))
    assert "seed 20" in (unequal_contracts(other) or "")
    mixed = replace(played, by_a=played.by_b)
    assert "with heuristic bidding" in (unlike_the_store(mixed, HEURISTIC, RANDOM, store) or "")


def test_versions_are_those_of_the_algorithms():
    own = (boards.MATCH_VERSION, heuristic.HEURISTIC_VERSION, bidders.RULE_VERSION)
    parts = (*own, versions.EQ_MODEL)
    assert "/".join(parts) == versions.MATCHES
