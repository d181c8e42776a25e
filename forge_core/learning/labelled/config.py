"""The settings of learning from labelled rows: Recipe for how a network learns, TrainConfig for a whole run.

Both are stored as JSON in a run's folder and in its checkpoints. Torch is not imported here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from forge_core.errors import BadInput
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.precision import PRECISIONS

ROW_WEIGHTS = ("drawn", "positions")

_STORED_NAMES = {"forced_row_weight": "idle_weight"}
"""fields of Recipe that are stored under another name, by which earlier runs are found"""
_FIELD_NAMES = {stored: name for name, stored in _STORED_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Recipe of a training: losses, weights of rows, optimiser, schedule. Raises BadInput for contradictions.

    Defaults in points suit a game whose results are some tens of points.
    """

    steps: int
    """batches until the learning rate has fallen to zero"""
    learning_rate: float
    """at its peak"""
    warmup: int = 200
    """steps in which the learning rate rises, at most a tenth of all steps"""
    weight_decay: float = 0.01
    """of matrices; vectors are not decayed"""
    clip: float = 1.0
    """largest norm of a gradient"""
    ema: float = 0.999
    """share of the averaged weights that a step keeps; these weights are evaluated and saved"""
    mean_weight: float = 0.25
    """qvalue, eq: weight of the error that all actions of a row share; the error of each action has weight 1,
    so 1 gives the plain mean squared error"""
    soft_weight: float = 0.03
    """qvalue, eq: weight of the cross-entropy against the soft target, which teaches the order of actions"""
    hard_share: float = 0.3
    """policy: share of the cross-entropy against the best actions, evenly if tied; the rest is soft"""
    temperature: float = 3.0
    """points: the soft target is softmax(q / temperature) over legal actions"""
    value_weight: float = 0.5
    """of the squared error of the value"""
    variance_weight: float = 0.03
    """eq: of `losses.spread_error`"""
    noise: float = 3.0
    """eq, points: the standard error at which a label counts half (see `losses.certainty`)"""
    row_weights: str = "drawn"
    """`drawn`: every row counts the same, and the source decides how often each is drawn; `positions`: a row
    counts as many reachable positions as it represents"""
    forced_row_weight: float = 1.0
    """weight of a row in which nothing is to be decided, next to 1 for a decision: below 1 where rows were
    drawn without regard to decisions. Stored as `idle_weight`"""

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.learning_rate > 0:
            raise BadInput(f"{self.steps} steps at rate {self.learning_rate}: both must be positive")
        if self.row_weights not in ROW_WEIGHTS:
            raise BadInput(f"row_weights {self.row_weights!r}: use {' or '.join(ROW_WEIGHTS)}")
        if not (0 <= self.ema < 1 and 0 <= self.hard_share <= 1):
            raise BadInput(f"ema {self.ema} and hard_share {self.hard_share} are shares from 0 to 1")
        if not (self.temperature > 0 and self.clip > 0 and self.noise > 0 and self.forced_row_weight >= 0):
            raise BadInput("temperature, clip and noise must be positive, idle_weight must not be negative")

    def rate(self, step: int) -> float:
        """Return the share of the peak learning rate at step 0, 1, ...: a linear rise, then a cosine fall."""
        warmup = max(1, min(self.warmup, self.steps // 10))
        done = min(1.0, max(0, step - warmup) / max(1, self.steps - warmup))
        return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * done))

    def to_dict(self) -> dict[str, Any]:
        """Return the record that is stored: JSON types only; `from_dict` reads it."""
        return {_STORED_NAMES.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Recipe:
        """Read `to_dict`'s record; what an older record lacks gets its default. TypeError for other keys."""
        return cls(**{_FIELD_NAMES.get(name, name): value for name, value in record.items()})


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run. Contradictions raise BadInput."""

    model: ModelConfig
    recipe: Recipe
    evaluate_every: int = 500
    """steps between evaluations, each followed by a checkpoint"""
    patience: int | None = None
    """evaluations without a better one after which training stops; None: never"""
    precision: str = "auto"
    """one of PRECISIONS"""
    device: str = "auto"
    devices: int = 1
    """number of devices of that kind, run by Lightning's own strategy; each takes batches of its own"""
    compile: bool = False
    """by torch.compile"""
    seed: int = 0
    """of the first weights"""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise BadInput(f"precision {self.precision!r}: use one of {', '.join(PRECISIONS)}")
        if self.evaluate_every < 1 or self.devices < 1 or (self.patience is not None and self.patience < 1):
            raise BadInput("evaluate_every, patience and devices must be at least 1")

    def to_dict(self) -> dict[str, Any]:
        """Return the record that is stored: JSON types only; `from_dict` reads it."""
        return {**asdict(self), "recipe": self.recipe.to_dict()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TrainConfig:
        """Read `to_dict`'s record. Raises BadInput for a record with other keys."""
        try:
            model, recipe = ModelConfig.from_dict(record["model"]), Recipe.from_dict(record["recipe"])
            return cls(**{**record, "model": model, "recipe": recipe})
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(
                f"this is not the configuration of a training run ({error}): start a new run"
            ) from error


def learning_rate_for(model: ModelConfig) -> float:
    """Return a peak learning rate that suits the width of a network: 3e-3 at 64, in inverse proportion."""
    return 3e-3 * 64 / model.width
