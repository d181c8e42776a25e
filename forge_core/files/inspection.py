"""Files that a store should hold: which are missing, damaged, of older algorithms, or made otherwise.

Knows no game: who asks says how a file is read, and what it was to be like.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from forge_core.errors import FileCorrupt
from forge_core.files import Store

_READERS = 16
"""files read at once: with an object store it is the waiting that takes the time"""
_AHEAD = 1_000
"""files asked for before the first of them is told of"""


class Condition(StrEnum):
    """What a file is like."""

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
    """How a file was made, as it says itself."""

    version: str
    """of the algorithms"""
    settings: Mapping[str, Any]
    """JSON types"""


class Key(Protocol):
    """Which file."""

    @property
    def filename(self) -> str:
        """In the folder of its split."""
        ...

    @property
    def split(self) -> str:
        """The folder."""
        ...


K = TypeVar("K", bound=Key)


@dataclass(frozen=True, slots=True)
class FileStatus(Generic[K]):
    """A file that should be there."""

    key: K
    made: Provenance | None = None
    """None: it is missing, damaged or foreign"""
    fault: str | None = None
    """what is wrong with it, and what to do"""
    foreign: bool = False

    def condition(self, version: str, settings: Mapping[str, Any]) -> Condition:
        """Beside what it was to be."""
        if self.foreign:
            return Condition.FOREIGN
        if self.made is None:
            return Condition.CORRUPT if self.fault else Condition.MISSING
        if self.made.version != version:
            return Condition.STALE
        return Condition.SOUND if self.made.settings == settings else Condition.DIFFERENT_SETTINGS


def inspect_files(
    place: Store, keys: Iterable[K], read: Callable[[Store, K], Provenance | None], readers: int = _READERS
) -> Iterator[FileStatus[K]]:
    """Every file of `keys`, in their order, as it is found.

    place: above the folders of the splits. read: how a file was made; None for one of another
    maker; raises FileCorrupt for a damaged one. Each split is listed once. Raises StoreUnusable.
    """
    keys = list(keys)
    there = {split: set(place.join(split).names(".parquet")) for split in {key.split for key in keys}}

    def see(key: K) -> FileStatus[K]:
        try:
            made = read(place, key)
        except FileCorrupt as error:
            return FileStatus(key, fault=f"{error.reason}; {error.remedy}")
        return FileStatus(key, made, foreign=made is None)

    asked: deque[tuple[K, Future[FileStatus[K]] | None]] = deque()
    with ThreadPoolExecutor(readers, "look") as pool:
        try:
            for key in keys:
                present = key.filename in there[key.split]
                asked.append((key, pool.submit(see, key) if present else None))
                if len(asked) > _AHEAD:
                    yield _answer(*asked.popleft())
            while asked:
                yield _answer(*asked.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _answer(key: K, seen: Future[FileStatus[K]] | None) -> FileStatus[K]:
    return FileStatus(key) if seen is None else seen.result()


def usual_settings(seen: Iterable[FileStatus], version: str) -> Mapping[str, Any] | None:
    """Those of most files made by a version; of none: of most files of other versions, or None."""
    made = [each.made for each in seen if each.made]
    for of_all in ([one for one in made if one.version == version], made):
        counts = Counter(tuple(sorted(one.settings.items())) for one in of_all)
        if counts:
            return dict(counts.most_common(1)[0][0])
    return None
