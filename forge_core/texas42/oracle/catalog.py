"""Catalog of the shards in a store, read from their footers.

A store has one folder per kind of shard, with one subfolder per split. Files that are not valid
shards of their folder are listed with the reason, never skipped silently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from forge_core.errors import BadInput
from forge_core.files import Store, fingerprint
from forge_core.files.catalog import Entry, Fault, read_entries, verify
from forge_core.files.holdings import Holding, Stock, holdings_of
from forge_core.files.records import RecordFile
from forge_core.texas42.folders import GOLDEN_SHARDS, MARGINALIZED_SHARDS, STANDARD_SHARDS, shards_folder
from forge_core.texas42.oracle.shards import SHARDS, Shard, ShardHeader, ShardKey


@dataclass(frozen=True, slots=True)
class Catalog:
    """The shards of a store."""

    entries: tuple[Entry[ShardHeader], ...]
    """ordered by kind, split and file name"""
    faults: tuple[Fault, ...]

    @property
    def fingerprint(self) -> str:
        """16 hex digits, equal if and only if the store has the same shards of the same versions."""
        listed = {}
        for entry in self.entries:
            name = f"{kind_of(entry.folder)}/{entry.split}/{entry.filename}"
            listed[name] = [entry.header.fingerprint, entry.header.rows]
        return fingerprint(listed)


def kind_of(folder: str) -> str:
    """Return the kind of a folder: `standard`, `marginalized` or `golden`."""
    return folder.removeprefix(shards_folder(""))


def read_catalog(store: Store) -> Catalog:
    """Return the catalog of a store. store: the root, which contains the folders of all kinds.

    Raises StoreUnusable if the store cannot be listed.
    """
    return Catalog(*read_entries(_KINDS, store))


def take_stock(root: Store, whole: bool, remake_golden: Callable[[ShardKey], str]) -> Stock:
    """Return the holdings of each kind and split. whole: read entire shards, not only their footers.

    remake_golden: returns the command that makes a golden shard again, given its key.
    """
    kinds = _KINDS | {GOLDEN_SHARDS: _KINDS[GOLDEN_SHARDS].remade_by(remake_golden)}
    entries, faults = read_entries(kinds, root)
    if whole:
        entries, unsound = verify(kinds, root, entries)
        faults += unsound
    holdings = holdings_of(entries, lambda header: header.rows, lambda header: sum(header.states_per_ply))
    return Stock(tuple(holdings), faults)


def holding_to_dict(holding: Holding) -> dict[str, Any]:
    """Return the shards of one kind and split as JSON types."""
    return {
        "kind": kind_of(holding.folder),
        "split": holding.split,
        "shards": holding.files,
        "seeds": holding.seeds,
        "rows": holding.rows,
        "states": holding.states,
        "bytes": holding.nbytes,
        "fingerprints": holding.versions,
    }


def _parse_name(folder: str, name: str, split: str) -> ShardKey:
    """Parse a file name. Marginalized shards have an opponent in their names, other kinds do not."""
    key = ShardKey.parse(name)
    if key.split == split and (key.opponent is not None) != (folder == MARGINALIZED_SHARDS):
        raise BadInput(f"its name is not that of a {kind_of(folder)} shard: move or delete the file")
    return key


_KINDS: dict[str, RecordFile[ShardKey, ShardHeader, Shard]] = {
    folder: replace(SHARDS, parse_name=partial(_parse_name, folder))
    for folder in (STANDARD_SHARDS, MARGINALIZED_SHARDS, GOLDEN_SHARDS)
}
