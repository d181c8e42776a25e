"""Files that a store should hold: which are missing, damaged, foreign, outdated or of other settings.

Knows no game and no kind of file: the caller says how one file is examined.
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
"""files read at once: with an object store it is the waiting that takes the time"""
_AHEAD = 1_000
"""files asked for before the first answer is handed out"""


class Condition(StrEnum):
    """The condition of a file."""

    SOUND = "sound"
    MISSING = "missing"
    CORRUPT = "corrupt"
    STALE = "stale"
    """made by an older version of the algorithm"""
    DIFFERENT_SETTINGS = "made otherwise"
    """by the present algorithm, with other settings"""
    FOREIGN = "foreign"
    """of another maker: in the way, and never overwritten"""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The provenance of a file, according to its header."""

    version: str
    """of the algorithms"""
    settings: Mapping[str, Any]
    """JSON types"""


class Key(Protocol):
    """The key of a file."""

    @property
    def filename(self) -> str:
        """In its folder."""
        ...

    @property
    def folder(self) -> str:
        """Below the place where files of its kind are."""
        ...


class Header(Protocol):
    """The status of a file, from its header."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits of algorithms and settings: files of equal key and fingerprint hold the same."""
        ...

    @property
    def provenance(self) -> Provenance:
        """The algorithms and settings themselves."""
        ...

    @property
    def is_current(self) -> bool:
        """True if the present code reads the rows of the file; if not, its header alone is verified."""
        ...


K = TypeVar("K", bound=Key)
H = TypeVar("H", bound=Header)


@dataclass(frozen=True, slots=True)
class FileStatus(Generic[K, H]):
    """A file that should be there. Neither header nor error: it is missing."""

    key: K
    header: H | None = None
    """of a sound file"""
    error: FileCorrupt | None = None
    """what is wrong with a damaged or foreign one"""

    @property
    def made(self) -> Provenance | None:
        """The provenance of the file; None unless it is sound."""
        return self.header.provenance if self.header else None

    @property
    def fault(self) -> str | None:
        """The fault of the file, and what to do about it."""
        return f"{self.error.reason}; {self.error.remedy}" if self.error else None

    @property
    def foreign(self) -> bool:
        """True for a file of another maker."""
        return isinstance(self.error, FileForeign)

    @property
    def is_missing(self) -> bool:
        """True if there is no such file."""
        return self.header is None and self.error is None

    def has(self, fingerprint: str) -> bool:
        """True for a sound file of a fingerprint."""
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
    """The status of every file of `keys`, in their order, as it is found.

    place: above the folders of the keys. examine: the status of a file that is there. Each folder is
    listed once. Raises StoreUnusable.
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
    """Settings of most files of a version; if there is none, of most files of other versions, or None."""
    made = [status.made for status in statuses if status.made]
    for candidates in ([one for one in made if one.version == version], made):
        counts = Counter(tuple(sorted(one.settings.items())) for one in candidates)
        if counts:
            return dict(counts.most_common(1)[0][0])
    return None
