"""What is missing, on disk and in Dagster's records, and the backfill that mends exactly that.

Files are held to what they say of themselves (see forge_core.files.inspection), records to the versions of
the algorithms, and all other assets to Dagster's own rules of what is stale.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import dagster as dg

from forge_assets.texas42 import versions
from forge_assets.texas42.blocks import BLOCK_SIZE, N_BLOCKS, block_name, block_seeds
from forge_assets.texas42.partitions import block_keys, golden_keys, golden_partitions, shard_keys
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.files.inspection import Condition, FileStatus, Provenance, inspect_files, usual_settings
from forge_core.texas42.declarations import NAMES

BLOCK_ASSETS = ("oracle_shards", "marginalized_shards", "golden_shards", "eq_games", "bidding_results")
"""the assets of many partitions, whose files are looked at one by one"""
RANGED = BLOCK_ASSETS[0]
"""the one that a range is asked of, unless others are named"""

UNRECORDED = "not recorded"
OUTDATED = "recorded under an older version"
DIFFERENT = "recorded with other settings"
UPSTREAM = "recorded before its network changed"
KINDS = (*Condition, UNRECORDED, OUTDATED, DIFFERENT, UPSTREAM)
"""what a partition may be, in the order that it is said"""
_MENDED = {
    *(Condition.MISSING, Condition.CORRUPT, Condition.STALE, Condition.DIFFERENT_SETTINGS),
    *(UNRECORDED, OUTDATED, DIFFERENT),
}
"""what a run makes good. Not UPSTREAM: games by an older network are none the less games"""

_CODE, _DATA = "dagster/code_version", "dagster/data_version"
_MENDS = "forge/mends"
"""tag of a backfill that was started here: the asset"""


@dataclass(frozen=True, slots=True)
class GapQuery:
    """What is looked for."""

    blocks: tuple[int, ...] | None = None
    """None: those that the store or Dagster has any of, of each asset"""
    assets: tuple[str, ...] = ()
    """held to all of `blocks`, the others to what was begun of them; none: RANGED"""
    rows: int | str | None = None
    """of a shard; None: as most of the asset have"""
    sample_seed: int | None = None
    declarations: str = "one"
    """of a partition of shards: see `partitions.shard_keys`"""
    opponents: int | None = None
    """None: as many as the store has"""
    verify: bool = False
    """read whole files"""


@dataclass(frozen=True, slots=True)
class Gap:
    """A partition that is not as it should be."""

    partition: str
    kinds: tuple[str, ...]
    """of KINDS"""
    files: tuple[tuple[str, str], ...]
    """path below the store and what is wrong, for all but missing ones"""
    missing: int = 0
    """files that are not there"""


@dataclass(frozen=True, slots=True)
class AssetGaps:
    """One asset of many partitions."""

    asset: str
    noun: str
    """what its files are: shards, games, tables"""
    partitions: tuple[str, ...]
    """looked at"""
    files: int
    """that should be there"""
    settings: Mapping[str, Any]
    """with which"""
    gaps: tuple[Gap, ...]
    run_config: Mapping[str, Any] | None = None
    """of a run that mends it; None: nobody knows with which settings"""

    @property
    def mendable(self) -> list[str]:
        """Partitions that a run makes good: none with the file of another maker in the way."""
        if self.run_config is None:
            return []
        return [
            gap.partition
            for gap in self.gaps
            if _MENDED & set(gap.kinds) and Condition.FOREIGN not in gap.kinds
        ]

    def by_kinds(self) -> dict[tuple[str, ...], list[Gap]]:
        """The gaps, those alike together."""
        found: dict[tuple[str, ...], list[Gap]] = defaultdict(list)
        for gap in self.gaps:
            found[gap.kinds].append(gap)
        return dict(sorted(found.items(), key=lambda item: [KINDS.index(kind) for kind in item[0]]))


@dataclass(frozen=True, slots=True)
class StaleAsset:
    """Another asset, or a partition of one, that is not up to date."""

    asset: str
    partition: str | None
    causes: tuple[str, ...]
    """why it is stale; none: it was never made"""

    @property
    def name(self) -> str:
        """`token_splits[train]`."""
        return self.asset if self.partition is None else f"{self.asset}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class GapReport:
    """All of it."""

    store: str
    blocks: tuple[int, ...] | None
    assets: tuple[AssetGaps, ...]
    others: tuple[StaleAsset, ...]
    """in the order in which they are made"""

    @property
    def stale(self) -> list[StaleAsset]:
        """Others that were made, and are to be made anew."""
        return [wanted for wanted in self.others if wanted.causes]

    @property
    def never_made(self) -> list[StaleAsset]:
        """Others that nobody has made yet."""
        return [wanted for wanted in self.others if not wanted.causes]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing; what was never made is not."""
        return not self.stale and not any(asset.gaps for asset in self.assets)


@dataclass(frozen=True, slots=True)
class PartitionedAsset:
    """How the partitions of an asset are filled."""

    asset: str
    noun: str
    folder: str
    code_version: str
    version: str
    """of the algorithms, as its files name it"""
    default: Mapping[str, Any] | None
    """settings of a file where nobody has said any; None: there are none"""
    by_declaration: bool
    keys: Callable[[str], list[Any]]
    """of the files of a partition"""
    read: Callable[[Store, Any], Any]
    """see gaps.look"""
    data_version: Callable[[Mapping[str, Any], Sequence[str]], str] | None = None
    """of a complete partition, by settings and file names; None: its record says its settings"""
    config: Mapping[str, Any] = field(default_factory=dict)
    """settings of a run, beside those of its files; for shards alone, others are run as they were last"""


def find_gaps(
    asked: GapQuery,
    store: Store,
    instance: dg.DagsterInstance,
    definitions: dg.Definitions | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> GapReport:
    """Look at the store, at the records, and at the rest of the graph.

    advance: told how many files were read, and of how many. Raises BadInput, StoreUnusable.
    """
    if definitions is None:
        from forge_assets.definitions import defs as definitions
    if unknown := set(asked.assets) - set(BLOCK_ASSETS):
        raise BadInput(f"{min(unknown)} is not looked at file by file: use {', '.join(BLOCK_ASSETS)}")
    if asked.blocks and not 0 <= min(asked.blocks) <= max(asked.blocks) < N_BLOCKS:
        raise BadInput(f"blocks {asked.blocks[0]}..{asked.blocks[-1]}: use 0..{N_BLOCKS - 1}")
    graph = definitions.resolve_asset_graph()
    work = []
    for kind in kinds_of(asked, store, graph):
        records = latest_records(instance, kind.asset)
        if partitions := wanted_partitions(kind, asked, store, records):
            work.append((kind, {partition: kind.keys(partition) for partition in partitions}, records))
    total, done = sum(len(of_one) for _, keys, _ in work for of_one in keys.values()), 0
    found = []
    for kind, keys, records in work:
        seen = []
        for one in inspect_files(
            store.join(kind.folder), list(chain.from_iterable(keys.values())), kind.read
        ):
            seen.append(one)
            done += 1
            advance(done, total)
        found.append(judge(kind, asked, keys, seen, records, instance, store))
    others = tuple(find_others(instance, graph, {asset.asset for asset in found}))
    return GapReport(store.url, asked.blocks, tuple(found), others)


def kinds_of(asked: GapQuery, store: Store, graph: Any) -> list[PartitionedAsset]:
    """How each asset is filled; code versions are those of the graph."""
    from forge_assets.texas42.oracle_shards import version_of
    from forge_core.texas42.oracle.shards import ShardConfig, settings_made, shard_made

    default = settings_made(ShardConfig())
    shards = partial(
        PartitionedAsset,
        noun="shards",
        version=versions.SHARDS,
        default=default,
        by_declaration=True,
        read=partial(shard_made, verify=asked.verify),
        data_version=version_of,
    )
    games = partial(PartitionedAsset, default=None, by_declaration=False)
    opponents = asked.opponents or opponents_in(store.join("shards-marginalized")) or 3

    def code(asset: str) -> str:
        return graph.get(dg.AssetKey(asset)).code_version

    return [
        shards(
            "oracle_shards",
            folder="shards-standard",
            code_version=code("oracle_shards"),
            keys=lambda name: shard_keys(name, asked.declarations),
            config={"declarations": asked.declarations},
        ),
        shards(
            "marginalized_shards",
            folder="shards-marginalized",
            code_version=code("marginalized_shards"),
            keys=lambda name: shard_keys(name, asked.declarations, opponents),
            config={"declarations": asked.declarations, "opponents": opponents},
        ),
        shards(
            "golden_shards",
            folder="shards-golden",
            code_version=code("golden_shards"),
            keys=golden_keys,
        ),
        games(
            "eq_games",
            "games",
            _GAMES,
            code("eq_games"),
            versions.EQ,
            keys=block_keys,
            read=partial(read_game, verify=asked.verify),
        ),
        games(
            "bidding_results",
            "tables",
            _TABLES,
            code("bidding_results"),
            versions.version_of("forge_core.texas42.bidding.table", "BIDDING_VERSION"),
            keys=table_keys,
            read=partial(read_table, verify=asked.verify),
        ),
    ]


_GAMES = versions.version_of("forge_core.texas42.eq.files", "GAMES_FOLDER")
_TABLES = versions.version_of("forge_core.texas42.bidding.records", "BIDDING_FOLDER")
"""read, not imported: games and tables bring torch with them, and many stores have none"""


def read_game(store: Store, key: Any, verify: bool) -> Provenance:
    """See game_made."""
    from forge_core.texas42.eq.files import game_made

    return game_made(store, key, verify=verify)


def read_table(store: Store, key: Any, verify: bool) -> Provenance:
    """See table_made."""
    from forge_core.texas42.bidding.records import table_made

    return table_made(store, key, verify=verify)


def table_keys(partition: str) -> list[Any]:
    """The tables of a block."""
    from forge_core.texas42.bidding.records import TableKey

    return [TableKey(seed) for seed in block_seeds(partition)]


def opponents_in(folder: Store) -> int:
    """How many sets of other hands the marginalised shards of a folder go up to."""
    from forge_core.texas42.oracle.shards import ShardKey

    found = 0
    for name in _names(folder):
        try:
            found = max(found, (ShardKey.parse(name).opponent or 0) + 1)
        except BadInput:
            continue  # shard_catalog names it
    return found


def wanted_partitions(
    kind: PartitionedAsset, asked: GapQuery, store: Store, records: Mapping[str, Any]
) -> list[str]:
    """The partitions of an asset that are looked at."""
    held = kind.asset in (asked.assets or (RANGED,))
    if kind.asset == "golden_shards":  # one range, whole or not begun
        begun = bool(records) or bool(_names(store.join(kind.folder)))
        named = "golden_shards" in asked.assets
        return list(golden_partitions.get_partition_keys()) if named or (begun and not asked.assets) else []
    if asked.assets and not held:
        return []
    begun = {_block_of(partition) for partition in records} | set(_blocks(store.join(kind.folder)))
    blocks = sorted(begun) if asked.blocks is None else [b for b in asked.blocks if held or b in begun]
    names = [block_name(block) for block in blocks if block < N_BLOCKS]
    return [f"{decl}|{name}" for decl in NAMES for name in names] if kind.by_declaration else names


def _names(folder: Store) -> list[str]:
    from forge_core.splits import Split

    return [name for split in Split for name in folder.join(split).names(".parquet")]


def _blocks(folder: Store) -> Iterator[int]:
    """Of every file that is named as one of a seed."""
    for name in _names(folder):
        seed = name.removeprefix("seed_").partition("_")[0].partition(".")[0]
        if seed.isdecimal():
            yield int(seed) // BLOCK_SIZE


def _block_of(partition: str) -> int:
    return block_seeds(partition.rpartition("|")[2])[0] // BLOCK_SIZE


@dataclass(frozen=True, slots=True)
class Record:
    """What Dagster knows of a partition: its last materialization."""

    storage_id: int
    run_id: str
    tags: Mapping[str, str]
    metadata: Mapping[str, Any]


def latest_records(instance: dg.DagsterInstance, asset: str) -> dict[str, Record]:
    """The last materialization of each partition of an asset."""
    key, storage = dg.AssetKey(asset), instance.event_log_storage
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    ids = sorted(storage.get_latest_storage_id_by_partition(key, kind).values())
    found: dict[str, Record] = {}
    for start in range(0, len(ids), _AT_ONCE):
        wanted = dg.AssetRecordsFilter(key, storage_ids=ids[start : start + _AT_ONCE])
        for record in instance.fetch_materializations(wanted, limit=_AT_ONCE).records:
            event = record.asset_materialization
            if event and event.partition is not None:
                found[event.partition] = Record(
                    record.storage_id, record.run_id, event.tags or {}, event.metadata
                )
    return found


_AT_ONCE = 1_000


def judge(
    kind: PartitionedAsset,
    asked: GapQuery,
    keys: Mapping[str, Sequence[Any]],
    seen: Sequence[FileStatus],
    records: Mapping[str, Record],
    instance: dg.DagsterInstance,
    store: Store,
) -> AssetGaps:
    """Files and records of the partitions `keys` beside what they should be. seen: of all keys, in order."""
    last = max(records.values(), key=lambda record: record.storage_id, default=None)
    settings = settings_for(kind, asked, seen, last)
    network = _network_version(instance) if kind.asset == "eq_games" else None
    gaps, rest = [], iter(seen)
    for partition, of_partition in keys.items():
        mine = [next(rest) for _ in of_partition]
        kinds: set[str] = set()
        faults, missing = [], 0
        for one in mine:
            condition = one.condition(kind.version, settings)
            if condition is Condition.SOUND:
                continue
            kinds.add(condition)
            if condition is Condition.MISSING:
                missing += 1
            else:
                path = f"{kind.folder}/{one.key.split}/{one.key.filename}"
                faults.append((path, _reason(one, condition)))
        names = [one.key.filename for one in mine]
        kinds |= set(record_faults(kind, records.get(partition), settings, names, network))
        if kinds:
            ordered = tuple(name for name in KINDS if name in kinds)
            gaps.append(Gap(partition, ordered, tuple(faults), missing))
    return AssetGaps(
        asset=kind.asset,
        noun=kind.noun,
        partitions=tuple(keys),
        files=len(seen),
        settings=settings,
        gaps=tuple(gaps),
        run_config=run_config_for(kind, settings, last, instance, store),
    )


def settings_for(
    kind: PartitionedAsset, asked: GapQuery, seen: Iterable[FileStatus], last: Record | None
) -> Mapping[str, Any]:
    """With which settings the files of an asset should be made: as asked, else as they were."""
    if kind.default is None:  # games, tables: as they were made last, by the record or by most files
        if last and "settings" in last.metadata:
            return {"settings": str(last.metadata["settings"].value)}
        return usual_settings(seen, kind.version) or {}
    settings = dict(usual_settings(seen, kind.version) or kind.default)
    if asked.rows is not None:
        settings["rows"] = asked.rows
    if asked.sample_seed is not None:
        settings["sample_seed"] = asked.sample_seed
    if settings["rows"] == "all":
        return {"rows": "all"}
    return {"sample_seed": kind.default["sample_seed"]} | settings


def record_faults(
    kind: PartitionedAsset,
    record: Record | None,
    settings: Mapping[str, Any],
    names: Sequence[str],
    network: str | None,
) -> Iterator[str]:
    """What is wrong with the record of a partition; names: of its files; network: that is asked now."""
    if record is None:
        yield UNRECORDED
        return
    if record.tags.get(_CODE) != kind.code_version:
        yield OUTDATED  # then its data version is another too
    elif kind.data_version:
        if record.tags.get(_DATA) != kind.data_version(settings, names):
            yield DIFFERENT
    elif _said(record) != settings.get("settings"):
        yield DIFFERENT
    asked = record.tags.get("dagster/input_data_version/oracle_model")
    if network and asked not in (None, network):
        yield UPSTREAM


def _said(record: Record) -> str | None:
    return str(record.metadata["settings"].value) if "settings" in record.metadata else None


def _network_version(instance: dg.DagsterInstance) -> str | None:
    """The data version of the network that E[Q] games ask by default."""
    wanted = dg.AssetRecordsFilter(dg.AssetKey("oracle_model"), asset_partitions=["qvalue"])
    found = instance.fetch_materializations(wanted, limit=1).records
    return (found[0].asset_materialization.tags or {}).get(_DATA) if found else None


def _reason(one: FileStatus, condition: Condition) -> str:
    if condition is Condition.FOREIGN:
        return "the file of another maker is in the way: remove it, or fill another store"
    if one.made is None:
        return one.fault or ""
    if condition is Condition.STALE:
        return f"made by version {one.made.version}"
    return "made with " + settings_text(one.made.settings)


def settings_text(settings: Mapping[str, Any]) -> str:
    """`rows 280, sample_seed 0`."""
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "no settings that are known"


def run_config_for(
    kind: PartitionedAsset,
    settings: Mapping[str, Any],
    last: Record | None,
    instance: dg.DagsterInstance,
    store: Store,
) -> Mapping[str, Any] | None:
    """Of a run that makes what is missing, of the same settings; whole files are read, for they are few."""
    place = {"store": {"config": {"url": store.url}}}
    if kind.default is not None:
        config = {**settings, "rows": str(settings["rows"]), **kind.config, "verify": True}
        return {"ops": {kind.asset: {"config": config}}, "resources": place}
    run = instance.get_run_by_id(last.run_id) if last else None
    if run is None:
        return None
    resources = {**run.run_config.get("resources", {}), **place}
    ops = {kind.asset: run.run_config.get("ops", {}).get(kind.asset, {})}
    return {"ops": ops, "resources": resources}


# --- the rest of the graph ------------------------------------------------------------------------


def find_others(instance: dg.DagsterInstance, graph: Any, looked_at: set[str]) -> Iterator[StaleAsset]:
    """Every asset that is not looked at file by file and not up to date, in the order they are made.

    looked_at: those that were. Stale is what Dagster says; and what rests on 100 or more partitions,
    of which it does not ask whether they have changed, where they have.
    """
    from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
    from dagster._core.loader import LoadingContextForTest

    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    for key in graph.toposorted_asset_keys:
        name, node = key.to_user_string(), graph.get(key)
        if name in BLOCK_ASSETS:
            if name not in looked_at and not instance.get_latest_materialization_event(key):
                yield StaleAsset(name, None, ())
            continue
        partitions = node.partitions_def.get_partition_keys() if node.partitions_def else [None]
        for partition in partitions:
            status = resolver.get_status(key, partition)
            if status is StaleStatus.MISSING:
                yield StaleAsset(name, partition, ())
                continue
            causes = [_cause(cause) for cause in resolver.get_stale_causes(key, partition)]
            causes += changed_since(instance, graph, key, partition)
            if causes:
                yield StaleAsset(name, partition, tuple(dict.fromkeys(causes)))


def _cause(cause: Any) -> str:
    """`has a new dependency data version: shard_catalog`."""
    on = cause.dependency
    if on is None:
        return cause.reason
    name = on.asset_key.to_user_string()
    behind = "" if name in cause.reason else f": {name}"
    return f"{cause.reason}{behind}{'' if on.partition_key is None else f'[{on.partition_key}]'}"


_DAGSTER_ASKS_BELOW = 100
"""partitions upstream (SKIP_PARTITION_DATA_VERSION_DEPENDENCY_THRESHOLD)"""


def changed_since(
    instance: dg.DagsterInstance, graph: Any, key: dg.AssetKey, partition: str | None
) -> Iterator[str]:
    """Upstream assets of many partitions, of which some have had new data since `key` was made."""
    kind, storage = dg.DagsterEventType.ASSET_MATERIALIZATION, instance.event_log_storage
    wanted = dg.AssetRecordsFilter(key, asset_partitions=None if partition is None else [partition])
    found = instance.fetch_materializations(wanted, limit=1).records
    for parent in sorted(graph.get(key).parent_keys):
        above = graph.get(parent).partitions_def
        if not found or above is None or above.get_num_partitions() < _DAGSTER_ASKS_BELOW:
            continue
        made = found[0].storage_id
        later = sorted(storage.get_latest_storage_id_by_partition(parent, kind, after_cursor=made))
        if later and parent not in _mapped_to_few(graph, key):
            now = storage.get_latest_tags_by_partition(parent, kind, [_DATA], later)
            then = storage.get_latest_tags_by_partition(parent, kind, [_DATA], later, before_cursor=made)
            changed = sum(now.get(name) != then.get(name) for name in later)
            if changed:
                yield f"{changed:,} partitions of {parent.to_user_string()} are newer"


def _mapped_to_few(graph: Any, key: dg.AssetKey) -> set[dg.AssetKey]:
    """Parents of which only named partitions are asked: Dagster compares those itself."""
    mappings = graph.get(key).partition_mappings
    few = (dg.SpecificPartitionsPartitionMapping, dg.StaticPartitionMapping)
    return {parent for parent, mapping in mappings.items() if isinstance(mapping, few)}


# --- mending --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mending:
    """A backfill that was started, or is under way."""

    asset: str
    backfill_id: str
    partitions: int
    new: bool
    """False: one that was started before has not ended yet, and nothing was started"""


def mend(
    findings: GapReport, instance: dg.DagsterInstance, definitions: dg.Definitions | None = None
) -> list[Mending]:
    """Start a backfill over exactly the partitions of each asset that a run makes good."""
    from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
    from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, PartitionBackfill
    from dagster._core.utils import make_new_backfill_id

    if definitions is None:
        from forge_assets.definitions import defs as definitions
    graph = definitions.resolve_asset_graph()
    started = []
    under_way = {
        backfill.tags[_MENDS]: backfill
        for backfill in instance.get_backfills()
        if _MENDS in backfill.tags and backfill.status not in BULK_ACTION_TERMINAL_STATUSES
    }
    for asset in findings.assets:
        partitions = asset.mendable
        if not partitions:
            continue
        if earlier := under_way.get(asset.asset):
            started.append(Mending(asset.asset, earlier.backfill_id, len(partitions), new=False))
            continue
        key = dg.AssetKey(asset.asset)
        subset = graph.get(key).partitions_def.subset_with_partition_keys(partitions)
        backfill = PartitionBackfill.from_asset_graph_subset(
            backfill_id=make_new_backfill_id(),
            backfill_timestamp=time.time(),
            tags={_MENDS: asset.asset},
            dynamic_partitions_store=instance,
            asset_graph_subset=AssetGraphSubset(partitions_subsets_by_asset_key={key: subset}),
            title=f"Gaps of {asset.asset}",
            description=f"{len(partitions):,} partitions with {settings_text(asset.settings)}",
            run_config=asset.run_config,
        )
        instance.add_backfill(backfill)
        started.append(Mending(asset.asset, backfill.backfill_id, len(partitions), new=True))
    return started


def daemon_is_up(instance: dg.DagsterInstance) -> bool:
    """Whether the daemon that carries backfills out has shown itself lately."""
    from dagster._daemon.controller import get_daemon_statuses

    found = get_daemon_statuses(
        instance, ["BACKFILL"], ignore_errors=True, heartbeat_tolerance_seconds=_SILENT_S
    )
    return bool(found["BACKFILL"].healthy)


_SILENT_S = 60.0
"""after which a daemon, which shows itself every thirty seconds, is taken to be gone; Dagster waits half an
hour"""
