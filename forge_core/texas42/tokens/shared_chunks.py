"""Chunks of live rows in a folder that several runs share, so that each chunk is made once for all of them.

A chunk is a pure function of settings and number, and the folder is named after the settings; so it does
not matter which process makes a chunk, and runs of any objective, size and batch size can share a folder,
side by side or one after the other. A file has a table of deals and a table of rows (24 bytes per row of
`live`), and ends in the digest of all that precedes it.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from forge_core.errors import FileCorrupt, StoreHeld
from forge_core.files import Store
from forge_core.files.arrays import read_array
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import N_DOMINOES

_AHEAD = 64
"""chunks that a process may make ahead while the one it needs is being made by another process"""
_PAUSE_S = 0.02
_DIGEST_SIZE = 16


class Chunk(Protocol):
    """Labelled rows of some deals, not encoded."""

    def __len__(self) -> int: ...

    def take(self, index: Any) -> Any:
        """Return the rows at `index`, with all deals."""
        ...


C = TypeVar("C", bound=Chunk)


@dataclass(frozen=True, slots=True)
class ChunkForm(Generic[C]):
    """The form of chunks of a kind in a file."""

    deal: np.dtype
    """an entry of the table of deals; it has `hands` and `decl`"""
    row: np.dtype
    """an entry of the table of rows; it has `deal_of`, the index of the deal"""
    to_tables: Callable[[C], tuple[npt.NDArray, npt.NDArray]]
    """returns the tables of a chunk"""
    from_tables: Callable[[npt.NDArray, npt.NDArray], C]
    """returns the chunk of tables. Raises ValueError for invalid ones."""


@dataclass(frozen=True, slots=True)
class SharedChunks(Generic[C]):
    """Chunks of one configuration in a local folder."""

    folder: Store
    make: Callable[[int], C]
    """makes the chunk of a number; a pure function"""
    form: ChunkForm[C]

    def get(self, chunk: int) -> C:
        """Read a chunk, or make and store it. While another process makes it, make later ones.

        Raises FileCorrupt for a damaged file, StoreUnusable.
        """
        while not self.folder.exists(_file(chunk)):
            if not any(self._add(number) for number in range(chunk, chunk + _AHEAD)):
                time.sleep(_PAUSE_S)
        path = self.folder.path(_file(chunk))
        try:
            return _parse(self.folder.read(_file(chunk)), self.form)
        except ValueError as error:
            raise FileCorrupt(path, str(error), "delete it, and it is made again") from error

    def _add(self, chunk: int) -> bool:
        """Make and store a chunk. Return False if it exists or another process is making it."""
        if self.folder.exists(_file(chunk)):
            return False
        try:
            with self.folder.join(f"{chunk:09}.making").held():
                if self.folder.exists(_file(chunk)):
                    return False
                self.folder.write(_file(chunk), _to_bytes(self.form.to_tables(self.make(chunk))))
        except StoreHeld:
            return False
        return True


def _within(numbers: npt.NDArray, end: int) -> bool:
    """Return True if all numbers are in 0..end - 1."""
    return bool(((numbers >= 0) & (numbers < end)).all())


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_SIZE).digest()


def _file(chunk: int) -> str:
    return f"{chunk:09}.npy"


def _to_bytes(tables: tuple[npt.NDArray, npt.NDArray]) -> bytes:
    data = io.BytesIO()
    for table in tables:
        np.save(data, table, allow_pickle=False)
    return data.getvalue() + _digest(data.getvalue())


def _parse(data: bytes, form: ChunkForm[C]) -> C:
    """Return the rows in a file. Raises ValueError if the bytes are not those that were written."""
    data, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    if digest != _digest(data):
        raise ValueError("its bytes do not match its digest")
    deals, end = read_array(data, form.deal)
    rows, end = read_array(data, form.row, end)
    if deals.ndim != 1 or rows.ndim != 1 or end != len(data):
        raise ValueError("it is not a list of deals followed by rows")
    complete = np.sort(deals["hands"].reshape(len(deals), -1), axis=1) == np.arange(N_DOMINOES)
    if not complete.all() or not (
        _within(deals["decl"], N_DECLARATIONS) and _within(rows["deal_of"], len(deals))
    ):
        raise ValueError("its deals are invalid")
    return form.from_tables(deals, rows)
