"""Rows that threads work on in chunks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from forge_core.device import worker_count

T = TypeVar("T")


def map_chunks(
    work: Callable[[slice], T],
    n: int,
    *,
    fewest: int,
    most: int,
    per_thread: int = 8,
    workers: int | None = None,
) -> list[T]:
    """Call `work` with the consecutive slices of n rows in several threads; return the results in order.

    A slice has `fewest` to `most` rows, the last one perhaps fewer, such that each thread gets about
    `per_thread` of them. `work` should release the interpreter's lock, as kernels do; most: few enough for
    Ctrl-C to interrupt. workers: threads (default: one per core). Raises BadInput for fewer than 1 worker.
    """
    threads = worker_count(workers)
    size = min(max(n // (per_thread * threads), fewest), most)
    slices = [slice(first, first + size) for first in range(0, n, size)]
    if min(threads, len(slices)) <= 1:
        return list(map(work, slices))
    with ThreadPoolExecutor(threads, "chunk") as pool:
        return list(pool.map(work, slices))
