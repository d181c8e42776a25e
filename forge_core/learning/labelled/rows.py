"""Labelled rows, and the sources of them.

Letters: N rows, P positions, F features, A actions. Every value is in the mover's frame, in the
points of the game.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from forge_core.learning.spec import TokenSpec

ILLEGAL = -128
"""q of an action that is not legal"""


@dataclass(frozen=True, slots=True)
class Rows:
    """N rows to learn from; arrays, or tensors on one device.

    `decl`, `ply`, `seat` and `deal` are never shown to a network: figures are reported and paired by
    them. The names are those of the stored columns; a game without declarations puts any other
    grouping of its rows into `decl`.
    """

    tokens: Any
    """[N, P, F] int8"""
    mask: Any
    """[N, P] bool: True for tokens that count"""
    legal: Any
    """[N, A] bool"""
    q: Any
    """[N, A] points to the mover after each action, ILLEGAL where illegal: int8 where they are exact,
    float32 where they are E[Q], an average over worlds (see variance)"""
    value: Any
    """[N] points to the mover: the best legal q, of the same type"""
    weight: Any
    """[N] float32 number of positions that a row represents (inverse inclusion probability)"""
    decl: Any
    """[N] int8 group: the kind of game, to report by (Texas 42: the declaration)"""
    ply: Any
    """[N] uint8 number of moves made before, to report by"""
    seat: Any
    """[N] int8 the mover's absolute seat"""
    deal: Any
    """[N] int32 number of the deal or game that a row is of, unique within a batch: tests pair by it"""
    variance: Any = None
    """[N, A] float32 points squared: variance of the points over the worlds whose average is q, 0 where
    illegal; None where q is exact"""
    ess: Any = None
    """[N] float32 effective number of these worlds, at least 1, infinite where q is over all possible worlds:
    the standard error of q is the root of variance / ess; None where q is exact"""

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
            if isinstance(column, np.ndarray):  # torch warns of read-only arrays
                column = torch.from_numpy(column if column.flags.writeable else column.copy())
            return column.to(device, non_blocking=True)

        return Rows(*map(tensor, self.columns()))


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Return rows of several parts (arrays) one after another; deal numbers stay as they are."""
    columns = zip(*(part.columns() for part in parts), strict=True)
    return Rows(*map(np.concatenate, columns))


class RowSource(Protocol):
    """Batches by number: `batch(k)` is a pure function of the source's configuration and k.

    So training resumes at any step, and processes share the work without communication. A
    finite source also has `__len__`, the number of batches in an epoch. A source whose parts
    share work better than by taking every n-th batch each also has `batches`, with the
    arguments of `data.batches`.
    """

    spec: TokenSpec

    def batch(self, k: int) -> Rows:
        """Return the rows of batch k = 0, 1, 2, ...; a finite source continues into the next epoch."""
        ...
