"""User settings of training the one-hand network: its size, its pace, its labels, and the run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.learning.folders import RUNS
from forge_core.ranges import whole
from forge_core.settings import setting

HIDDEN = 32
"""hidden units of a network, unless the user asks for another number"""
MOST_HIDDEN = 1024
"""maximum number of hidden units; it bounds the memory that a damaged card can ask for"""
EVALUATIONS = 10
"""evaluations of a run, each with a checkpoint"""

_NETWORK, _PACE, _RUN = "Network", "Steps, learning rate and loss", "Run"


def read_seed(text: str) -> int:
    """Parse a seed, a whole number of at least 0. Raises BadInput."""
    return whole(text, "seed")


@dataclass(frozen=True, slots=True)
class OneHandSettings:
    """Settings of a training run of the one-hand network. Raises BadInput for values out of range."""

    hidden: int | None = setting(
        None,
        "Hidden units of the network.",
        default_text=f"{HIDDEN}, or those of the model to start from",
        panel=_NETWORK,
    )
    init_from: str | None = setting(
        None, "Model to start from, with the same number of hidden units.", metavar="PATH", panel=_NETWORK
    )
    epochs: int = setting(12, "Passes over the decisions.", panel=_PACE)
    batch_size: int = setting(2048, "Decisions per step.", panel=_PACE)
    lr: float = setting(3e-3, "Peak learning rate; it falls to 0 over the run.", metavar="RATE", panel=_PACE)
    temperature: float = setting(
        2.0,
        "Points of regret at which a play is e times less likely in the label, which is a softmax over the "
        "plays of a decision.",
        metavar="POINTS",
        panel=_PACE,
    )
    regret_share: float = setting(
        0.3,
        "Share of the loss that is the expected regret of the network's plays, in points; the rest is the "
        "cross-entropy with the label.",
        metavar="SHARE",
        panel=_PACE,
    )
    seed: int = setting(
        0, "Seed of the first weights and of the order of decisions.", read=read_seed, panel=_RUN
    )
    name: str | None = setting(
        None,
        "Name of the run and of its folder.",
        default_text="made from its settings",
        panel=_RUN,
    )
    runs: str = setting(RUNS, "Folder that contains all runs.", metavar="DIR", panel=_RUN)

    def __post_init__(self) -> None:
        if self.hidden is not None and not 1 <= self.hidden <= MOST_HIDDEN:
            raise BadInput(f"hidden {self.hidden}: use 1 to {MOST_HIDDEN} hidden units")
        if min(self.epochs, self.batch_size) < 1:
            raise BadInput(f"epochs {self.epochs} and batch size {self.batch_size}: both must be at least 1")
        if not (0 < self.lr < math.inf and 0 < self.temperature < math.inf):
            raise BadInput(f"lr {self.lr} and temperature {self.temperature}: both must be above 0")
        if not 0 <= self.regret_share <= 1:
            raise BadInput(f"regret share {self.regret_share}: use a number from 0 to 1")
