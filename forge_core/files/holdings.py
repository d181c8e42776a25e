"""Stock of a store: what its parts hold of each split, which files are faulty, who is at work in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from forge_core.errors import BadInput
from forge_core.files.catalog import Entry, Fault
from forge_core.files.inspection import READERS, H
from forge_core.files.row_store import MANIFEST, RowStore
from forge_core.files.store import Store
from forge_core.ranges import ranges_text
from forge_core.splits import Split


@dataclass(frozen=True, slots=True)
class Holding:
    """The contents of one folder of a store, for one split."""

    folder: str
    split: Split
    files: int
    rows: int
    """of record files, and rows to learn from"""
    nbytes: int
    seeds: str
    """`0-49,100-149`; of files of many seeds: all those that they are among"""
    versions: tuple[str, ...]
    """fingerprints of settings, or of data"""
    states: int | None = None
    """reachable states of the deals, where they are counted"""

    def to_dict(self) -> dict[str, Any]:
        """JSON types, bytes and not nbytes as in the other answers."""
        record = asdict(self)
        record["bytes"] = record.pop("nbytes")
        if self.states is None:
            del record["states"]
        return record


@dataclass(frozen=True, slots=True)
class Stock:
    """A part of a store: some of its folders, and how they are listed."""

    holdings: tuple[Holding, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class StorePart:
    """A kind of files that a game keeps in a store."""

    folders: tuple[str, ...]
    """below the root of the store"""
    take_stock: Callable[[Store, bool], Stock]
    """By the root of a store; with True it reads whole files, where it can. Raises StoreUnusable."""
    section: str = "holdings"
    """under which it is listed as JSON"""
    to_dict: Callable[[Holding], dict[str, Any]] = Holding.to_dict
    """a holding as JSON"""


def take_stock(
    root: Store, parts: Iterable[StorePart], verify: bool = False
) -> list[tuple[StorePart, Stock]]:
    """The stock of each part that the store has a folder of: others need not be imported."""
    present = set(root.folders())
    return [(part, part.take_stock(root, verify)) for part in parts if present.intersection(part.folders)]


def holdings_of(
    entries: Iterable[Entry[H]],
    rows_of: Callable[[H], int],
    states_of: Callable[[H], int] | None = None,
) -> Iterator[Holding]:
    """Count entries, which are sorted by folder and split."""
    for (folder, split), group in groupby(entries, key=lambda entry: (entry.folder, entry.split)):
        members = list(group)
        headers = [entry.header for entry in members]
        yield Holding(
            folder,
            split,
            files=len(members),
            rows=sum(map(rows_of, headers)),
            nbytes=sum(entry.nbytes for entry in members),
            seeds=ranges_text(entry.seed for entry in members),
            versions=tuple(sorted({header.fingerprint for header in headers})),
            states=sum(map(states_of, headers)) if states_of else None,
        )


def stock_of_rows(store: RowStore, root: Store, command: str, seeds_per_file: int = 1) -> Stock:
    """Holdings of each split of packed rows, by its manifest. command: what makes files that are gone."""
    holdings, faults = [], []
    for split in Split:
        folder = store.folder_of(root, split)
        if not folder.exists(MANIFEST):
            continue
        below, present = f"{store.folder}/{split}", set(folder.names(".npy"))
        try:
            manifest = store.read_manifest(folder)
        except BadInput as error:
            faults.append(Fault(f"{below}/{MANIFEST}", str(error)))
            continue
        named = [file.name for file in manifest.files]
        gone = f"is gone, though the manifest names it: run {command}"
        faults += [Fault(f"{below}/{name}", gone) for name in named if name not in present]
        firsts = [file.first_seed for file in manifest.files]
        holdings.append(
            Holding(
                store.folder,
                split,
                files=len(named),
                rows=manifest.rows,
                nbytes=size_of(folder, sorted(present.intersection(named))),
                seeds=ranges_text(first + k for first in firsts for k in range(seeds_per_file)),
                versions=(manifest.hash,),
            )
        )
    return Stock(tuple(holdings), tuple(faults))


def find_held(places: Iterable[Store]) -> list[str]:
    """Folders that a process keeps to itself: rows that are made, trainings, a flywheel turned by hand.

    places: they and two levels of folders below them are looked at. Several processes may fill one
    store with record files: they hold nothing. An object store knows no locks.
    """
    found: set[str] = set()
    for place in places:
        for name in place.folders():
            one = place.join(name)
            found |= {folder.url for folder in (one, *map(one.join, one.folders())) if folder.is_held()}
    return sorted(found)


def size_of(folder: Store, names: Iterable[str]) -> int:
    """Bytes of some files."""
    with ThreadPoolExecutor(READERS, "holdings") as pool:
        return sum(pool.map(folder.size, names))
