"""Filling a place with record files: the missing ones are made, the others are left as they are."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from forge_core.errors import ForgeError, StoreUnusable
from forge_core.files.inspection import FileStatus, H, K
from forge_core.files.records import RecordFile
from forge_core.files.store import Store

P = TypeVar("P")
T = TypeVar("T")

_GIVE_UP_AFTER = 3
"""writes that fail one after another because of the store: nothing else is even tried"""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[K, H, T]):
    """The outcome of one file. With neither `made` nor `error`, it was there already."""

    before: FileStatus[K, H]
    """as it was found"""
    made: T | None = None
    """what `finish` returned"""
    error: Exception | None = None
    """why it could not be made"""

    @property
    def key(self) -> K:
        """The key of the file."""
        return self.before.key

    @property
    def reason(self) -> str | None:
        """Why it could not be made, as a sentence."""
        if self.error is None or isinstance(self.error, ForgeError):
            return str(self.error) if self.error else None
        return f"{type(self.error).__name__}: {self.error}"

    @property
    def refused(self) -> bool:
        """True if the store did not take it: no space, no permission to write."""
        return isinstance(self.error, StoreUnusable)


def fill(
    kind: RecordFile[K, H, Any],
    place: Store,
    keys: Iterable[K],
    fingerprint: str,
    produce: Callable[[Sequence[K]], Iterator[tuple[K, P | Exception]]],
    finish: Callable[[K, P], T],
    *,
    workers: int = 0,
    verify: bool = False,
) -> Generator[Outcome[K, H, T], None, None]:
    """Make the files of `keys` that `RecordFile.missing` names; the outcome of each, as it is known.

    Files that are there come first, then those that are made, then files of other makers, which are
    left as they are and are errors. produce: makes what goes into the files of some keys, or says
    why it could not, in any order. finish: writes one file. workers: threads that finish; 0: this one.

    When closed it finishes the files being written and begins no other. Raises StoreUnusable where
    the place cannot be read.
    """
    keys = list(dict.fromkeys(keys))
    to_make: dict[K, FileStatus[K, H]] = {}
    foreign: list[FileStatus[K, H]] = []
    for status in kind.inspect(place, keys, verify=verify):
        if status.foreign:
            foreign.append(status)
        elif status.has(fingerprint):
            yield Outcome(status)
        else:
            to_make[status.key] = status
    for folder in {key.folder for key in keys}:
        place.join(folder).sweep()
    refused, last = 0, None
    with closing(_make(list(to_make), produce, finish, workers)) as results:
        for key, result in results:
            status = to_make.pop(key)
            yield Outcome(status, error=result) if isinstance(result, Exception) else Outcome(status, result)
            refused, last = (refused + 1 if isinstance(result, StoreUnusable) else 0), result
            if refused == _GIVE_UP_AFTER:
                break
    for status in to_make.values():
        reason = f"not tried after {refused} failed writes, the last: {last}"
        yield Outcome(status, error=StoreUnusable(reason))
    for status in foreign:
        yield Outcome(status, error=status.error)


def _make(
    keys: Sequence[K],
    produce: Callable[[Sequence[K]], Iterator[tuple[K, P | Exception]]],
    finish: Callable[[K, P], T],
    workers: int,
) -> Generator[tuple[K, T | Exception], None, None]:
    """Produce here, finish in threads; what became of each key, as it is known."""
    finishing: dict[Future[T], K] = {}
    pool = ThreadPoolExecutor(max(1, workers), "write")
    try:
        for key, produced in produce(keys):
            if isinstance(produced, Exception):
                yield key, produced
            elif not workers:
                yield key, _attempt(finish, key, produced)
            else:
                finishing[pool.submit(finish, key, produced)] = key
                yield from _finished(finishing, at_most=workers)
        yield from _finished(finishing, at_most=0)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _attempt(finish: Callable[[K, P], T], key: K, produced: P) -> T | Exception:
    try:
        return finish(key, produced)
    except Exception as error:
        return error


def _finished(finishing: dict[Future[T], K], at_most: int) -> Iterator[tuple[K, T | Exception]]:
    """Take out what is finished, waiting only while more than `at_most` are under way."""
    while finishing:
        done, _ = wait(finishing, None if len(finishing) > at_most else 0, FIRST_COMPLETED)
        for future in done:
            key, error = finishing.pop(future), future.exception()
            yield key, error if isinstance(error, Exception) else future.result()
        if not done:
            return
