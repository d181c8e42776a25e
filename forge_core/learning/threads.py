"""Threads that run pieces of work in parallel. Results depend on the number of pieces, not of cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Pieces:
    """A thread pool for pieces of work that run in parallel, each with one torch thread.

    Torch's own threads wait for each other in every operation, whereas pieces wait only once, at the end.
    This is faster for small networks, and much faster if other processes use the same cores.
    """

    def __init__(self, n: int) -> None:
        self.n, self._pool = n, None
        if n > 1:
            import torch

            # torch.set_num_threads applies only to the thread that calls it
            self._pool = ThreadPoolExecutor(n, "piece", initializer=torch.set_num_threads, initargs=(1,))

    def run(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """Run all pieces, and return their results in order; raise the first error once all have ended."""
        if self._pool is None:
            return [work() for work in works]
        futures = [self._pool.submit(work) for work in works]
        errors = [future.exception() for future in futures]
        for error in errors:
            if error is not None:
                raise error
        return [future.result() for future in futures]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Limit torch to one thread in calls from this thread, and restore the number afterwards."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
