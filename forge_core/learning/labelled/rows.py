"""Rows to learn from, and where they come from.

Letters: N rows, P positions, F features, A actions. Every value is in the mover's frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from forge_core.learning.spec import TokenSpec

ILLEGAL = -128
"""q of an action that may not be taken"""


@dataclass(frozen=True, slots=True)
class Rows:
    """N rows to learn from; arrays, or tensors on one device."""

    tokens: Any
    """[N, P, F] int8"""
    mask: Any
    """[N, P] bool: the tokens that count"""
    legal: Any
    """[N, A] bool: the actions that may be taken"""
    q: Any
    """[N, A] points to the mover after each action, -128 where illegal: int8 where they are exact,
    float32 where they are E[Q], an average over worlds (see variance)"""
    value: Any
    """[N] points to the mover: the best legal q, and of its type"""
    weight: Any
    """[N] float32 positions a row stands for (inverse inclusion probability)"""
    decl: Any
    """[N] int8 the kind of game, to report by (texas42: the declaration)"""
    ply: Any
    """[N] uint8 moves made before, to report by"""
    seat: Any
    """[N] int8 the mover's absolute seat, never shown to the network"""
    deal: Any
    """[N] int32 rows of one deal share a number, unlike any other in the batch: for tests paired by deal"""
    variance: Any = None
    """[N, A] float32 points squared: of the points over the worlds that q is the average of, 0 where
    illegal; None where q is exact"""
    ess: Any = None
    """[N] float32 effective number of these worlds, at least 1, infinite where they were all there are:
    the standard error of q is the root of variance / ess; None where q is exact"""

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, index) -> Rows:
        """The rows at `index`: whole numbers, a slice or a mask."""
        return Rows(*(column[index] for column in self.columns()))

    def columns(self) -> tuple[Any, ...]:
        """Every field that is not None, in order."""
        columns = (getattr(self, field.name) for field in fields(self))
        return tuple(column for column in columns if column is not None)

    def to_tensors(self, device: str = "cpu") -> Rows:
        """The same rows as torch tensors on `device`; arrays on the CPU share their memory."""
        import torch

        def tensor(column):
            if isinstance(column, np.ndarray):  # torch warns of arrays that must not be written to
                column = torch.from_numpy(column if column.flags.writeable else column.copy())
            return column.to(device, non_blocking=True)

        return Rows(*map(tensor, self.columns()))


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Rows of several parts (arrays), one after another; deal numbers stay as they are."""
    columns = zip(*(part.columns() for part in parts), strict=True)
    return Rows(*map(np.concatenate, columns))


class RowSource(Protocol):
    """Batches by number: `batch(k)` is a pure function of the source's configuration and k.

    So training resumes at any step, and any number of processes share the work without
    a word between them. A finite source also has `__len__`: batches in an epoch.
    """

    spec: TokenSpec

    def batch(self, k: int) -> Rows:
        """Rows of batch k = 0, 1, 2, ...; a finite source goes on into the next epoch."""
        ...
