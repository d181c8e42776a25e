"""Partitioned assets: how their partitions are filled with files, as each game describes it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge_assets.gaps.report import GapQuery
from forge_assets.materializations import Record
from forge_core.files import Store
from forge_core.files.inspection import FileStatus

Settings = Mapping[str, Any]
"""Of a file, JSON types"""


def settings_of(record: Record) -> str | None:
    """Return the fingerprint of the settings that a record names; None: the asset records none."""
    said = record.said("settings")
    return None if said is None else str(said)


def recorded_settings(usual: Settings | None, last: Record | None) -> Settings:
    """Choose the settings that the last record names, else those of most files."""
    said = last and settings_of(last)
    return {"settings": said} if said else usual or {}


def choose_units(query: GapQuery, begun: Collection[int], asset: str, by_default: str) -> list[int]:
    """Choose the numbers of blocks, or of what a game has in their place, of which an asset is inspected.

    begun: those that the store or Dagster has anything of. by_default: the asset that must have all of
    `query.blocks` if the query names no asset; of the others those are inspected that were begun.
    """
    must_be_whole = asset in (query.assets or (by_default,))
    if query.assets and not must_be_whole:
        return []
    if query.blocks is None:
        return sorted(begun)
    return [unit for unit in query.blocks if must_be_whole or unit in begun]


@dataclass(frozen=True, slots=True)
class PartitionedAsset:
    """An asset of many partitions, whose files are inspected one by one."""

    asset: str
    """its key, `name` or `prefix/name`"""
    noun: str
    """plural noun for its files: shards, games, tables"""
    folder: str
    """below the root of the store; holds a folder per split"""
    version: str
    """of the algorithms, as its files name it"""
    partitions: Callable[[Collection[str]], Sequence[str]]
    """partitions that Dagster has recorded -> partitions to inspect"""
    keys: Callable[[str], Sequence[Any]]
    """partition -> keys of its files: see `forge_core.files.inspection.Key`"""
    examine: Callable[[Store, Any], FileStatus]
    """see `inspect_files`"""
    describe: Callable[[Sequence[str]], str]
    """names of partitions -> a short text, such as `blocks 0-3 of sixes`"""
    choose_settings: Callable[[Settings | None, Record | None], Settings] = recorded_settings
    """settings of most files, the last record -> settings that all files should have"""
    settings_vary: bool = False
    """True if partitions may be made with different settings, such as by other networks: then only the files
    of one partition must be alike"""
    data_version: Callable[[Settings, Sequence[str]], str] | None = None
    """settings, names of files -> data version of a complete partition; None: its record names a fingerprint
    of its settings as `settings`"""
    run_settings: Callable[[Settings], Mapping[str, Any]] | None = None
    """settings of files -> settings of a run that makes them; None: those of the last run"""
    network: tuple[str, str | None] | None = None
    """asset and partition of the network that is asked by default; None: no network is asked"""
