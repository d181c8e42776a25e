"""Threads that run pieces of work in parallel, and networks that answer rows in chunks.

Networks of players answer chunks of a constant number of rows. For another number of rows, a matrix product
may sum in another order, and the last digit of an answer can decide a tie: an action would then depend on how
many other games are played at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")


class Pieces:
    """A thread pool for pieces of work that run in parallel, each with one torch thread.

    Results depend on the number of pieces, not on that of cores.

    Torch's own threads wait for each other in every operation, whereas pieces wait only once, at the end.
    This is faster for small networks, and much faster if other processes use the same cores.
    """

    def __init__(self, n: int) -> None:
        self.n, self._pool = n, None
        self.is_interrupted = False
        """True after a Ctrl-C: long pieces look at this now and then, and end early"""
        if n > 1:
            import torch

            # torch.set_num_threads applies only to the thread that calls it
            self._pool = ThreadPoolExecutor(n, "piece", initializer=torch.set_num_threads, initargs=(1,))

    def run(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """Run all pieces, and return their results in order; raise the first error once all have ended.

        Raises KeyboardInterrupt at once after a Ctrl-C: pieces that have not begun are then never run.
        """
        if self._pool is None:
            return [work() for work in works]
        futures = [self._pool.submit(work) for work in works]
        try:
            errors = [future.exception() for future in futures]
        except KeyboardInterrupt:
            self.is_interrupted = True
            for future in futures:
                future.cancel()  # Python would run them before it exits
            raise
        for error in errors:
            if error is not None:
                raise error
        return [future.result() for future in futures]


def in_chunks(
    rows: npt.NDArray[Any],
    chunk: int,
    answers: Sequence[Callable[[npt.NDArray[Any]], npt.NDArray[Any]]],
    pieces: Pieces,
) -> npt.NDArray[Any]:
    """Return the answers [N, ...] for rows [N, ...], computed `chunk` rows at a time.

    Rows are repeated to fill the last chunk. answers: one function per piece.
    """
    full = rows[np.arange(-(-len(rows) // chunk) * chunk) % len(rows)]
    chunks = np.split(full, len(full) // chunk)
    n = min(len(answers), len(chunks))

    def answer_every_nth(first: int) -> list[npt.NDArray[Any]]:
        return [answers[first](part) for part in chunks[first::n]]

    parts = pieces.run([partial(answer_every_nth, first) for first in range(n)])
    return np.concatenate([parts[i % n][i // n] for i in range(len(chunks))])[: len(rows)]


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
