"""Configuration of training on labelled rows: Recipe for how a network learns, TrainConfig for a whole run.

Both are stored as JSON in the run's folder and in its checkpoints. This module does not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from forge_core.errors import BadInput
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.precision import PRECISIONS, check_precision
from forge_core.ranges import check_numbers

REGRET_TEMPERATURE = 2.0
"""points of regret at which a network with objective regret learns to take an action e times less likely"""
ROW_WEIGHTS = ("drawn", "positions")

_STORED_NAMES = {"forced_row_weight": "idle_weight"}
"""fields of Recipe that are stored under their old names, so that earlier runs can still be read"""
_FIELD_NAMES = {stored: name for name, stored in _STORED_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training recipe: losses, row weights, optimiser, schedule. Raises BadInput for contradictions.

    Defaults in points suit a game whose results are some tens of points.
    """

    steps: int
    """number of batches until the learning rate has fallen to zero"""
    learning_rate: float
    """peak learning rate"""
    warmup: int = 200
    """steps during which the learning rate rises, at most a tenth of all steps"""
    weight_decay: float = 0.01
    """weight decay of matrices; vectors are not decayed"""
    clip: float = 1.0
    """gradients are clipped to this norm"""
    ema: float = 0.999
    """share of the averaged weights that each step keeps; the averaged weights are evaluated and saved"""
    mean_weight: float = 0.25
    """qvalue, eq: weight of the error component common to all actions of a row; the component specific to
    each action has weight 1, so with 1 the loss is the plain mean squared error"""
    soft_weight: float = 0.03
    """qvalue, eq: weight of the cross-entropy with the soft target, which teaches the order of actions"""
    hard_share: float = 0.3
    """policy: share of the best actions (evenly if tied) in the target; the rest is the soft target"""
    temperature: float = 3.0
    """points: the soft target is softmax(q / temperature) over legal actions; regret: the best answer is"""
    value_weight: float = 0.5
    """weight of the squared error of the value"""
    variance_weight: float = 0.03
    """eq: weight of `losses.spread_error`"""
    noise: float = 3.0
    """eq, points: the standard error at which a label counts half (see `losses.certainty`)"""
    row_weights: str = "drawn"
    """`drawn`: all rows have the same weight, and the source decides how often each is drawn; `positions`:
    the weight of a row is the number of reachable positions that it represents"""
    forced_row_weight: float = 1.0
    """weight of a forced row, compared with 1 for a decision; use less than 1 if rows were drawn without
    regard to decisions. Stored as `idle_weight`"""

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.steps < 1 or not self.learning_rate > 0:
            raise BadInput(
                f"steps {self.steps} and learning rate {self.learning_rate}: both must be positive"
            )
        if self.row_weights not in ROW_WEIGHTS:
            raise BadInput(f"row_weights {self.row_weights!r}: use {' or '.join(ROW_WEIGHTS)}")
        if not (0 <= self.ema < 1 and 0 <= self.hard_share <= 1):
            raise BadInput(
                f"ema {self.ema} must be from 0 to below 1, and hard_share {self.hard_share} from 0 to 1"
            )
        if not (self.temperature > 0 and self.clip > 0 and self.noise > 0):
            raise BadInput("temperature, clip and noise must be positive")
        for name in ("forced_row_weight", "mean_weight"):
            if not 0 <= (weight := getattr(self, name)) < math.inf:
                raise BadInput(f"{_STORED_NAMES.get(name, name)} {weight}: use a finite number of at least 0")

    def rate(self, step: int) -> float:
        """Return the learning rate at a step as a share of its peak: linear warm-up, then cosine decay."""
        warmup = max(1, min(self.warmup, self.steps // 10))
        done = min(1.0, max(0, step - warmup) / max(1, self.steps - warmup))
        return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * done))

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON types, in its stored form; `from_dict` reads it."""
        return {_STORED_NAMES.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Recipe:
        """Create a Recipe from what `to_dict` returned; missing fields get defaults.

        Raises TypeError for unknown keys.
        """
        return cls(**{_FIELD_NAMES.get(name, name): value for name, value in record.items()})


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """The configuration of one training run. Raises BadInput for contradictions."""

    model: ModelConfig
    recipe: Recipe
    evaluate_every: int = 500
    """steps between evaluations, each of which is followed by a checkpoint"""
    patience: int | None = None
    """number of evaluations without improvement after which training stops; None: never"""
    precision: str = "auto"
    """one of PRECISIONS"""
    device: str = "auto"
    devices: int = 1
    """number of devices of that kind, each with its own process (strategy ddp) and its own batches;
    their gradients are averaged"""
    compile: bool = False
    """True to compile the network with torch.compile"""
    seed: int = 0
    """seed of the initial weights"""

    def __post_init__(self) -> None:
        check_numbers(self)
        check_precision(self.precision, PRECISIONS)
        if self.evaluate_every < 1 or self.devices < 1 or (self.patience is not None and self.patience < 1):
            raise BadInput("evaluate_every, patience and devices must be at least 1")

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON types, in its stored form; `from_dict` reads it."""
        return {**asdict(self), "recipe": self.recipe.to_dict()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TrainConfig:
        """Create a TrainConfig from what `to_dict` returned. Raises BadInput if the keys differ."""
        try:
            model, recipe = ModelConfig.from_dict(record["model"]), Recipe.from_dict(record["recipe"])
            return cls(**{**record, "model": model, "recipe": recipe})
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                f"this is not the configuration of a training run ({error}): start a new run"
            ) from error


def learning_rate_for(model: ModelConfig) -> float:
    """Return a peak learning rate for a network: inversely proportional to its width, 3e-3 at width 64."""
    return 3e-3 * 64 / model.width
