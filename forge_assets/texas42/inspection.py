"""Descriptions, for `gaps`, of the Texas 42 assets whose partitions hold many files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from forge_assets.gaps.partitioned import PartitionedAsset, Settings, choose_units
from forge_assets.gaps.report import GapQuery
from forge_assets.materializations import Record
from forge_assets.renaming import OLD_NAMES
from forge_assets.texas42 import versions
from forge_assets.texas42.blocks import BLOCK_SIZE, MOST_BLOCKS, RENAMED, block_name, block_seeds
from forge_assets.texas42.partitions import (
    block_keys,
    golden_keys,
    golden_partitions,
    partitions_text,
    shard_keys,
)
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.files.inspection import FileStatus
from forge_core.splits import Split
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.folders import (
    BIDDING_FOLDER,
    GAMES_FOLDER,
    GOLDEN_SHARDS,
    MARGINALIZED_SHARDS,
    STANDARD_SHARDS,
)
from forge_core.texas42.settings.shards import DEFAULT_OPPONENTS

_FIRST = "oracle_shards"
"""the asset that must have every block of a query that names no asset"""


def inspection(query: GapQuery, store: Store) -> list[PartitionedAsset]:
    """Return a description of how each partitioned asset of the game is filled.

    query.settings: any settings of ExpectedShards. Raise BadInput if the query has blocks or rows that do not
    exist.
    """
    from forge_core.texas42.oracle.shards import ShardConfig

    if (rows := query.settings.get("rows")) is not None:
        ShardConfig(rows)
    if query.blocks and not 0 <= min(query.blocks) <= max(query.blocks) < MOST_BLOCKS:
        raise BadInput(
            f"blocks {query.blocks[0]}..{query.blocks[-1]} do not all exist: use 0..{MOST_BLOCKS - 1}"
        )
    return [*_shards(query, store), *_by_block(query, store)]


def _shards(query: GapQuery, store: Store) -> Iterator[PartitionedAsset]:
    from forge_assets.texas42.oracle_shards import version_of
    from forge_core.texas42.oracle.shards import SHARDS, ShardConfig, settings_made

    default = settings_made(ShardConfig())
    declarations = query.settings.get("declarations", "one")
    stored = _opponents_in(store.join(MARGINALIZED_SHARDS))
    opponents = query.settings.get("opponents") or stored or DEFAULT_OPPONENTS

    def shards(
        asset: str,
        folder: str,
        partitions: Callable[[Collection[str]], Sequence[str]],
        keys: Callable[[str], Sequence[Any]],
        run_settings: Mapping[str, Any],
        files: Any = SHARDS,
    ) -> PartitionedAsset:
        return PartitionedAsset(
            asset=asset,
            noun="shards",
            folder=folder,
            version=versions.SHARDS,
            partitions=partitions,
            keys=keys,
            examine=partial(files.examine, verify=query.verify),
            describe=partitions_text,
            choose_settings=partial(_shard_settings, query.settings, default),
            data_version=version_of,
            run_settings=partial(_run_settings, run_settings),
        )

    for asset, folder, among in (
        ("oracle_shards", STANDARD_SHARDS, None),
        ("marginalized_shards", MARGINALIZED_SHARDS, opponents),
    ):
        layout = {"declarations": declarations} | ({"opponents": among} if among else {})
        yield shards(
            asset,
            folder,
            partial(_partitions, query, store, asset, folder, True),
            partial(_keys_of_block, declarations, among),
            layout,
        )
    golden = SHARDS.remade_by(lambda key: "forge-pipeline gaps --asset golden_shards --mend")
    among_golden = partial(_golden_partitions, query, store)
    yield shards("golden_shards", GOLDEN_SHARDS, among_golden, golden_keys, {}, golden)


def _by_block(query: GapQuery, store: Store) -> Iterator[PartitionedAsset]:
    for asset, noun, folder, version, keys, examine in (
        ("eq_games", "games", GAMES_FOLDER, versions.EQ, block_keys, _examine_game),
        ("bidding_results", "tables", BIDDING_FOLDER, versions.TABLES, _table_keys, _examine_table),
    ):
        yield PartitionedAsset(
            asset=asset,
            noun=noun,
            folder=folder,
            version=version,
            partitions=partial(_partitions, query, store, asset, folder, False),
            keys=keys,
            examine=partial(examine, verify=query.verify),
            describe=partitions_text,
            network=("oracle_model", "qvalue") if asset == "eq_games" else None,
        )


# --- settings ---------------------------------------------------------------------------------------


def _shard_settings(
    wanted: Mapping[str, Any], default: Settings, usual: Settings | None, last: Record | None
) -> Settings:
    """Choose the settings of shards: from the query, else those of most files, else the defaults."""
    settings = dict(usual or default)
    settings |= {name: wanted[name] for name in ("rows", "sample_seed") if wanted.get(name) is not None}
    if settings["rows"] == "all":
        return {"rows": "all"}  # no rows are drawn, so the seed has no effect
    return {"sample_seed": default["sample_seed"]} | settings


def _run_settings(layout: Mapping[str, Any], settings: Settings) -> Mapping[str, Any]:
    """Return the settings of a run that makes such shards. It verifies whole files, since they are few."""
    return {**settings, "rows": str(settings["rows"]), **layout, "verify": True}


def _opponents_in(folder: Store) -> int:
    """Return the number of deals per base hand in a folder of marginalized shards; 0 if there are none."""
    from forge_core.texas42.oracle.shards import ShardKey

    found = 0
    for name in _names(folder):
        try:
            found = max(found, (ShardKey.parse(name).opponent or 0) + 1)
        except BadInput:
            continue  # shard_catalog reports it
    return found


# --- partitions -------------------------------------------------------------------------------------


def _partitions(
    query: GapQuery, store: Store, asset: str, folder: str, by_declaration: bool, recorded: Collection[str]
) -> Sequence[str]:
    """Choose the partitions to inspect: the blocks of the query, or those with data on disk or in Dagster.

    Raise BadInput if Dagster's records have the names of an earlier version.
    """
    if any(RENAMED.word in partition for partition in recorded):
        raise BadInput(OLD_NAMES)
    begun = {_block_of(partition) for partition in recorded} | set(_blocks_in(store.join(folder)))
    blocks = choose_units(query, begun, asset, _FIRST)
    names = [block_name(block) for block in blocks if block < MOST_BLOCKS]
    return [f"{decl}|{name}" for decl in NAMES for name in names] if by_declaration else names


def _golden_partitions(query: GapQuery, store: Store, recorded: Collection[str]) -> Sequence[str]:
    """Choose the partitions of the benchmark: all if it has data or the query names it, else none."""
    begun = bool(recorded) or bool(_names(store.join(GOLDEN_SHARDS)))
    if "golden_shards" in query.assets or (begun and not query.assets):
        return golden_partitions.get_partition_keys()
    return []


def _names(folder: Store) -> list[str]:
    return [name for split in Split for name in folder.join(split).names(".parquet")]


def _blocks_in(folder: Store) -> Iterator[int]:
    """Yield the block of every file whose name contains a seed."""
    for name in _names(folder):
        seed = name.removeprefix("seed_").partition("_")[0].partition(".")[0]
        if seed.isdecimal():
            yield int(seed) // BLOCK_SIZE


def _block_of(partition: str) -> int:
    return block_seeds(partition.rpartition("|")[2])[0] // BLOCK_SIZE


# --- files ------------------------------------------------------------------------------------------


def _keys_of_block(declarations: str, opponents: int | None, partition: str) -> Sequence[Any]:
    return shard_keys(partition, declarations, opponents)


def _table_keys(partition: str) -> Sequence[Any]:
    from forge_core.texas42.bidding.records import TableKey

    return [TableKey(seed) for seed in block_seeds(partition)]


def _examine_game(store: Store, key: Any, verify: bool) -> FileStatus:
    from forge_core.texas42.eq.files import GAMES

    return GAMES.examine(store, key, verify=verify)


def _examine_table(store: Store, key: Any, verify: bool) -> FileStatus:
    from forge_assets.texas42.bidding_results import remake
    from forge_core.texas42.bidding.records import VERSIONED_TABLES

    return VERSIONED_TABLES.remade_by(remake).examine(store, key, verify=verify)
