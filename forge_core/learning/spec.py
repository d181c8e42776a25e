"""Records that describe networks: stored records, and a game's tokens as far as learning needs them.

Letters: P positions, F features, A actions. All values are in the mover's frame and in points, the
unit of the game's result.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from forge_core.errors import BadInput


class StoredRecord:
    """A frozen dataclass that is stored as JSON: its fields are JSON types."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record that is stored."""
        return asdict(self)  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Read the record of `to_dict`. Raises BadInput if its keys differ."""
        names = {field.name for field in fields(cls)}  # pyright: ignore[reportArgumentType]
        if set(record) != names:
            raise BadInput(f"{cls.__name__} must have the keys {sorted(names)}, not {sorted(record)}")
        return cls(**record)


@dataclass(frozen=True, slots=True)
class TokenSpec:
    """The format of a game's tokens, and the positions at which a network's answers are read."""

    name: str
    """name of the encoding, such as `toy-stage1`"""
    version: str
    """version of the encoder; a network can only read tokens of the version it was trained on"""
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
                f"spec {self.name} reads positions {places}: each must be in 0..{self.n_positions - 1}"
            )
        if min(self.vocabularies, default=0) < 1 or not self.value_scale > 0:
            raise BadInput(f"spec {self.name}: every vocabulary must be non-empty and value_scale positive")

    @property
    def n_features(self) -> int:
        """F, the number of features."""
        return len(self.vocabularies)

    @property
    def n_actions(self) -> int:
        """A, the number of actions."""
        return len(self.action_positions)

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as JSON types; `from_dict` reads them."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> TokenSpec:
        """Create a TokenSpec from what `to_dict` returned. Raises BadInput if the keys differ."""
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            raise BadInput(f"a token spec must have the keys {sorted(names)}, not {sorted(record)}")
        read: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in record.items()}
        return cls(**read)

    def check_same(self, other: TokenSpec, what: str) -> None:
        """Raise BadInput unless `other`, the spec of `what` (a file or a model), equals this one."""
        if other != self:
            differ = [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]
            remedy = "choose another" if differ[0] == "name" else "make it again with this version of Forge"
            if differ[0] in ("name", "version"):
                differ = differ[:1]  # if the name or version differs, the other differences follow from it
            needed = ", ".join(f"{name} {getattr(self, name)}" for name in differ)
            found = ", ".join(f"{name} {getattr(other, name)}" for name in differ)
            raise BadInput(f"{what} was made for tokens with {found}, not {needed}: {remedy}")
