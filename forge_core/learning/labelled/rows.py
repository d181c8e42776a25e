"""Labelled rows and their sources.

Letters: N rows, P positions, F features, A actions. All values are points of the game, in the
mover's frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from forge_core.learning.spec import TokenSpec

ILLEGAL = -128
"""the q of illegal actions"""


@dataclass(frozen=True, slots=True)
class Rows:
    """N rows to learn from, as arrays or as tensors on one device.

    A network never sees `decl`, `ply`, `seat` and `deal`; they serve to group and pair figures. The
    names are those of the stored columns; a game without declarations can put any other grouping of
    its rows into `decl`.
    """

    tokens: Any
    """[N, P, F] int8"""
    mask: Any
    """[N, P] bool, False for tokens to ignore"""
    legal: Any
    """[N, A] bool"""
    q: Any
    """[N, A] the mover's points after each action, ILLEGAL where illegal; int8 if exact, float32 if they are
    E[Q], a mean over worlds (see variance)"""
    value: Any
    """[N] the best legal q, of the same type"""
    weight: Any
    """[N] float32 number of positions that a row represents (inverse inclusion probability)"""
    decl: Any
    """[N] int8 group for reports: the kind of game (Texas 42: the declaration)"""
    ply: Any
    """[N] uint8 number of moves made before, for reports"""
    seat: Any
    """[N] int8 the mover's absolute seat"""
    deal: Any
    """[N] int32 number of the row's deal or game, unique within a batch; tests pair rows by it"""
    variance: Any = None
    """[N, A] float32 points squared: the variance of the points over the worlds that q averages, 0 where
    illegal; None if q is exact"""
    ess: Any = None
    """[N] float32 effective number of these worlds, at least 1, infinite if q averages all possible worlds;
    the standard error of q is sqrt(variance / ess). None if q is exact"""

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, index) -> Rows:
        """Return the rows at `index`: whole numbers, a slice or a mask."""
        return Rows(*(column[index] for column in self.columns()))

    def columns(self) -> tuple[Any, ...]:
        """Return all fields that are not None, in order."""
        columns = (getattr(self, field.name) for field in fields(self))
        return tuple(column for column in columns if column is not None)

    def to_tensors(self, device: str = "cpu") -> Rows:
        """Return the rows as torch tensors on `device`; on the CPU they share the memory of arrays."""
        import torch

        def tensor(column):
            if isinstance(column, np.ndarray):  # torch warns about read-only arrays
                column = torch.from_numpy(column if column.flags.writeable else column.copy())
            return column.to(device, non_blocking=True)

        return Rows(*map(tensor, self.columns()))


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Concatenate several sets of rows (arrays); deal numbers do not change."""
    columns = zip(*(part.columns() for part in parts), strict=True)
    return Rows(*map(np.concatenate, columns))


class RowSource(Protocol):
    """A source of numbered batches: `batch(k)` is a pure function of the source's configuration and k.

    Therefore training can resume at any step, and processes can share the work without communication.
    A finite source also has `__len__`, the number of batches in an epoch. A source that can split its
    work better than by giving each process every n-th batch also has `batches`, with the arguments of
    `data.batches`.
    """

    spec: TokenSpec

    def batch(self, k: int) -> Rows:
        """Return the rows of batch k = 0, 1, 2, ...; a finite source continues into the next epoch."""
        ...
