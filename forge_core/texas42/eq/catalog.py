"""Catalog of the games in a store, read from their footers.

Files that are not valid games of their folder are listed with the reason, never skipped silently.
"""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.files import Store, fingerprint
from forge_core.files.catalog import Entry, Fault, read_entries
from forge_core.files.holdings import Stock, holdings_of
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.eq.files import GAMES, GameHeader
from forge_core.texas42.folders import GAMES_FOLDER


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


def read_catalog(store: Store) -> GameCatalog:
    """Return the catalog of the games in a store. store: its root. Raises StoreUnusable."""
    return GameCatalog(*read_entries({GAMES_FOLDER: GAMES}, store))


def take_stock(root: Store) -> Stock:
    """Return the holdings of each split; rows are decisions."""
    catalog = read_catalog(root)
    return Stock(tuple(holdings_of(catalog.entries, lambda header: N_PLAYS)), catalog.faults)
