"""Inspection of the files that a store should hold: missing, damaged, foreign, stale or with other settings.

Works for any game and any kind of file: the caller provides the function that examines one file.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from forge_core.errors import FileCorrupt, FileForeign
from forge_core.files.store import Store

READERS = 16
"""files read concurrently; with an object store most of the time is spent waiting"""
_AHEAD = 1_000
"""files requested ahead of the one whose status is yielded next"""


class Condition(StrEnum):
    """The condition of a file."""

    SOUND = "sound"
    MISSING = "missing"
    CORRUPT = "corrupt"
    STALE = "stale"
    """made by another version of the algorithm"""
    DIFFERENT_SETTINGS = "made otherwise"
    """made by the current version of the algorithm with other settings"""
    FOREIGN = "foreign"
    """a foreign file, which is never overwritten"""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The versions and settings with which a file was made, according to its header."""

    version: str
    """the versions of the algorithms"""
    settings: Mapping[str, Any]
    """the settings, as JSON types"""


class Key(Protocol):
    """The key of a file."""

    @property
    def filename(self) -> str:
        """The name of the file in its folder."""
        ...

    @property
    def folder(self) -> str:
        """The folder, relative to the place that holds the files of its kind."""
        ...


class Header(Protocol):
    """The header of a file."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits for algorithms and settings: files with equal key and fingerprint are equal."""
        ...

    @property
    def provenance(self) -> Provenance:
        """The algorithms and settings that made the file."""
        ...

    @property
    def is_current(self) -> bool:
        """True if this code can read the rows of the file; otherwise only its header is verified."""
        ...


K = TypeVar("K", bound=Key)
H = TypeVar("H", bound=Header)


@dataclass(frozen=True, slots=True)
class FileStatus(Generic[K, H]):
    """The status of a file that should exist. If it has neither header nor error, the file is missing."""

    key: K
    header: H | None = None
    """the header of a valid file"""
    error: FileCorrupt | None = None
    """the fault of a damaged or foreign file"""

    @property
    def made(self) -> Provenance | None:
        """The provenance of the file; None unless the file is valid."""
        return self.header.provenance if self.header else None

    @property
    def fault(self) -> str | None:
        """The fault of the file and what to do about it; None if it has none."""
        return f"{self.error.reason}; {self.error.remedy}" if self.error else None

    @property
    def foreign(self) -> bool:
        """True if it is a foreign file."""
        return isinstance(self.error, FileForeign)

    @property
    def is_missing(self) -> bool:
        """True if the file does not exist."""
        return self.header is None and self.error is None

    def has(self, fingerprint: str) -> bool:
        """Return True if the file is valid and has this fingerprint."""
        return self.header is not None and self.header.fingerprint == fingerprint

    def condition(self, version: str, settings: Mapping[str, Any]) -> Condition:
        """Compare the file with the version and settings it should have."""
        if self.foreign:
            return Condition.FOREIGN
        if self.made is None:
            return Condition.MISSING if self.is_missing else Condition.CORRUPT
        if self.made.version != version:
            return Condition.STALE
        return Condition.SOUND if self.made.settings == settings else Condition.DIFFERENT_SETTINGS


def inspect_files(
    place: Store,
    keys: Iterable[K],
    examine: Callable[[Store, K], FileStatus[K, H]],
    readers: int = READERS,
) -> Iterator[FileStatus[K, H]]:
    """Yield the status of the file of each key, in order, as it becomes known.

    place: the parent of the keys' folders. examine: returns the status of an existing file. Each
    folder is listed once. Raises StoreUnusable.
    """
    keys = list(keys)
    present = {folder: set(place.join(folder).names()) for folder in {key.folder for key in keys}}
    asked: deque[tuple[K, Future[FileStatus[K, H]] | None]] = deque()
    with ThreadPoolExecutor(readers, "inspect") as pool:
        try:
            for key in keys:
                is_there = key.filename in present[key.folder]
                asked.append((key, pool.submit(examine, place, key) if is_there else None))
                if len(asked) > _AHEAD:
                    yield _answer(*asked.popleft())
            while asked:
                yield _answer(*asked.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _answer(key: K, found: Future[FileStatus[K, H]] | None) -> FileStatus[K, H]:
    return FileStatus(key) if found is None else found.result()


def usual_settings(statuses: Iterable[FileStatus], version: str) -> Mapping[str, Any] | None:
    """Return the most common settings among valid files of a version, or else of any version, or None."""
    made = [status.made for status in statuses if status.made]
    for candidates in ([one for one in made if one.version == version], made):
        counts = Counter(tuple(sorted(one.settings.items())) for one in candidates)
        if counts:
            return dict(counts.most_common(1)[0][0])
    return None
