"""Lists of the record files in a store: valid files with their headers, and all other files as faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files.inspection import READERS, H, Key
from forge_core.files.records import RecordFile
from forge_core.files.store import Store
from forge_core.splits import Split


class SeedKey(Key, Protocol):
    """The key of a file that belongs to a seed; its folder is the split of the seed."""

    @property
    def seed(self) -> int:
        """The seed, which decides the split."""
        ...


S = TypeVar("S", bound=SeedKey)
P = TypeVar("P")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Entry(Generic[H]):
    """A valid file."""

    folder: str
    """relative to the root of the store"""
    split: Split
    filename: str
    nbytes: int
    seed: int
    header: H


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is damaged or in the wrong folder."""

    path: str
    """relative to the root of the store"""
    reason: str


def keys_in(kind: RecordFile[S, Any, Any], place: Store, split: Split) -> list[S]:
    """Return the keys of the files in the folder of a split, in order of file name.

    Raises BadInput for an invalid file name, and for a file whose seed belongs to another split.
    """
    folder, keys = place.join(split), []
    for name in folder.names(".parquet"):
        try:
            keys.append(_key_of(kind, name, split))
        except BadInput as error:
            raise BadInput(f"{folder.path(name)}: {error}") from error
    return keys


def find_keys(
    kind: RecordFile[S, Any, Any], root: Store, folder: str
) -> tuple[list[tuple[Split, S]], list[Fault]]:
    """Return the keys of all files in a folder, with their splits, and a fault for every other file.

    Only the names are read, not the files.
    """
    found: list[tuple[Split, S]] = []
    faults: list[Fault] = []
    for split in Split:
        for name in root.join(folder, split).names():
            try:
                found.append((split, _key_of(kind, name, split)))
            except BadInput as error:
                faults.append(Fault(f"{folder}/{split}/{name}", str(error)))
    return found, faults


def read_entries(
    kinds: Mapping[str, RecordFile[S, H, Any]], root: Store
) -> tuple[tuple[Entry[H], ...], tuple[Fault, ...]]:
    """Read the headers of all files in the given folders, in order of folder, split and name.

    kinds: the kind of files in each folder. Every file that is not a valid file of that kind is
    returned as a fault. Raises StoreUnusable.
    """
    places = [
        (folder, split, name)
        for folder in kinds
        for split in Split
        for name in root.join(folder, split).names()
    ]

    def read(place: tuple[str, Split, str]) -> Entry[H]:
        folder, split, name = place
        kind, key = kinds[folder], _key_of(kinds[folder], name, split)
        nbytes = root.join(folder, split).size(name)
        return Entry(folder, split, name, nbytes, key.seed, kind.read_header(root.join(folder), key))

    return read_or_fault(places, read, "/".join)


def read_or_fault(
    places: Iterable[P], read: Callable[[P], E], path_of: Callable[[P], str]
) -> tuple[tuple[E, ...], tuple[Fault, ...]]:
    """Read many places at the same time; return the results in order, and a fault for each damaged one.

    read: raises FileCorrupt or BadInput for a damaged file. path_of: place -> path in its fault. Raises
    StoreUnusable.
    """

    def read_one(place: P) -> E | Fault:
        try:
            return read(place)
        except FileCorrupt as error:
            return Fault(path_of(place), f"{error.reason}; {error.remedy}")
        except BadInput as error:
            return Fault(path_of(place), str(error))

    with ThreadPoolExecutor(READERS, "catalog") as pool:
        found = list(pool.map(read_one, places))
    faults = tuple(each for each in found if isinstance(each, Fault))
    return tuple(each for each in found if not isinstance(each, Fault)), faults


def verify(
    kinds: Mapping[str, RecordFile[S, H, Any]], root: Store, entries: Iterable[Entry[H]]
) -> tuple[tuple[Entry[H], ...], tuple[Fault, ...]]:
    """Read whole files; return the entries of the valid ones, and faults for the others."""
    sound: list[Entry[H]] = []
    faults: list[Fault] = []
    for entry in entries:
        kind = kinds[entry.folder]
        try:
            kind.read(root.join(entry.folder), kind.parse_name(entry.filename, entry.split))
            sound.append(entry)
        except FileCorrupt as error:
            path = f"{entry.folder}/{entry.split}/{entry.filename}"
            faults.append(Fault(path, f"{error.reason}; {error.remedy}"))
    return tuple(sound), tuple(faults)


def _key_of(kind: RecordFile[S, Any, Any], name: str, split: Split) -> S:
    """Return the key of a file. Raises BadInput for an invalid name and for a seed of another split."""
    key = kind.parse_name(name, split)
    if key.folder != split:
        raise BadInput(f"seed {key.seed} belongs to {key.folder}: move the file there or delete it")
    return key
