"""Filling a store with record files: missing ones are made, existing valid ones are kept."""

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
"""consecutive writes that the store refuses before the remaining files are given up"""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[K, H, T]):
    """The outcome for one file. If it has neither `made` nor `error`, the file existed already."""

    before: FileStatus[K, H]
    """the status of the file beforehand"""
    made: T | None = None
    """the return value of `finish`"""
    error: Exception | None = None
    """the error that prevented the file from being made"""

    @property
    def key(self) -> K:
        """The key of the file."""
        return self.before.key

    @property
    def reason(self) -> str | None:
        """The error as a sentence; None if there is none."""
        if self.error is None or isinstance(self.error, ForgeError):
            return str(self.error) if self.error else None
        return f"{type(self.error).__name__}: {self.error}"

    @property
    def refused(self) -> bool:
        """True if the store refused the file, for example for lack of space or permission."""
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
    """Make the files of `keys` that `RecordFile.missing` lists; yield each outcome as it becomes known.

    Existing files are yielded first, then new ones, then foreign files, which are kept and
    count as errors. produce: yields the contents for the files of some keys, or the error that
    prevented them, in any order. finish: writes one file. workers: threads that call `finish`; with 0,
    the calling thread does.

    When the generator is closed, files that are being written are finished and no others are started.
    Raises StoreUnusable if the place cannot be read.
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
        reason = f"not tried, because {refused} writes in a row failed; the last error was: {last}"
        yield Outcome(status, error=StoreUnusable(reason))
    for status in foreign:
        yield Outcome(status, error=status.error)


def _make(
    keys: Sequence[K],
    produce: Callable[[Sequence[K]], Iterator[tuple[K, P | Exception]]],
    finish: Callable[[K, P], T],
    workers: int,
) -> Generator[tuple[K, T | Exception], None, None]:
    """Produce in this thread and finish in others; yield the result for each key as it becomes known."""
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
    """Remove and yield finished results; wait only while more than `at_most` are in progress."""
    while finishing:
        done, _ = wait(finishing, None if len(finishing) > at_most else 0, FIRST_COMPLETED)
        for future in done:
            key, error = finishing.pop(future), future.exception()
            yield key, error if isinstance(error, Exception) else future.result()
        if not done:
            return
