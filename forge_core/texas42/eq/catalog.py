"""Catalog of the games in a store, read from their footers.

Files that are not valid games of their folder are listed with the reason, never skipped silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from forge_core.files import Store, fingerprint
from forge_core.files.catalog import Entry, Fault, read_entries
from forge_core.files.holdings import Stock, holdings_of
from forge_core.splits import Split
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.eq.files import GAMES, GameHeader
from forge_core.texas42.folders import GAMES_FOLDER


@dataclass(frozen=True, slots=True)
class GameTotal:
    """Totals over all games of one split with the same settings."""

    split: Split
    fingerprint: str
    """fingerprint of the settings"""
    settings: dict[str, Any]
    games: int
    nbytes: int
    first_seed: int
    last_seed: int


@dataclass(frozen=True, slots=True)
class GameCatalog:
    """The games of a store."""

    entries: tuple[Entry[GameHeader], ...]
    """ordered by split and file name"""
    faults: tuple[Fault, ...]

    @property
    def fingerprint(self) -> str:
        """16 hex digits, equal if and only if the store has the same games with the same settings."""
        return fingerprint(
            {f"{entry.split}/{entry.filename}": entry.header.fingerprint for entry in self.entries}
        )

    def totals(self) -> list[GameTotal]:
        """Return one record for each split and fingerprint of settings."""
        ordered = sorted(self.entries, key=_split_and_settings)
        return [_total(list(entries)) for _, entries in groupby(ordered, key=_split_and_settings)]


def read_catalog(store: Store) -> GameCatalog:
    """Return the catalog of the games in a store. store: its root. Raises StoreUnusable."""
    return GameCatalog(*read_entries({GAMES_FOLDER: GAMES}, store))


def take_stock(root: Store) -> Stock:
    """Return the holdings of each split; rows are decisions."""
    catalog = read_catalog(root)
    return Stock(tuple(holdings_of(catalog.entries, lambda header: N_PLAYS)), catalog.faults)


def _split_and_settings(entry: Entry[GameHeader]) -> tuple[int, str]:
    return list(Split).index(entry.split), entry.header.fingerprint


def _total(entries: list[Entry[GameHeader]]) -> GameTotal:
    headers = [entry.header for entry in entries]
    seeds = [entry.seed for entry in entries]
    return GameTotal(
        split=entries[0].split,
        fingerprint=headers[0].fingerprint,
        settings=headers[0].settings,
        games=len(entries),
        nbytes=sum(entry.nbytes for entry in entries),
        first_seed=min(seeds),
        last_seed=max(seeds),
    )
