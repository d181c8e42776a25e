"""Work in turns: several pieces of work in one thread, each of which pauses while a card computes for it.

A piece of work is a generator that yields after it has launched long kernels, before it reads what they find.
Another piece then has its turn. Each has its own CUDA streams, so that it waits for its own kernels only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
Turns: TypeAlias = Generator[None, None, T]
"""work that pauses, and returns a T in the end"""

AT_ONCE = 2
"""pieces of work that take turns on a card: while it computes for one of them, the host prepares the other"""


@dataclass(frozen=True, slots=True)
class Lane:
    """The CUDA streams of a piece of work. Its kernels run in the order in which they are launched."""

    short: torch.cuda.Stream
    """of high priority: for kernels that the host soon waits for"""
    long: torch.cuda.Stream
    """of normal priority: for kernels that keep the whole card busy"""


_lane: ContextVar[Lane | None] = ContextVar("lane", default=None)


def finish(work: Turns[T]) -> T:
    """Do a piece of work to its end, and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as ended:
            return ended.value


def take_turns(
    works: Iterable[Turns[T]], device: str, at_once: int | None = None
) -> Generator[T, None, None]:
    """Yield the results of pieces of work, in the order in which they end.

    device: on which they compute. at_once: pieces that take turns, the next one of `works` beginning when one
    ends; default: AT_ONCE on a card, 1 on a CPU. Results do not depend on it.
    """
    waiting = iter(works)
    if at_once is None:
        at_once = 1 if device == "cpu" else AT_ONCE
    going: deque[tuple[Turns[T], Lane | None]] = deque()
    lanes = [open_lane(device) for _ in range(at_once)]
    try:
        while True:
            while lanes and (work := next(waiting, None)) is not None:
                going.append((work, lanes.pop()))
            if not going:
                return
            work, lane = going.popleft()
            try:
                _take_turn(work, lane)
                going.append((work, lane))
            except StopIteration as ended:
                lanes.append(lane)
                yield ended.value
    finally:
        for work, _ in going:
            work.close()


def open_lane(device: str) -> Lane | None:
    """Return new streams on a card, which begin after all kernels launched so far; None on a CPU."""
    import torch

    if device == "cpu" or not torch.cuda.is_available():
        return None
    lane = Lane(torch.cuda.Stream(device, priority=-1), torch.cuda.Stream(device))
    lane.short.wait_stream(torch.cuda.current_stream(device))
    return lane


def _take_turn(work: Turns[T], lane: Lane | None) -> None:
    """Do a piece of work up to its next pause, on the streams of a lane. Raises StopIteration at its end."""
    if lane is None:
        next(work)
        return
    import torch

    before = _lane.set(lane)
    try:
        with torch.cuda.stream(lane.short):
            next(work)
    finally:
        _lane.reset(before)


@contextmanager
def long_kernels(device: torch.device) -> Iterator[None]:
    """Launch kernels on a card that keep it busy for long, so that short ones of other work go first.

    They run after the work's earlier kernels and before its later ones, hence its streams can share tensors.
    Without other work, or on another device than that work, nothing is changed.
    """
    lane = _lane.get()
    if lane is None or device != lane.long.device:
        yield
        return
    import torch

    lane.long.wait_stream(lane.short)
    try:
        with torch.cuda.stream(lane.long):
            yield
    finally:
        lane.short.wait_stream(lane.long)
