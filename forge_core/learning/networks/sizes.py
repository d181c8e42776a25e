"""The sizes of the token transformer, and what it can learn to answer. Torch is not imported here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from forge_core.errors import BadInput

OBJECTIVES = ("qvalue", "policy", "eq")
"""The answer for an action: its points to the mover; a logit of taking it; or, where the mover does not see
everything, its points on average over the worlds that are possible, and their variance."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The size of a network, and its objective."""

    width: int
    """of a token inside the network"""
    layers: int
    heads: int
    hidden: int
    """width inside the feed-forward part"""
    objective: str = "qvalue"
    """one of OBJECTIVES"""

    def __post_init__(self) -> None:
        sizes = (self.width, self.layers, self.heads, self.hidden)
        if not all(isinstance(size, int) and size > 0 for size in sizes) or self.width % self.heads:
            raise BadInput(f"a network of {self}: sizes must be positive, and heads must divide the width")
        if self.objective not in OBJECTIVES:
            raise BadInput(f"objective {self.objective!r}: use {' or '.join(OBJECTIVES)}")

    @property
    def in_points(self) -> bool:
        """True if the answer for an action is points; else it is a logit."""
        return self.objective != "policy"

    @property
    def says_variance(self) -> bool:
        """True if the network also answers with a variance (see `TokenTransformer.estimate`)."""
        return self.objective == "eq"

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> ModelConfig:
        """Read `to_dict`'s record. Raises BadInput for another set of keys."""
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            raise BadInput(f"a network's configuration has the keys {sorted(names)}, not {sorted(record)}")
        return cls(**record)

    def to_dict(self) -> dict[str, Any]:
        """Return the record that is stored: JSON types only."""
        return asdict(self)

    def __str__(self) -> str:
        size = f"width {self.width}, {self.layers} layers, {self.heads} heads, hidden {self.hidden}"
        return f"{size}, {self.objective}"


SIZES = {
    "73k": ModelConfig(width=64, layers=2, heads=4, hidden=128),
    "817k": ModelConfig(width=128, layers=4, heads=8, hidden=512),
    "3.3m": ModelConfig(width=256, layers=6, heads=8, hidden=512),
}
"""Networks that have a name"""
