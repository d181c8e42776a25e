"""The contents of a store: files and rows per split, faulty files, and folders that a process has locked."""

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
    """the number of rows in the files"""
    nbytes: int
    seeds: str
    """`0-49,100-149`; for files with several seeds, all seeds of their blocks"""
    versions: tuple[str, ...]
    """fingerprints of the settings or of the data"""
    states: int | None = None
    """the number of reachable states of the deals, if counted"""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON types; `nbytes` is called `bytes`, as in other JSON output."""
        record = asdict(self)
        record["bytes"] = record.pop("nbytes")
        if self.states is None:
            del record["states"]
        return record


@dataclass(frozen=True, slots=True)
class Stock:
    """The contents of one part of a store, and its faulty files."""

    holdings: tuple[Holding, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class StorePart:
    """One kind of data that a game keeps in a store."""

    folders: tuple[str, ...]
    """relative to the root of the store"""
    take_stock: Callable[[Store, bool], Stock]
    """Lists the contents, given the root; True: read whole files if possible. Raises StoreUnusable."""
    section: str = "holdings"
    """the key under which the part is listed in JSON output"""
    to_dict: Callable[[Holding], dict[str, Any]] = Holding.to_dict
    """converts a holding to JSON types"""


def take_stock(
    root: Store, parts: Iterable[StorePart], verify: bool = False
) -> list[tuple[StorePart, Stock]]:
    """Return the contents of each part that has a folder in the store; other parts are not imported."""
    present = set(root.folders())
    return [(part, part.take_stock(root, verify)) for part in parts if present.intersection(part.folders)]


def holdings_of(
    entries: Iterable[Entry[H]],
    rows_of: Callable[[H], int],
    states_of: Callable[[H], int] | None = None,
) -> Iterator[Holding]:
    """Sum up entries that are sorted by folder and split; yield one holding for each folder and split."""
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
    """Return the holdings of packed rows for each split, according to its manifest.

    command: the command that makes missing files again, for messages.
    """
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
        gone = f"is in the manifest but does not exist: run {command}"
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
    """Return the folders that a process has locked: rows being made, training runs, a manual flywheel.

    places: the parents of the folders to check, which are searched two levels deep. Processes that fill
    a store with record files lock nothing, so that several can do so at once; object stores have no locks.
    """
    found: set[str] = set()
    for place in places:
        for name in place.folders():
            one = place.join(name)
            found |= {folder.url for folder in (one, *map(one.join, one.folders())) if folder.is_held()}
    return sorted(found)


def size_of(folder: Store, names: Iterable[str]) -> int:
    """Return the total size of the files in bytes."""
    with ThreadPoolExecutor(READERS, "holdings") as pool:
        return sum(pool.map(folder.size, names))
