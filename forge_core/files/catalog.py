"""Lists of the record files of a store: the sound ones by their headers, everything else as faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files.inspection import READERS, H, Key
from forge_core.files.records import RecordFile
from forge_core.files.store import Store
from forge_core.splits import Split


class SeedKey(Key, Protocol):
    """The key of a file of a seed, whose folder is a split."""

    @property
    def seed(self) -> int:
        """It decides the split."""
        ...


S = TypeVar("S", bound=SeedKey)


@dataclass(frozen=True, slots=True)
class Entry(Generic[H]):
    """A sound file."""

    folder: str
    """below the root of the store"""
    split: Split
    filename: str
    nbytes: int
    seed: int
    header: H


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is damaged, or does not belong where it lies."""

    path: str
    """below the root of the store"""
    reason: str


def keys_in(kind: RecordFile[S, Any, Any], place: Store, split: Split) -> list[S]:
    """The keys of the files of a split, by name.

    Raises BadInput for a name that no such file has, and for a file whose seed is of another split.
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
    """The keys of all files of a folder by their names alone, by split, and what else lies there."""
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
    """The files of some folders of a store, by folder, split and name, by their headers.

    kinds: what lies in each folder. A file that is no sound one of its folder is a fault, never passed
    over. Raises StoreUnusable.
    """
    places = [
        (folder, split, name)
        for folder in kinds
        for split in Split
        for name in root.join(folder, split).names()
    ]

    def read(place: tuple[str, Split, str]) -> Entry[H] | Fault:
        folder, split, name = place
        try:
            kind, key = kinds[folder], _key_of(kinds[folder], name, split)
            nbytes = root.join(folder, split).size(name)
            return Entry(folder, split, name, nbytes, key.seed, kind.read_header(root.join(folder), key))
        except FileCorrupt as error:
            return Fault(f"{folder}/{split}/{name}", f"{error.reason}; {error.remedy}")
        except BadInput as error:
            return Fault(f"{folder}/{split}/{name}", str(error))

    with ThreadPoolExecutor(READERS, "catalog") as pool:
        found = list(pool.map(read, places))
    return (
        tuple(entry for entry in found if isinstance(entry, Entry)),
        tuple(fault for fault in found if isinstance(fault, Fault)),
    )


def verify(
    kinds: Mapping[str, RecordFile[S, H, Any]], root: Store, entries: Iterable[Entry[H]]
) -> tuple[tuple[Entry[H], ...], tuple[Fault, ...]]:
    """Read files whole: those that are sound, and faults for the others."""
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
    """The key of a file. Raises BadInput for a name that no such file has, and for another split."""
    key = kind.parse_name(name, split)
    if key.folder != split:
        raise BadInput(f"seed {key.seed} belongs to {key.folder}: move the file, or delete it")
    return key
