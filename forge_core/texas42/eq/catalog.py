"""What a store holds of games: every one by its footer, counted.

A file that is no sound game of its folder is listed with the reason, never passed over.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store, fingerprint
from forge_core.splits import Split
from forge_core.texas42.eq.files import GameHeader, read_header
from forge_core.texas42.folders import GAMES_FOLDER
from forge_core.texas42.oracle.catalog import Fault
from forge_core.texas42.oracle.shards import ShardKey

_READERS = 8
"""Footers read at once: it is the waiting for files that takes the time."""


@dataclass(frozen=True, slots=True)
class GameEntry:
    """One sound game."""

    split: Split
    filename: str
    nbytes: int
    header: GameHeader


@dataclass(frozen=True, slots=True)
class GameTotal:
    """All games of one split that were made alike."""

    split: Split
    fingerprint: str
    """of their settings"""
    settings: dict[str, Any]
    games: int
    nbytes: int
    first_seed: int
    last_seed: int


@dataclass(frozen=True, slots=True)
class GameCatalog:
    """The games of a store."""

    entries: tuple[GameEntry, ...]
    """by split and file name"""
    faults: tuple[Fault, ...]

    @property
    def fingerprint(self) -> str:
        """16 hex digits, equal if and only if the same games, made alike, are there."""
        return fingerprint(
            {f"{entry.split}/{entry.filename}": entry.header.fingerprint for entry in self.entries}
        )

    def totals(self) -> list[GameTotal]:
        """One record for each split and way of making games."""
        ordered = sorted(self.entries, key=_split_and_settings)
        return [_total(list(entries)) for _, entries in groupby(ordered, key=_split_and_settings)]


def read_catalog(store: Store) -> GameCatalog:
    """List the games of a store from their footers. store: its root. Raises StoreUnusable."""
    games = store.join(GAMES_FOLDER)
    places = [(split, filename) for split in Split for filename in games.join(split).names()]
    with ThreadPoolExecutor(_READERS, "catalog") as pool:
        found = list(pool.map(lambda place: _read_entry(games, *place), places))
    return GameCatalog(
        tuple(entry for entry in found if isinstance(entry, GameEntry)),
        tuple(fault for fault in found if isinstance(fault, Fault)),
    )


def _read_entry(games: Store, split: Split, filename: str) -> GameEntry | Fault:
    path = f"{GAMES_FOLDER}/{split}/{filename}"
    try:
        key = ShardKey.parse(filename)
        if key.split != split:
            return Fault(path, f"seed {key.seed} belongs to {key.split}: move the file, or delete it")
        return GameEntry(split, filename, games.join(split).size(filename), read_header(games, filename))
    except FileCorrupt as error:
        return Fault(path, f"{error.reason}; {error.remedy}")
    except BadInput as error:
        return Fault(path, str(error))


def _split_and_settings(entry: GameEntry) -> tuple[int, str]:
    return list(Split).index(entry.split), entry.header.fingerprint


def _total(entries: list[GameEntry]) -> GameTotal:
    headers = [entry.header for entry in entries]
    seeds = [header.seed for header in headers]
    return GameTotal(
        split=entries[0].split,
        fingerprint=headers[0].fingerprint,
        settings=headers[0].settings,
        games=len(entries),
        nbytes=sum(entry.nbytes for entry in entries),
        first_seed=min(seeds),
        last_seed=max(seeds),
    )
