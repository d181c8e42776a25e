"""User settings of training the one-hand network on deals that it plays against itself."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.learning.labelled.config import REGRET_TEMPERATURE
from forge_core.ranges import check_numbers, read_seed
from forge_core.settings import setting
from forge_core.texas42.settings.one_hand import RunSettings, SizeSettings, check_positive

SELF_PLAY = "self-play"
"""kind of training data in the records of runs and in model cards"""
EPSILON = 0.05
"""share of plays made at random, unless the user asks for another"""
MOST_DEALS = 1 << 16
"""maximum number of deals of a step, which take about 25 kB each"""

_PACE, _RUN = "Steps, deals and learning rate", "Run"


@dataclass(frozen=True, slots=True)
class SelfPlayRunSettings(RunSettings):
    """Settings of a run that do not determine its network. Raises BadInput for values out of range."""

    workers: int | None = setting(None, "Threads that play.", default_text="one per core", panel=_RUN)

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.workers is not None and self.workers < 1:
            raise BadInput(f"workers {self.workers}: use at least 1")


@dataclass(frozen=True, slots=True)
class SelfPlaySettings(SizeSettings):
    """Settings of a run of self-play. Raises BadInput for values out of range."""

    steps: int = setting(2000, "Steps; each plays new deals and learns from them.", panel=_PACE)
    deals: int = setting(512, "Deals per step; each has about 18 decisions with a choice.", panel=_PACE)
    lr: float = setting(1e-3, "Peak learning rate; it falls to 0 over the run.", metavar="RATE", panel=_PACE)
    temperature: float = setting(
        REGRET_TEMPERATURE,
        "Points of regret at which the network learns to make a play e times less likely.",
        metavar="POINTS",
        panel=_PACE,
    )
    epsilon: float = setting(
        EPSILON, "Share of plays made at random, so that rare situations occur.", metavar="SHARE", panel=_PACE
    )
    seed: int = setting(
        0, "Seed of the first weights, of the deals and of random plays.", read=read_seed, panel=_RUN
    )

    def __post_init__(self) -> None:
        check_numbers(self)
        SizeSettings.__post_init__(self)
        if self.steps < 1:
            raise BadInput(f"steps {self.steps}: use at least 1")
        if not 1 <= self.deals <= MOST_DEALS:
            raise BadInput(f"deals {self.deals}: use 1 to {MOST_DEALS:,} per step")
        check_positive("lr", self.lr)
        check_positive("temperature", self.temperature)
        if not 0 <= self.epsilon <= 1:
            raise BadInput(f"epsilon {self.epsilon}: use a share from 0 to 1")
