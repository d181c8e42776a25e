"""The tokens of a game, as far as learning needs to know them.

Letters: P positions, F features, A actions. Every value is in the mover's frame and counted in
points, the unit of the game's result.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from forge_core.errors import BadInput


@dataclass(frozen=True, slots=True)
class TokenSpec:
    """The tokens of one game as a network sees them, and the places where its answers are read."""

    name: str
    """of the encoding, such as `toy-stage1`"""
    version: str
    """of the encoder: a network reads only tokens of the version it was trained on"""
    n_positions: int
    """P"""
    vocabularies: tuple[int, ...]
    """[F] number of values that each feature takes"""
    action_positions: tuple[int, ...]
    """[A] position of the token of each action"""
    value_position: int
    """position of the token that represents the whole situation"""
    value_scale: float
    """points per unit of the network's answer"""

    def __post_init__(self) -> None:
        places = (*self.action_positions, self.value_position)
        if not all(0 <= place < self.n_positions for place in places):
            raise BadInput(
                f"spec {self.name} reads positions {places}: each must lie in 0..{self.n_positions - 1}"
            )
        if min(self.vocabularies, default=0) < 1 or not self.value_scale > 0:
            raise BadInput(f"spec {self.name}: no vocabulary may be empty, and the scale must be positive")

    @property
    def n_features(self) -> int:
        """F"""
        return len(self.vocabularies)

    @property
    def n_actions(self) -> int:
        """A"""
        return len(self.action_positions)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types only; `from_dict` reads them."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> TokenSpec:
        """Read `to_dict`'s record. Raises BadInput for another set of keys."""
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            raise BadInput(f"a token spec has the keys {sorted(names)}, not {sorted(record)}")
        read: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in record.items()}
        return cls(**read)

    def check_same(self, other: TokenSpec, what: str) -> None:
        """Raise BadInput unless `what` (a file, a model) has these tokens; `other`: those it has."""
        if other != self:
            differ = [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]
            remedy = "name another" if differ[0] == "name" else "make it again with this version of Forge"
            if differ[0] in ("name", "version"):
                differ = differ[:1]  # with another name or version all else differs too
            needed = ", ".join(f"{name} {getattr(self, name)}" for name in differ)
            found = ", ".join(f"{name} {getattr(other, name)}" for name in differ)
            raise BadInput(f"{what} was made for tokens of {found}, not of {needed}: {remedy}")
