"""Rows on disk as a source: every epoch all of them once, in another order.

A store hands out packed rows, file by file, and makes rows of those that a batch needs;
what lies in a file, and where, is its own affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.spec import TokenSpec
from forge_core.streams import stream


class Packed(Protocol):
    """Rows as they are stored."""

    def __len__(self) -> int:
        """How many."""
        ...

    def take(self, index: Any) -> Any:
        """Those at `index`: whole numbers or a slice."""
        ...


P = TypeVar("P", bound=Packed)


class PackedStore(Protocol[P]):
    """Files of packed rows."""

    spec: TokenSpec
    url: str
    sizes: Sequence[int]
    """rows of each file"""

    def read(self, number: int) -> P:
        """The rows of a file."""
        ...

    def join(self, parts: Sequence[P]) -> P:
        """Several as one."""
        ...

    def unpack(self, packed: P, files: Sequence[int]) -> Rows:
        """Rows to learn from. files: those that were joined, in order; deals of one never share a number
        with those of another."""
        ...


class StoredSource(Generic[P]):
    """A RowSource over a store: every epoch all rows once, in another order.

    An epoch permutes the files; `BLOCK` files that follow each other form a block, whose
    rows are permuted together. So a block, some 13 MB, is all that is held, and any batch
    is found from its number. What does not fill a last batch is left out, each epoch else.
    """

    BLOCK = 64

    def __init__(self, store: PackedStore[P], batch_size: int = 1024, seed: int = 0) -> None:
        """Raises BadInput if the store does not fill a batch."""
        self._rows = np.array(store.sizes, dtype=np.int64)
        self._total = int(self._rows.sum())
        if not 1 <= batch_size <= self._total:
            raise BadInput(
                f"batch size {batch_size:,} of {self._total:,} rows in {store.url}: use 1 to that many, or "
                "make more"
            )
        self.store, self.batch_size, self.seed = store, batch_size, seed
        self.spec = store.spec
        self._order: tuple[int, npt.NDArray, npt.NDArray] | None = None
        self._blocks: dict[tuple[int, int], P] = {}

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self._total // self.batch_size

    def batch(self, k: int) -> Rows:
        """The rows of batch k; batch len(self) is the first of the second epoch."""
        if k < 0:
            raise BadInput(f"batch {k}: batches are numbered 0, 1, 2, ...")
        epoch, place = divmod(k, len(self))
        files, block_ends = self._files(epoch)
        start, stop = place * self.batch_size, (place + 1) * self.batch_size
        first, last = np.searchsorted(block_ends, [start, stop - 1], side="right")
        parts, numbers = [], []
        for block in range(int(first), int(last) + 1):
            begin = int(block_ends[block - 1]) if block else 0
            rows = self._block(epoch, block)
            parts.append(rows.take(slice(max(start - begin, 0), stop - begin)))
            numbers.extend(files[block * self.BLOCK : (block + 1) * self.BLOCK].tolist())
        self._blocks = {key: rows for key, rows in self._blocks.items() if key == (epoch, int(last))}
        return self.store.unpack(self.store.join(parts), numbers)

    def batches(self, start: int = 0, part: int = 0, parts: int = 1) -> Iterator[Rows]:
        """The batches of steps start, start + 1, ... for one of `parts` that train together."""
        if not 0 <= part < parts:
            raise BadInput(f"part {part} of {parts}: use 0..{parts - 1}")
        step = start
        while True:
            yield self.batch(step * parts + part)
            step += 1

    def __reduce__(self):  # what crosses into another process holds no rows
        return type(self), (self.store, self.batch_size, self.seed)

    def _files(self, epoch: int) -> tuple[npt.NDArray, npt.NDArray]:
        """The files in the order `stream(seed, "epoch", epoch)`, and the row each block ends before."""
        if self._order is None or self._order[0] != epoch:
            files = stream(self.seed, "epoch", epoch).permutation(len(self._rows))
            ends = np.cumsum(self._rows[files])
            self._order = epoch, files, np.append(ends[self.BLOCK - 1 : -1 : self.BLOCK], ends[-1])
        return self._order[1:]

    def _block(self, epoch: int, block: int) -> P:
        """The rows of a block in order: `stream(seed, "epoch", epoch, "block", block)`."""
        if (epoch, block) not in self._blocks:
            files = self._files(epoch)[0][block * self.BLOCK : (block + 1) * self.BLOCK]
            rows = self.store.join([self.store.read(int(number)) for number in files])
            order = stream(self.seed, "epoch", epoch, "block", block).permutation(len(rows))
            self._blocks[epoch, block] = rows.take(order)
        return self._blocks[epoch, block]


def some_rows(store: PackedStore, n: int | None = None, seed: int = 0) -> Rows:
    """All rows, or n of them: as many of each file as of another, by `stream(seed, "subset", file)`.

    Weights grow by what a row of its file then stands for. Raises BadInput for n = 0.
    """
    parts, files, factors = [], [], []
    for number, size in enumerate(store.sizes):
        share = size if n is None else n // len(store.sizes) + (number < n % len(store.sizes))
        if share := min(share, size):
            kept = stream(seed, "subset", number).permutation(size)[:share]
            kept.sort()
            parts.append(store.read(number).take(kept))
            files.append(number)
            factors.append(np.full(share, size / share, dtype=np.float32))
    if not parts:
        raise BadInput(f"{n} rows: ask for at least 1, or for all")
    rows = store.unpack(store.join(parts), files)
    return replace(rows, weight=rows.weight * np.concatenate(factors))
