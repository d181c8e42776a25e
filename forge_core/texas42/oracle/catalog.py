"""What a store holds: every shard by its footer, counted and drawn.

A store keeps one folder a kind, in it one a split. A file that is no sound shard of its
folder is listed with the reason, never passed over.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store, fingerprint
from forge_core.splits import Split
from forge_core.texas42.oracle.shards import ShardHeader, ShardKey, read_header

KINDS = ("standard", "marginalized", "golden")
_READERS = 8
"""Footers read at once: it is the waiting for files that takes the time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One sound shard."""

    kind: str
    split: Split
    filename: str
    nbytes: int
    header: ShardHeader


@dataclass(frozen=True, slots=True)
class Fault:
    """One file that does not belong where it lies."""

    path: str
    """below the root of the store"""
    reason: str


@dataclass(frozen=True, slots=True)
class Total:
    """All shards of one kind and split."""

    kind: str
    split: Split
    shards: int
    rows: int
    states: int
    nbytes: int
    first_seed: int
    last_seed: int
    fingerprints: tuple[str, ...]
    """the different ones: one, unless settings or algorithms have changed"""


@dataclass(frozen=True, slots=True)
class Catalog:
    """What a store holds."""

    entries: tuple[Entry, ...]
    """by kind, split and file name"""
    faults: tuple[Fault, ...]

    @property
    def fingerprint(self) -> str:
        """16 hex digits, equal if and only if the same shards of the same versions are there."""
        return fingerprint(
            {
                f"{entry.kind}/{entry.split}/{entry.filename}": [entry.header.fingerprint, entry.header.rows]
                for entry in self.entries
            }
        )

    def totals(self) -> list[Total]:
        """One record for each kind and split that holds anything."""
        groups = groupby(self.entries, key=lambda entry: (entry.kind, entry.split))
        return [_total(kind, split, list(entries)) for (kind, split), entries in groups]


def read_catalog(store: Store) -> Catalog:
    """List a store from the footers of its shards. store: the root, above the folders of the kinds.

    Raises StoreUnusable where it cannot be listed.
    """
    places = [
        (kind, split, folder, filename)
        for kind in KINDS
        for split in Split
        for folder in [store.join(f"shards-{kind}")]
        for filename in folder.join(split).names()
    ]
    with ThreadPoolExecutor(_READERS, "catalog") as pool:
        found = list(pool.map(lambda place: _read_entry(*place), places))
    return Catalog(
        tuple(entry for entry in found if isinstance(entry, Entry)),
        tuple(fault for fault in found if isinstance(fault, Fault)),
    )


def _read_entry(kind: str, split: Split, folder: Store, filename: str) -> Entry | Fault:
    path = f"shards-{kind}/{split}/{filename}"
    try:
        key = ShardKey.parse(filename)
        if key.split != split:
            return Fault(path, f"seed {key.seed} belongs to {key.split}: move the file, or delete it")
        if (key.opponent is not None) != (kind == "marginalized"):
            return Fault(path, f"is not named as a {kind} shard is: move the file, or delete it")
        return Entry(kind, split, filename, folder.join(split).size(filename), read_header(folder, filename))
    except FileCorrupt as error:
        return Fault(path, f"{error.reason}; {error.remedy}")
    except BadInput as error:
        return Fault(path, str(error))


def _total(kind: str, split: Split, entries: list[Entry]) -> Total:
    headers = [entry.header for entry in entries]
    seeds = [header.seed for header in headers]
    return Total(
        kind,
        split,
        shards=len(entries),
        rows=sum(header.rows for header in headers),
        states=sum(sum(header.states_per_ply) for header in headers),
        nbytes=sum(entry.nbytes for entry in entries),
        first_seed=min(seeds),
        last_seed=max(seeds),
        fingerprints=tuple(sorted({header.fingerprint for header in headers})),
    )
