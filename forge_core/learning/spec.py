"""What learning needs to know of a game: the shape of its tokens, and rows to learn from.

Letters: N rows, P positions, F features, A actions. Actions are judged at the first
positions a spec names; every value is in the mover's frame.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from forge_core.errors import BadInput


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
