"""Policies, which choose a play from the estimates of all plays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.learning.choice import CHOICE_GRAIN
from forge_core.learning.choice import choose as choose_best
from forge_core.ranges import check_numbers
from forge_core.texas42.settings.games import EPSILON, MAX_REGRET, TEMPERATURE

if TYPE_CHECKING:
    from forge_core.texas42.eq.estimate import Estimates

MODES = ("greedy", "boltzmann", "epsilon", "blunder")
"""ways of choosing a play; records store the index into this list"""
USED_BY = {
    "greedy": (),
    "boltzmann": ("temperature",),
    "epsilon": ("epsilon",),
    "blunder": ("epsilon", "max_regret"),
}
"""the settings that each mode uses"""
CRITERIA = ("eq", "pmake")
"""the quantity to maximise: mean points, or the probability of making the bid (defenders: setting it)"""
_COLDEST = 1e-3
"""the lowest temperature, in points: play with it is greedy in effect, and near 0 the weights overflow"""
_P_GRAIN = 1e-6
"""Probabilities closer than this count as equal; E[Q] then decides"""


@dataclass(frozen=True, slots=True)
class ExplorationPolicy:
    """The exploration of plays other than the best: how often and how far. Raises BadInput if invalid."""

    mode: str = "greedy"
    """greedy: the best play; boltzmann: a play in proportion to exp(E[Q] / temperature); epsilon: any legal
    play with probability `epsilon`; blunder: with that probability, one that loses at most `max_regret`"""
    epsilon: float = EPSILON
    """probability used by epsilon and blunder"""
    temperature: float = TEMPERATURE
    """in points, at least 0.001"""
    max_regret: float = MAX_REGRET
    """in points of E[Q]"""

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.mode not in MODES:
            raise BadInput(f"exploration {self.mode!r}: use {', '.join(MODES)}")
        if not 0 <= self.epsilon <= 1:
            raise BadInput(f"epsilon {self.epsilon}: use a probability from 0 to 1")
        if not _COLDEST <= self.temperature < math.inf:
            raise BadInput(f"temperature {self.temperature}: use a finite number of at least {_COLDEST}")
        if not 0 <= self.max_regret < math.inf:
            raise BadInput(f"max_regret {self.max_regret}: use a finite number of at least 0")

    def settings(self) -> dict[str, Any]:
        """Return the mode and the settings that it uses, in JSON types."""
        return {"mode": self.mode, **{name: getattr(self, name) for name in USED_BY[self.mode]}}


def check_criterion(criterion: str, name: str = "criterion") -> str:
    """Return the criterion; raise BadInput if it is not in CRITERIA. name: of the setting, for the error."""
    if criterion not in CRITERIA:
        raise BadInput(f"{name} {criterion!r}: use {' or '.join(CRITERIA)}")
    return criterion


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """The plays chosen in N games."""

    slot: npt.NDArray[np.int64]
    """[N] slot of the hand as dealt"""
    mode: npt.NDArray[np.int8]
    """[N] index into MODES: how the play was chosen"""
    q_gap: npt.NDArray[np.float32]
    """[N] criterion of the best play minus that of the chosen play, at least 0: points or a probability"""


def choose(
    estimates: Estimates,
    criterion: str,
    exploration: ExplorationPolicy,
    draws: npt.NDArray[np.float64],
    safe: npt.NDArray[np.bool_],
    bonus: float = 0.0,
) -> Choices:
    """Choose one play per game. criterion: one of CRITERIA. draws: [N, 2] in [0, 1).

    safe: [N, 7], plays that take the trick whatever the others hold. Plays that are equal in the sampled
    worlds need not be equal in all worlds, so a tie goes to a safe play, then to the first slot. With
    criterion pmake, plays that make (set) the bid in all sampled worlds, or that all do so in none, are
    first compared by safety and then by points; plays that are equal otherwise, by points. bonus: in points,
    added to E[Q] in proportion to the chance to make (set) the bid.
    """
    legal = estimates.legal
    value = estimates.mean + bonus * estimates.p_make if bonus else estimates.mean
    mean = np.where(legal, value, -np.inf)
    worth = mean
    candidates = legal
    if criterion == "pmake":
        worth = np.where(legal, estimates.p_make, -np.inf)
        highest = worth.max(axis=1, keepdims=True)
        candidates = legal & (worth >= highest - _P_GRAIN)
        alike = (highest >= 1 - _P_GRAIN) | (highest <= _P_GRAIN)
        candidates = np.where(alike, _preferred(candidates, safe), candidates)
    points, rows = np.where(legal, value, 0.0), np.arange(len(legal))
    grains = np.round(points / CHOICE_GRAIN)
    first = choose_best(points, candidates)
    best = _preferred(candidates & (grains == grains[rows, first][:, None]), safe).argmax(axis=1)
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


def _preferred(candidates: npt.NDArray[np.bool_], safe: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return [N, 7]: the safe candidates of each game, or all candidates if none is safe."""
    both = candidates & safe
    return np.where(both.any(axis=1, keepdims=True), both, candidates)


def _draw(odds: npt.NDArray, draws: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Draw slots [N] in proportion to odds [N, 7], at least one positive per row. draws: [N] in [0, 1)."""
    ladder = odds.cumsum(axis=1, dtype=np.float64)
    return (draws[:, None] * ladder[:, -1:] < ladder).argmax(axis=1)
