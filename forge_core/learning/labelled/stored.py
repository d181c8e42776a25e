"""A source of rows stored on disk: each epoch contains all rows once, in a different order.

A PackedStore reads packed rows file by file and unpacks those that a batch needs; it alone knows the
format of its files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.spec import TokenSpec
from forge_core.streams import stream


class Packed(Protocol):
    """Rows in their stored form."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def take(self, index: Any) -> Any:
        """Return the rows at `index`: whole numbers or a slice."""
        ...


P = TypeVar("P", bound=Packed)


class PackedStore(Protocol[P]):
    """Files of packed rows."""

    spec: TokenSpec
    url: str
    sizes: Sequence[int]
    """number of rows in each file"""

    def read(self, number: int) -> P:
        """Return the rows of a file."""
        ...

    def join(self, parts: Sequence[P]) -> P:
        """Concatenate several parts."""
        ...

    def unpack(self, packed: P, files: Sequence[int]) -> Rows:
        """Return rows to learn from. files: the files of the joined parts, in order. Deals from different
        files must get different numbers."""
        ...


class StoredSource(Generic[P]):
    """A RowSource over a store: each epoch contains all rows once, in a different order.

    An epoch permutes the files and then, within each block of BLOCK consecutive files, the rows.
    Therefore only one block is held in memory, and any batch can be found from its number. Rows that do
    not fill the last batch are left out; they are different ones in each epoch.
    """

    BLOCK = 64
    """files per block; about 13 MB of tokenized shards"""

    def __init__(self, store: PackedStore[P], batch_size: int = 1024, seed: int = 0) -> None:
        """Raise BadInput if the store does not fill a batch."""
        self._rows = np.array(store.sizes, dtype=np.int64)
        self._total = int(self._rows.sum())
        if not 1 <= batch_size <= self._total:
            raise BadInput(
                f"batch size {batch_size:,} is not in 1..{self._total:,}, the number of rows in {store.url}: "
                "change it or make more rows"
            )
        self.store, self.batch_size, self.seed = store, batch_size, seed
        self.spec = store.spec
        self._order: tuple[int, npt.NDArray, npt.NDArray] | None = None
        self._blocks: dict[tuple[int, int], P] = {}

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._total // self.batch_size

    def batch(self, k: int) -> Rows:
        """Return the rows of batch k; batch len(self) is the first batch of the second epoch."""
        if k < 0:
            raise BadInput(f"batch {k}: use a number of at least 0")
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

    def __reduce__(self):  # do not send rows to another process
        return type(self), (self.store, self.batch_size, self.seed)

    def _files(self, epoch: int) -> tuple[npt.NDArray, npt.NDArray]:
        """Return the files, permuted by `stream(seed, "epoch", epoch)`, and the end row of each block."""
        if self._order is None or self._order[0] != epoch:
            files = stream(self.seed, "epoch", epoch).permutation(len(self._rows))
            ends = np.cumsum(self._rows[files])
            self._order = epoch, files, np.append(ends[self.BLOCK - 1 : -1 : self.BLOCK], ends[-1])
        return self._order[1:]

    def _block(self, epoch: int, block: int) -> P:
        """Return the rows of a block, permuted by `stream(seed, "epoch", epoch, "block", block)`."""
        if (epoch, block) not in self._blocks:
            files = self._files(epoch)[0][block * self.BLOCK : (block + 1) * self.BLOCK]
            rows = self.store.join([self.store.read(int(number)) for number in files])
            order = stream(self.seed, "epoch", epoch, "block", block).permutation(len(rows))
            self._blocks[epoch, block] = rows.take(order)
        return self._blocks[epoch, block]


def some_rows(store: PackedStore, n: int | None = None, seed: int = 0) -> Rows:
    """Return all rows, or a random n of them, equally many from each file.

    Each file's rows are drawn by `stream(seed, "subset", file)`, and their weights are multiplied by the
    number of rows that each then represents. Raises BadInput if n is 0.
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
        raise BadInput(f"{n} rows: use at least 1, or None for all")
    rows = store.unpack(store.join(parts), files)
    return replace(rows, weight=rows.weight * np.concatenate(factors))
