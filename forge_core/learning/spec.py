"""What learning needs to know of a game: the shape of its tokens, and rows to learn from.

Letters: N rows, P positions, F features, A actions. Actions are judged at the first
positions a spec names; every value is in the mover's frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

import numpy as np

from forge_core.errors import BadInput

ILLEGAL = -128
"""q of an action that may not be taken"""


@dataclass(frozen=True, slots=True)
class TokenSpec:
    """The tokens of one game as a network sees them, and how to read its answer."""

    name: str
    """which tokens: `texas42-stage1`"""
    version: str
    """of the encoder: a model answers only to tokens of the version it was trained on"""
    n_positions: int
    """P"""
    vocabularies: tuple[int, ...]
    """[F] how many values each feature takes"""
    action_positions: tuple[int, ...]
    """[A] the token of each action"""
    value_position: int
    """the token that stands for the whole position"""
    value_scale: float
    """points in a unit of the network's answer"""

    def __post_init__(self) -> None:
        places = (*self.action_positions, self.value_position)
        if not all(0 <= place < self.n_positions for place in places):
            raise BadInput(
                f"spec {self.name} reads positions {places}: each must lie in 0..{self.n_positions - 1}"
            )
        if min(self.vocabularies, default=0) < 1 or not self.value_scale > 0:
            raise BadInput(f"spec {self.name}: every vocabulary must hold a value and the scale be positive")

    @property
    def n_features(self) -> int:
        """F"""
        return len(self.vocabularies)

    @property
    def n_actions(self) -> int:
        """A"""
        return len(self.action_positions)

    def to_dict(self) -> dict[str, Any]:
        """JSON types only; `from_dict` reads it back."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> TokenSpec:
        """A spec from `to_dict`'s record. Raises BadInput for another set of keys."""
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            raise BadInput(f"a token spec has the keys {sorted(names)}, not {sorted(record)}")
        read: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in record.items()}
        return cls(**read)

    def check_same(self, other: TokenSpec, what: str) -> None:
        """Raise BadInput unless `what` (a file, a model), which carries `other`, speaks these tokens."""
        if other != self:
            differ = [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]
            remedy = "name one that speaks these" if differ[0] == "name" else "make it again with these"
            if differ[0] in ("name", "version"):
                differ = differ[:1]  # of another name or version the rest is bound to differ
            mine = ", ".join(f"{name} {getattr(self, name)}" for name in differ)
            theirs = ", ".join(f"{name} {getattr(other, name)}" for name in differ)
            raise BadInput(f"{what} is of other tokens ({theirs}) than are spoken here ({mine}): {remedy}")


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
