"""After an algorithm changes, everything that depends on it is stale, and nothing else.

There are 200 and more partitions upstream, so Dagster no longer compares data versions.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from forge_assets.definitions import defs
from forge_assets.gaps.find import find_gaps
from forge_assets.gaps.report import OUTDATED, GapQuery
from forge_assets.liuzhou import versions as liuzhou_versions
from forge_assets.liuzhou.game import LIUZHOU
from forge_assets.skull_king import versions as skull_king_versions
from forge_assets.texas42 import versions as texas42_versions
from forge_assets.texas42.blocks import block_name
from forge_assets.texas42.game import TEXAS42
from forge_assets.texas42.partitions import golden_partitions
from forge_assets.texas42.universe import grow_universe
from forge_assets.versions import PROJECT
from forge_core.files import Store
from forge_core.texas42.declarations import NAMES

N_BLOCKS = 200
"""blocks of seeds: so many that Dagster compares no data versions"""
PARTITIONED = {*TEXAS42.partitioned, *LIUZHOU.partitioned}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]

SHARDS = {"oracle_shards", "marginalized_shards", "golden_shards"}
GAMES = {
    "eq_games",
    "eq_catalog",
    "eq_token_splits",
    "eq_model",
    "eq_model_onnx",
    "one_hand_model",
    "match_results",
    "champion",
    "play_page",
}
NETWORKS = {"oracle_model", "oracle_model_evaluation", "oracle_model_onnx", *GAMES}
ROWS = {
    "eq_token_splits",
    "eq_model",
    "eq_model_onnx",
    "one_hand_model",
    "match_results",
    "champion",
    "play_page",
}
SELF_PLAY = {"self_play_model", "champion", "play_page"}
LIUZHOU_NETWORKS = {"liuzhou_model", "liuzhou_evaluation", "liuzhou_champion"}
SKULL_KING_NETWORKS = {"skull_king_policy", "skull_king_evaluation", "skull_king_champion"}
RESTS_ON = {
    "ORACLE_VERSION": {*SHARDS, "shard_catalog", "token_splits", *NETWORKS, "bidding_results"},
    "SHARDS_VERSION": {*SHARDS, "shard_catalog", "token_splits", *NETWORKS},
    "TOKENS_VERSION": {"token_splits", *NETWORKS},
    "ENCODER_VERSION": {"token_splits", *NETWORKS, "bidding_results"},
    "LIVE_VERSION": NETWORKS,
    "LIVE_DECISIONS_VERSION": set(),
    "labelled.train MODEL_VERSION": NETWORKS,
    "one_hand_training.train MODEL_VERSION": {"one_hand_model", "champion", "play_page"},
    "one_hand_training.self_play MODEL_VERSION": SELF_PLAY,
    "FEATURES_VERSION": {"one_hand_model", *SELF_PLAY},
    "SELF_PLAY_VERSION": SELF_PLAY,
    "DECLARING_VERSION": SELF_PLAY,
    "GOLDEN_VERSION": {"oracle_model_evaluation", "champion", "play_page"},
    "EVALUATION_VERSION": {"oracle_model_evaluation", "champion", "play_page"},
    "ONNX_VERSION": {"oracle_model_onnx", "eq_model_onnx", "play_page"},
    "EQ_VERSION": {*GAMES, "bidding_results"},
    "PLAYOUT_VERSION": {*GAMES, "bidding_results"},
    "GAME_ROWS_VERSION": ROWS,
    "TRANSCRIPT_VERSION": ROWS,
    "INFERENCES_VERSION": ROWS,
    "BIDDING_VERSION": {"bidding_results"},
    "POLICY_VERSION": {"bidding_results"},
    "MATCH_VERSION": {"match_results", "champion", "play_page"},
    "HEURISTIC_VERSION": {"bidding_results", "match_results", "champion", "play_page"},
    "RULE_VERSION": {"match_results", "champion", "play_page"},
    "PAGE_VERSION": {"play_page"},
    "GATE_VERSION": {"champion", "play_page", "liuzhou_champion", "skull_king_champion"},
    "liuzhou SELF_PLAY_VERSION": {"liuzhou_self_play", *LIUZHOU_NETWORKS},
    "liuzhou MODEL_VERSION": LIUZHOU_NETWORKS,
    "liuzhou LADDER_VERSION": {"liuzhou_evaluation", "liuzhou_champion"},
    "skull_king RULES_VERSION": SKULL_KING_NETWORKS,
    "skull_king OBSERVATION_VERSION": SKULL_KING_NETWORKS,
    "skull_king MODEL_VERSION": SKULL_KING_NETWORKS,
    "skull_king EVALUATION_VERSION": {"skull_king_evaluation", "skull_king_champion"},
}
"""by version constant, all that is stale once it is raised"""
ASKED_OF_GAPS = ("ORACLE_VERSION", "LIVE_VERSION", "EQ_VERSION", "BIDDING_VERSION", "GATE_VERSION")
ASKED_OF_GAPS += ("liuzhou SELF_PLAY_VERSION",)
"""of which gaps is asked too: a second each"""


ALONE = {"liuzhou_validation", "skull_king_benchmark"}
"""assets whose version stands next to them, and which rest on no other"""


OTHERS = ("liuzhou", "skull_king")
"""games whose constants have the name of the game before them in RESTS_ON"""


def constants() -> dict[str, tuple[str, str]]:
    """Return every constant that the `versions` of a game read, as module and name; see RESTS_ON.

    A name that several modules of a game use follows the end of the module's name.
    """
    calls = [
        node
        for versions in (texas42_versions, liuzhou_versions, skull_king_versions)
        for node in ast.walk(ast.parse(Path(versions.__file__).read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "constant_of"
    ]
    read = [(call.args[0].value, call.args[1].value) for call in calls]
    games = {module: next((game for game in OTHERS if f".{game}." in module), "") for module, _ in read}
    found: dict[str, set[tuple[str, str]]] = {}
    for module, name in read:
        found.setdefault(f"{games[module]} {name}".strip(), set()).add((module, name))
    return {
        name if len(those) == 1 else f"{'.'.join(one[0].split('.')[-2:])} {name}": one
        for name, those in found.items()
        for one in those
    }


def definitions_with(constant: str, monkeypatch) -> dg.Definitions:
    """Return the definitions as they would be with another version of an algorithm: they are loaded again,
    and
    their code versions replace the present ones.
    """
    module, constant = constants()[constant]
    source = (PROJECT / module.replace(".", "/")).with_suffix(".py")
    read = Path.read_text

    def raised(path: Path, *rest, **more) -> str:
        text = read(path, *rest, **more)
        return re.sub(rf'(?m)^({constant} = "?)', r"\g<1>9", text) if path == source else text

    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("forge_assets")}
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_text", raised)
            loaded = importlib.import_module("forge_assets.definitions").defs.resolve_asset_graph()
    finally:
        for name in [name for name in sys.modules if name.startswith("forge_assets")]:
            del sys.modules[name]
        sys.modules.update(kept)
    return defs.map_asset_specs(
        func=lambda spec: spec.replace_attributes(code_version=loaded.get(spec.key).code_version)
    )


@pytest.fixture(scope="module")
def instance():
    """See `made_by_present_versions`; never changed."""
    with made_by_present_versions() as instance:
        yield instance


@contextmanager
def made_by_present_versions():
    """Record all assets as made by the present versions: 200 partitions of each block asset, all of the
    others."""
    blocks = [block_name(block) for block in range(N_BLOCKS)]
    rectangle = [f"{decl}|{name}" for decl in NAMES for name in blocks[:20]]
    many = {"oracle_shards": rectangle, "marginalized_shards": rectangle}
    many |= {"golden_shards": golden_partitions.get_partition_keys()}
    many |= {"eq_games": blocks, "bidding_results": blocks}
    graph = defs.resolve_asset_graph()
    with dg.DagsterInstance.ephemeral() as instance:
        grow_universe(instance, [N_BLOCKS - 1])
        for key in graph.toposorted_asset_keys:
            name, node = key.to_user_string(), graph.get(key)
            tags = {"dagster/code_version": node.code_version, "dagster/data_version": "d"}
            for parent in node.parent_keys:
                found = instance.fetch_materializations(parent, limit=1).records[0]
                tags[f"dagster/input_data_version/{parent.to_user_string()}"] = "d"
                tags[f"dagster/input_event_pointer/{parent.to_user_string()}"] = str(found.storage_id)
            if name not in many:
                many[name] = node.partitions_def.get_partition_keys() if node.partitions_def else [None]
            for partition in many[name]:
                metadata = {"settings": "settings"} if name in ("eq_games", "bidding_results") else {}
                event = dg.AssetMaterialization(name, partition=partition, metadata=metadata, tags=tags)
                instance.report_runless_asset_event(event)
        yield instance


def stale_by_dagster(definitions: dg.Definitions, instance) -> set[str]:
    """Return the assets that Dagster calls stale, on the graph or for a partition on their page."""
    graph = definitions.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    stale = set()
    for key in graph.get_all_asset_keys():
        partitions = graph.get(key).partitions_def
        name = key.to_user_string()
        if partitions is None:
            asked = [None]
        elif name in PARTITIONED:
            made = sorted(instance.get_materialized_partitions(key))
            assert len(made) >= 200
            asked = [made[0], made[-1]]
        else:
            asked = partitions.get_partition_keys()
        found = {resolver.get_status(key, partition) for partition in asked}
        assert len(found) == 1 and found <= {StaleStatus.STALE, StaleStatus.FRESH}, (name, found)
        if found == {StaleStatus.STALE}:
            stale.add(name)
    return stale


def stale_by_gaps(definitions: dg.Definitions, instance, store: Path) -> set[str]:
    """Return the assets that gaps calls stale: by Dagster's rules, or by the records of partitions."""
    found = find_gaps(GapQuery(), Store(str(store)), instance, definitions)
    assert not found.never_made
    outdated = {}
    for of in found.assets:
        old = {gap.partition for gap in of.gaps if OUTDATED in gap.kinds}
        made = set(instance.get_materialized_partitions(dg.AssetKey(of.asset)))
        assert old in (set(), made), of.asset
        outdated[of.asset] = bool(old)
    assert set(outdated) == PARTITIONED
    return {wanted.asset for wanted in found.stale} | {name for name, old in outdated.items() if old}


def test_every_version_has_its_list_of_what_rests_on_it():
    assert set(RESTS_ON) == set(constants())
    graph = defs.resolve_asset_graph()
    everything = {key.to_user_string() for key in graph.get_all_asset_keys() if graph.get(key).code_version}
    assert set().union(*RESTS_ON.values()) == everything - ALONE


def test_nothing_is_stale_while_nothing_changes(instance, tmp_path):
    assert stale_by_dagster(defs, instance) == set()
    assert stale_by_gaps(defs, instance, tmp_path) == set()


@pytest.mark.parametrize("constant", RESTS_ON)
def test_a_raised_version_marks_all_that_follows_and_nothing_else(instance, constant, tmp_path, monkeypatch):
    changed = definitions_with(constant, monkeypatch)
    assert stale_by_dagster(changed, instance) == RESTS_ON[constant]
    if constant in ASKED_OF_GAPS:
        assert stale_by_gaps(changed, instance, tmp_path) == RESTS_ON[constant]


def test_the_mark_goes_as_assets_are_made_anew_in_order(monkeypatch):
    """A partition of shards, then the catalog, then rows: each becomes fresh in turn while the rest is
    stale."""
    graph = definitions_with("ORACLE_VERSION", monkeypatch).resolve_asset_graph()
    with made_by_present_versions() as instance:
        make_anew_in_order(graph, instance)


def make_anew_in_order(graph, instance) -> None:

    def status(name: str, partition: str | None = None) -> StaleStatus:
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        return resolver.get_status(dg.AssetKey(name), partition)

    def make(name: str, partition: str | None = None, depends_on: str | None = None) -> None:
        tags = {"dagster/code_version": graph.get(dg.AssetKey(name)).code_version}
        tags["dagster/data_version"] = "new"
        if depends_on:
            found = instance.fetch_materializations(dg.AssetKey(depends_on), limit=1).records[0]
            tags[f"dagster/input_data_version/{depends_on}"] = "new"
            tags[f"dagster/input_event_pointer/{depends_on}"] = str(found.storage_id)
        instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=partition, tags=tags))

    block = f"sixes|{block_name(0)}"
    make("oracle_shards", block)
    assert status("oracle_shards", block) == StaleStatus.FRESH
    assert status("oracle_shards", f"fives|{block_name(0)}") == StaleStatus.STALE
    assert status("shard_catalog") == StaleStatus.STALE
    make("shard_catalog")
    assert status("shard_catalog") == StaleStatus.FRESH
    make("token_splits", "train", "shard_catalog")
    assert status("token_splits", "train") == StaleStatus.FRESH
    assert status("token_splits", "val") == status("oracle_model", "qvalue") == StaleStatus.STALE
