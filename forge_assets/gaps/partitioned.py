"""Partitioned assets: a game's description of the files in their partitions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge_assets.gaps.report import GapQuery
from forge_assets.materializations import Record
from forge_core.files import Store
from forge_core.files.inspection import FileStatus

Settings = Mapping[str, Any]
"""Settings of a file, as JSON types"""


def settings_of(record: Record) -> str | None:
    """Return the fingerprint of settings in a record; None if the asset records none."""
    fingerprint = record.said("settings")
    return None if fingerprint is None else str(fingerprint)


def recorded_settings(usual: Settings | None, last: Record | None) -> Settings:
    """Choose the settings in the last record; if it has none, those of most files."""
    recorded = last and settings_of(last)
    return {"settings": recorded} if recorded else usual or {}


def choose_units(query: GapQuery, begun: Collection[int], asset: str, by_default: str) -> list[int]:
    """Choose the blocks of an asset to inspect, or a game's equivalent of blocks, by number.

    begun: units that have data in the store or in Dagster. by_default: the asset that must have all of
    `query.blocks` if the query names no asset; of other assets, only units with data are inspected.
    """
    must_be_whole = asset in (query.assets or (by_default,))
    if query.assets and not must_be_whole:
        return []
    if query.blocks is None:
        return sorted(begun)
    return [unit for unit in query.blocks if must_be_whole or unit in begun]


@dataclass(frozen=True, slots=True)
class PartitionedAsset:
    """An asset with many partitions, whose files are inspected one by one."""

    asset: str
    """key of the asset, `name` or `prefix/name`"""
    noun: str
    """plural noun for its files: shards, games, tables"""
    folder: str
    """folder below the root of the store, with one subfolder per split"""
    version: str
    """version of the algorithms, as written in its files"""
    partitions: Callable[[Collection[str]], Sequence[str]]
    """partitions that Dagster has recorded -> partitions to inspect"""
    keys: Callable[[str], Sequence[Any]]
    """partition -> keys of its files: see `forge_core.files.inspection.Key`"""
    examine: Callable[[Store, Any], FileStatus]
    """inspects one file: see `inspect_files`"""
    describe: Callable[[Sequence[str]], str]
    """names of partitions -> short description, such as `blocks 0-3 of sixes`"""
    choose_settings: Callable[[Settings | None, Record | None], Settings] = recorded_settings
    """settings of most files, the last record -> settings that all files should have"""
    settings_vary: bool = False
    """True if partitions may have different settings, for example different networks: then only the files of
    one partition must agree"""
    data_version: Callable[[Settings, Sequence[str]], str] | None = None
    """settings, names of files -> data version of a complete partition; None if its record holds a
    fingerprint of the settings as `settings`"""
    run_settings: Callable[[Settings], Mapping[str, Any]] | None = None
    """settings of files -> settings of a run that makes them; None for those of the last run"""
    network: tuple[str, str | None] | None = None
    """asset and partition of the network that is used by default; None if no network is used"""
