"""Comparison of files and Dagster's records with their expected state.

Files are checked by their own headers (see forge_core.files.inspection), records by the versions of the
algorithms, and all other assets by Dagster's own rules of staleness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import dagster as dg

from forge_assets.dagster_internals import INPUT_VERSION, asset_graph
from forge_assets.games import Game, all_games
from forge_assets.gaps.partitioned import PartitionedAsset, Settings, settings_of
from forge_assets.gaps.report import (
    DIFFERENT,
    FAULTS,
    OUTDATED,
    UNRECORDED,
    UPSTREAM,
    VARYING,
    AssetGaps,
    Gap,
    GapQuery,
    GapReport,
    settings_text,
)
from forge_assets.gaps.staleness import find_stale
from forge_assets.materializations import Record, latest_record, latest_records
from forge_assets.run_config import asset_key, default_definitions, op_name, run_config
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.files.inspection import Condition, FileStatus, inspect_files, usual_settings


@dataclass(frozen=True, slots=True)
class _Work:
    """The partitions of one asset to inspect."""

    asset: PartitionedAsset
    code_version: str | None
    keys: Mapping[str, Sequence[Any]]
    """keys of the files, by partition"""
    records: Mapping[str, Record]
    """records, by partition"""

    @property
    def last(self) -> Record | None:
        """The most recent record."""
        return max(self.records.values(), key=lambda record: record.storage_id, default=None)


def find_gaps(
    query: GapQuery,
    store: Store,
    instance: dg.DagsterInstance,
    definitions: dg.Definitions | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
    games: Sequence[Game] | None = None,
) -> GapReport:
    """Inspect the store, Dagster's records and the rest of the asset graph.

    definitions, games: the project's by default. advance: called with the number of files read so far and
    the total. Raise BadInput if the query cannot be answered, StoreUnusable if the store cannot be read.
    """
    games = all_games() if games is None else games
    definitions = default_definitions(definitions)
    partitioned = [asset for game in games for asset in game.partitioned]
    if unknown := set(query.assets) - set(partitioned):
        raise BadInput(f"asset {min(unknown)} cannot be inspected file by file: use {', '.join(partitioned)}")
    graph = asset_graph(definitions)
    work: list[_Work] = []
    for asset in chain.from_iterable(game.inspection(query, store) for game in games):
        key = asset_key(asset.asset)
        records = latest_records(instance, key)
        if partitions := asset.partitions(records.keys()):
            keys = {partition: asset.keys(partition) for partition in partitions}
            work.append(_Work(asset, graph.get(key).code_version, keys, records))
    total, done = sum(len(keys) for one in work for keys in one.keys.values()), 0
    found: list[AssetGaps] = []
    for one in work:
        files: list[FileStatus] = []
        keys = list(chain.from_iterable(one.keys.values()))
        for file in inspect_files(store.join(one.asset.folder), keys, one.asset.examine):
            files.append(file)
            done += 1
            advance(done, total)
        found.append(_compare(one, files, instance, store, definitions))
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        others = list(find_stale(instance, graph, partitioned, {asset.asset for asset in found}))
    return GapReport(store.url, query.blocks, tuple(found), tuple(others))


def _compare(
    work: _Work,
    files: Sequence[FileStatus],
    instance: dg.DagsterInstance,
    store: Store,
    definitions: dg.Definitions,
) -> AssetGaps:
    """Compare files and records of all partitions with their expected state. files: one per key, in order."""
    asset = work.asset
    of_all = asset.choose_settings(usual_settings(files, asset.version), work.last)
    network = asset.network and latest_record(instance, asset_key(asset.network[0]), asset.network[1])
    present = network.data_version if network else None
    gaps: list[Gap] = []
    rest = iter(files)
    for partition, keys in work.keys.items():
        of_partition = [next(rest) for _ in keys]
        settings = of_all
        if asset.settings_vary:
            usual = usual_settings(of_partition, asset.version)
            settings = asset.choose_settings(usual, work.records.get(partition))
        kinds: set[str] = set()
        faults, missing = [], 0
        for file in of_partition:
            condition = file.condition(asset.version, settings)
            if condition is Condition.SOUND:
                continue
            kinds.add(condition)
            if condition is Condition.MISSING:
                missing += 1
            else:
                path = f"{asset.folder}/{file.key.folder}/{file.key.filename}"
                faults.append((path, _reason(file, condition)))
        names = [file.key.filename for file in of_partition]
        kinds |= set(_record_faults(work, partition, settings, names, present))
        if kinds:
            ordered = tuple(fault for fault in FAULTS if fault in kinds)
            gaps.append(Gap(partition, ordered, tuple(faults), missing))
    return AssetGaps(
        asset=asset.asset,
        noun=asset.noun,
        partitions=tuple(work.keys),
        files=len(files),
        settings=VARYING if asset.settings_vary else of_all,
        gaps=tuple(gaps),
        describe=asset.describe,
        run_config=_run_config(work, of_all, instance, store, definitions),
    )


def _record_faults(
    work: _Work, partition: str, settings: Settings, names: Sequence[str], network: str | None
) -> Iterator[str]:
    """Yield the faults of the record of a partition.

    names: names of its files. network: data version of the network that would be used now.
    """
    record = work.records.get(partition)
    if record is None:
        yield UNRECORDED
        return
    if record.code_version != work.code_version:
        yield OUTDATED  # its data version then differs too
    elif work.asset.data_version:
        if record.data_version != work.asset.data_version(settings, names):
            yield DIFFERENT
    elif settings_of(record) != settings.get("settings"):
        yield DIFFERENT
    if network and work.asset.network:
        asked = record.tags.get(f"{INPUT_VERSION}{work.asset.network[0]}")
        if asked not in (None, network):
            yield UPSTREAM


def _reason(file: FileStatus, condition: Condition) -> str:
    if condition is Condition.FOREIGN:
        return "a foreign file is in the way: move it away, or use another store"
    if file.made is None:
        return file.fault or ""
    if condition is Condition.STALE:
        return f"made by version {file.made.version}"
    return "made with " + settings_text(file.made.settings)


def _run_config(
    work: _Work,
    settings: Settings,
    instance: dg.DagsterInstance,
    store: Store,
    definitions: dg.Definitions,
) -> Mapping[str, Any] | None:
    """Return the configuration of a run that makes the missing files with the same settings.

    Return None if there is no recorded run whose configuration could be repeated.
    """
    asset, place = work.asset, {"store": {"url": store.url}}
    if asset.run_settings:
        return run_config(asset.asset, asset.run_settings(settings), place, definitions)
    run = instance.get_run_by_id(work.last.run_id) if work.last else None
    if run is None:
        return None
    op, config = op_name(asset.asset, definitions), dict[str, Any](run.run_config)
    resources = run_config(asset.asset, None, place)["resources"]
    return {
        "ops": {op: config.get("ops", {}).get(op, {})},
        "resources": config.get("resources", {}) | resources,
    }
