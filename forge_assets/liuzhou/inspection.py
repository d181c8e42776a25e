"""Inspection by `gaps` of generations of self-play games."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from forge_assets.gaps.partitioned import PartitionedAsset, choose_units
from forge_assets.gaps.report import GapQuery
from forge_assets.liuzhou import versions
from forge_assets.liuzhou.names import (
    N_GENERATIONS,
    RECORDED,
    generations_text,
    number_of,
)
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.files.inspection import FileStatus
from forge_core.liuzhou.settings.generation import DEFAULT_GAMES, generation_name

ASSET = "liuzhou_self_play"


def inspection(query: GapQuery, store: Store) -> list[PartitionedAsset]:
    """Return a description of how generations are filled.

    The blocks of the query are their numbers if it names this asset, and else mean the deals of other games.
    """
    from forge_core.liuzhou.files import FOLDER

    return [
        PartitionedAsset(
            asset=ASSET,
            noun="files",
            folder=FOLDER,
            version=versions.GAMES,
            partitions=partial(_partitions, query, store.join(FOLDER)),
            keys=partial(_keys, store),
            examine=partial(_examine, verify=query.verify),
            describe=lambda names: generations_text([number_of(name) for name in names]),
            settings_vary=True,
            run_settings=lambda settings: {"model": RECORDED},
        )
    ]


def _partitions(query: GapQuery, place: Store, recorded: Collection[str]) -> list[str]:
    """Choose the generations to inspect: those of the query, or all with a folder or a record."""
    from forge_core.liuzhou.files import parse_generation

    found = {number_of(name) for name in recorded}
    for folder in place.folders():
        try:
            found.add(parse_generation(folder))
        except BadInput:
            continue  # forge doctor reports it
    if not query.assets:
        query = replace(query, blocks=None)
    wanted = choose_units(query, found, ASSET, "")
    return [generation_name(number) for number in wanted if number < N_GENERATIONS]


def _keys(store: Store, partition: str) -> Sequence[Any]:
    """Return the files of a generation: as many as a file of it plans, or else the default."""
    from forge_core.liuzhou.files import keys_of
    from forge_core.liuzhou.generations import planned_games

    return keys_of(number_of(partition), planned_games(store, number_of(partition)) or DEFAULT_GAMES)


def _examine(store: Store, key: Any, verify: bool) -> FileStatus:
    from forge_core.liuzhou.files import GAMES

    return GAMES.examine(store, key, verify=verify)
