"""Sizes and objectives of the token transformer. This module does not import torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from forge_core.errors import BadInput
from forge_core.ranges import check_numbers

OBJECTIVES = ("qvalue", "policy", "regret", "eq")
"""The objectives, which determine a network's prediction for an action. qvalue: the mover's points after it.
policy: the logit of taking it, by cross-entropy with the best one. regret: the logit of taking it, by the
expected regret, which suits labels with large errors. eq: the mean and variance of the mover's points over
all possible worlds."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The size of a network, and its objective."""

    width: int
    """the width of a token inside the network"""
    layers: int
    heads: int
    hidden: int
    """the width of the feed-forward hidden layer"""
    objective: str = "qvalue"
    """one of OBJECTIVES"""

    def __post_init__(self) -> None:
        check_numbers(self)
        sizes = (self.width, self.layers, self.heads, self.hidden)
        if not all(isinstance(size, int) and size > 0 for size in sizes) or self.width % self.heads:
            raise BadInput(f"network size ({self}): all sizes must be positive and heads must divide width")
        if self.objective not in OBJECTIVES:
            raise BadInput(f"objective {self.objective!r}: use {' or '.join(OBJECTIVES)}")

    @property
    def in_points(self) -> bool:
        """True if the answer for an action is in points, False if it is a logit."""
        return self.objective not in ("policy", "regret")

    @property
    def says_variance(self) -> bool:
        """True if the network also predicts a variance (see `TokenTransformer.estimate`)."""
        return self.objective == "eq"

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> ModelConfig:
        """Create a ModelConfig from what `to_dict` returned. Raises BadInput if the keys differ."""
        names = {field.name for field in fields(cls)}
        if set(record) != names:
            raise BadInput(
                f"the configuration of a network must have the keys {sorted(names)}, not {sorted(record)}"
            )
        return cls(**record)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON types, in its stored form."""
        return asdict(self)

    def __str__(self) -> str:
        size = f"width {self.width}, {self.layers} layers, {self.heads} heads, hidden {self.hidden}"
        return f"{size}, {self.objective}"


SIZES = {
    "73k": ModelConfig(width=64, layers=2, heads=4, hidden=128),
    "817k": ModelConfig(width=128, layers=4, heads=8, hidden=512),
    "3.3m": ModelConfig(width=256, layers=6, heads=8, hidden=512),
}
"""The named sizes."""
