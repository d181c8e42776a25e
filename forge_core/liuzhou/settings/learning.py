"""Settings of learning from self-play: the network, its pace, its losses, and the run."""

from __future__ import annotations

import math
from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.learning.precision import UNSCALED, check_precision
from forge_core.liuzhou.settings.network import DEFAULT_SIZE, REFERENCE_SIZE, parse_size
from forge_core.ranges import check_numbers, read_seed
from forge_core.settings import setting

EVALUATIONS = 20
"""evaluations of a run, each with a checkpoint"""

_NETWORK, _PACE, _MACHINE, _RUN = "Network", "Positions and learning rate", "Machine", "Run"


def read_size(text: str) -> str:
    """Return the name of a network size. Raises BadInput."""
    return str(parse_size(text))


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """Settings of learning from self-play. Raises BadInput for values out of range."""

    size: str = setting(
        DEFAULT_SIZE,
        f"Width and blocks of the network, such as {DEFAULT_SIZE} or {REFERENCE_SIZE}.",
        metavar="WxB",
        read=read_size,
        panel=_NETWORK,
    )
    positions: int = setting(1_500_000, "Positions of self-play in the whole run.", panel=_PACE)
    playout_positions: int = setting(
        100_000,
        "Positions at the start that are played by random playouts: the network learns from them first.",
        panel=_PACE,
    )
    iteration: int = setting(
        3_072, "Positions played before the network learns again, rounded up to whole plies.", panel=_PACE
    )
    window: int = setting(200_000, "Number of latest positions that the network learns from.", panel=_PACE)
    reuse: float = setting(
        6.0, "Average number of times that each position is used for training.", panel=_PACE
    )
    batch_size: int = setting(512, "Positions per step.", panel=_PACE)
    lr: float = setting(
        2e-3, "Peak learning rate; it falls linearly to 0 over the whole run.", metavar="RATE", panel=_PACE
    )
    warmup: int = setting(100, "Steps at the start over which the learning rate rises.", panel=_PACE)
    weight_decay: float = setting(1e-4, "Weight decay of AdamW.", panel=_PACE)
    average: float = setting(
        0.998,
        "Decay per step of the weight average, with which the network plays and is saved; 0: no average.",
        panel=_PACE,
    )
    soft: float = setting(
        0.0,
        "Share of the search's value in the target of the difference; the rest is the game's result.",
        panel=_PACE,
    )
    discount: float = setting(
        0.99,
        "Factor of the target of the difference per action until the end of the game. Below 1, an early win "
        "is worth more than a late one, and networks learn to finish won games.",
        panel=_PACE,
    )
    parts: int = setting(
        2,
        "Parts into which a batch is divided on a CPU; each is processed by its own thread.",
        panel=_MACHINE,
    )
    precision: str = setting(
        "auto",
        "Number format: 32, bf16-mixed, or auto (bf16-mixed where the device computes in bfloat16).",
        panel=_MACHINE,
    )
    seed: int = setting(0, "Seed of the first weights and of all draws.", read=read_seed, panel=_RUN)

    def __post_init__(self) -> None:
        check_numbers(self)
        parse_size(self.size)
        check_precision(self.precision, UNSCALED)
        least = min(self.positions, self.iteration, self.window, self.batch_size, self.parts)
        if least < 1 or min(self.playout_positions, self.warmup) < 0:
            raise BadInput(
                "positions, iteration, window, batch size and parts must be at least 1, playout positions "
                "and warmup at least 0"
            )
        if self.parts > self.batch_size:
            raise BadInput(
                f"{self.parts} parts of a batch of {self.batch_size} positions: use at most one per position"
            )
        if self.playout_positions >= self.positions:
            raise BadInput(
                f"playout positions {self.playout_positions:,} of {self.positions:,} positions: leave some "
                "for the network"
            )
        if not (0 < self.reuse < math.inf and 0 < self.lr < math.inf and 0 <= self.weight_decay < math.inf):
            raise BadInput("reuse and lr must be above 0, and weight decay at least 0")
        if not 0 < self.discount <= 1:
            raise BadInput(f"discount {self.discount}: use a number above 0, up to 1")
        if not (0 <= self.average < 1 and 0 <= self.soft <= 1):
            raise BadInput(f"average {self.average}: use 0 to below 1; soft {self.soft}: use 0 to 1")

    def steps_after(self, positions: int) -> int:
        """Return the number of steps that are due after this many positions."""
        return int(positions * self.reuse / self.batch_size)

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, 0..steps_after(positions) - 1."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        return self.lr * rising * (1 - step / max(1, self.steps_after(self.positions)))
