"""User settings of training the one-hand network: its size, its pace, its labels, and the run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from forge_core.errors import BadInput
from forge_core.learning.folders import RUNS
from forge_core.ranges import read_seed
from forge_core.settings import setting

HIDDEN, SECOND = 64, 32
"""units of the two hidden layers, unless the user asks for other numbers (docs/log.md compares sizes)"""
MOST_UNITS = 1024
"""maximum number of units of a layer; it bounds the memory that a damaged card can ask for"""
EVALUATIONS = 10
"""evaluations of a run, each with a checkpoint"""

Target = Literal["values", "plays"]
"""what a network of one hand learns: the values of the legal plays, to play well; or the plays that were
made, for a belief about hidden hands"""

_NETWORK, _PACE, _RUN = "Network", "Steps, learning rate and loss", "Run"


def check_units(name: str, units: int) -> None:
    """Raise BadInput for a number of units that a layer cannot have. name: of the setting."""
    if not 1 <= units <= MOST_UNITS:
        raise BadInput(f"{name} {units}: use 1 to {MOST_UNITS} units")


def check_positive(name: str, value: float) -> None:
    """Raise BadInput unless a value is a finite number above 0. name: of the setting."""
    if not 0 < value < math.inf:
        raise BadInput(f"{name} {value}: use a finite number above 0")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Settings of a run that do not determine what its steps do: where it starts, and where it is kept."""

    init_from: str | None = setting(
        None, "Model to start from; it also determines the size.", metavar="PATH", panel=_NETWORK
    )
    name: str | None = setting(
        None, "Name of the run and of its folder.", default_text="made from its settings", panel=_RUN
    )
    runs: str = setting(RUNS, "Folder that contains all runs.", metavar="DIR", panel=_RUN)


@dataclass(frozen=True, slots=True)
class SizeSettings:
    """The size of the network to train. Raises BadInput for sizes out of range."""

    hidden: int | None = setting(
        None,
        "Units of the first hidden layer.",
        default_text=f"{HIDDEN}, or as in the model to start from",
        panel=_NETWORK,
    )
    second: int | None = setting(
        None,
        "Units of the second hidden layer.",
        default_text=f"{SECOND}, or as in the model to start from",
        panel=_NETWORK,
    )

    def __post_init__(self) -> None:
        for name, units in (("hidden", self.hidden), ("second", self.second)):
            if units is not None:
                check_units(name, units)


@dataclass(frozen=True, slots=True)
class OneHandSettings(SizeSettings):
    """Settings of a training run of the one-hand network. Raises BadInput for values out of range."""

    target: Target = setting(
        "values",
        "What the network learns: the values of the legal plays; or the plays that the players of the games "
        "made, for beliefs about hidden hands.",
        panel=_PACE,
    )
    epochs: int = setting(12, "Passes over the decisions.", panel=_PACE)
    batch_size: int = setting(2048, "Decisions per step.", panel=_PACE)
    lr: float = setting(3e-3, "Peak learning rate; it falls to 0 over the run.", metavar="RATE", panel=_PACE)
    temperature: float = setting(
        2.0,
        "Points of regret at which a play is e times less likely in the label, which is a softmax over the "
        "plays of a decision; with target values.",
        metavar="POINTS",
        panel=_PACE,
    )
    regret_share: float = setting(
        0.3,
        "Share of the loss that is the expected regret of the network's plays, in points; the rest is the "
        "cross-entropy with the label; with target values.",
        metavar="SHARE",
        panel=_PACE,
    )
    seed: int = setting(
        0, "Seed of the first weights and of the order of decisions.", read=read_seed, panel=_RUN
    )

    def __post_init__(self) -> None:
        SizeSettings.__post_init__(self)
        if min(self.epochs, self.batch_size) < 1:
            raise BadInput(f"epochs {self.epochs} and batch size {self.batch_size}: both must be at least 1")
        check_positive("lr", self.lr)
        check_positive("temperature", self.temperature)
        if not 0 <= self.regret_share <= 1:
            raise BadInput(f"regret share {self.regret_share}: use a number from 0 to 1")
