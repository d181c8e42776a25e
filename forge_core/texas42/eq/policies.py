"""From what each play is worth to the one that is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.choice import choose as choose_best
from forge_core.texas42.settings.games import EPSILON, MAX_REGRET, TEMPERATURE

if TYPE_CHECKING:
    from forge_core.texas42.eq.estimate import Estimates

MODES = ("greedy", "boltzmann", "epsilon", "blunder")
"""how a play came about; a number in records is a place in this list"""
USED_BY = {
    "greedy": (),
    "boltzmann": ("temperature",),
    "epsilon": ("epsilon",),
    "blunder": ("epsilon", "max_regret"),
}
"""the settings that a mode heeds"""
CRITERIA = ("eq", "pmake")
"""what is maximised: points on average, or the chance to have one's way with the bid"""
_P_GRAIN = 1e-6
"""chances closer than this are equal; E[Q] decides between them"""


@dataclass(frozen=True, slots=True)
class ExplorationPolicy:
    """How often, and how far, play leaves what seems best. Raises BadInput for contradictions."""

    mode: str = "greedy"
    """greedy; boltzmann: by exp(E[Q] / temperature); epsilon: with a probability, any legal play;
    blunder: with a probability, any play but the best that gives away no more than `max_regret`"""
    epsilon: float = EPSILON
    """that probability, for epsilon and blunder"""
    temperature: float = TEMPERATURE
    """points"""
    max_regret: float = MAX_REGRET
    """points of E[Q]"""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BadInput(f"exploration {self.mode!r}: use {', '.join(MODES)}")
        if not 0 <= self.epsilon <= 1:
            raise BadInput(f"epsilon {self.epsilon} is a probability: use 0 to 1")
        if not (self.temperature > 0 and self.max_regret >= 0):
            raise BadInput("the temperature is positive and the largest regret is not negative")

    def settings(self) -> dict[str, Any]:
        """The mode, and what matters to it; JSON types."""
        return {"mode": self.mode, **{name: getattr(self, name) for name in USED_BY[self.mode]}}


def check_criterion(criterion: str) -> str:
    """One of CRITERIA; else BadInput."""
    if criterion not in CRITERIA:
        raise BadInput(f"plays are chosen by {' or '.join(CRITERIA)}, not {criterion!r}")
    return criterion


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """What is played in N games."""

    slot: npt.NDArray[np.int64]
    """[N] of the hand as dealt"""
    mode: npt.NDArray[np.int8]
    """[N] place in MODES: what decided"""
    q_gap: npt.NDArray[np.float32]
    """[N] best of the criterion less that of the play, at least 0: points, or a chance"""


def choose(
    estimates: Estimates, criterion: str, exploration: ExplorationPolicy, draws: npt.NDArray[np.float64]
) -> Choices:
    """One play a game; criterion: one of CRITERIA; draws [N, 2] in [0, 1)."""
    legal = estimates.legal
    mean = np.where(legal, estimates.mean, -np.inf)
    worth = mean
    candidates = legal
    if criterion == "pmake":
        worth = np.where(legal, estimates.p_make, -np.inf)
        candidates = legal & (worth >= worth.max(axis=1, keepdims=True) - _P_GRAIN)
    best = choose_best(np.where(legal, estimates.mean, 0.0), candidates)
    rows = np.arange(len(legal))
    slot, explored = best, np.zeros(len(legal), dtype=np.bool_)
    if exploration.mode == "boltzmann":
        odds = np.exp((mean - mean.max(axis=1, keepdims=True)) / exploration.temperature)
        slot = _draw(odds, draws[:, 1])
        explored = np.ones(len(legal), dtype=np.bool_)
    elif exploration.mode != "greedy":
        may = legal
        if exploration.mode == "blunder":
            regret = mean[rows, best][:, None] - mean
            may = legal & (regret <= exploration.max_regret)
            may[rows, best] = False
        explored = (draws[:, 0] < exploration.epsilon) & may.any(axis=1)
        slot = np.where(explored, _draw(may | ~may.any(axis=1, keepdims=True), draws[:, 1]), best)
    gap = worth.max(axis=1) - worth[rows, slot]
    mode = np.where(explored, MODES.index(exploration.mode), 0)
    return Choices(slot, mode.astype(np.int8), np.maximum(gap, 0).astype(np.float32))


def _draw(odds: npt.NDArray, draws: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """odds [N, 7], not negative, one of them above 0; draws [N] in [0, 1) -> slots [N]."""
    ladder = odds.cumsum(axis=1, dtype=np.float64)
    return (draws[:, None] * ladder[:, -1:] < ladder).argmax(axis=1)
