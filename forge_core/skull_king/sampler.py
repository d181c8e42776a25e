"""Start-state samplers: what an environment deals in a row whose round or game has ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.skull_king.rules import N_ROUNDS

PHASES: Mapping[str, range] = {"early": range(1, 4), "middle": range(4, 7), "late": range(7, 11)}
"""Groups of rounds; at four seats a seat decides 9, 18 and 38 times in them"""
PLAN_WEIGHTS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 2.0)
"""Weights of rounds 1..10 in the published plan: later rounds are drawn more often"""
LATE_FIRST = ((0.0, ("late",)), (0.2, ("middle", "late")), (0.4, ("early", "middle", "late")))
"""A schedule: late rounds only in the first fifth of a training, then middle ones too, then all"""


class StartSampler(Protocol):
    """Decides with which round a row goes on."""

    @property
    def plays_games(self) -> bool:
        """True if the rounds of a game follow each other; False if each round is drawn."""
        ...

    def chances(self, progress: float = 0.0) -> npt.NDArray[np.float64]:
        """Return [10]: the probability of each round. progress: share of the training that is done, 0..1."""
        ...


@dataclass(frozen=True, slots=True)
class FullGames:
    """Whole games: rounds 1..10 in order, then the next game."""

    @property
    def plays_games(self) -> bool:
        """See StartSampler."""
        return True

    def chances(self, progress: float = 0.0) -> npt.NDArray[np.float64]:
        """See StartSampler: games begin with round 1."""
        return np.eye(N_ROUNDS)[0]


@dataclass(frozen=True, slots=True)
class Rounds:
    """Single rounds, drawn by weight. Raises BadInput for contradictory values."""

    weights: tuple[float, ...] = (1.0,) * N_ROUNDS
    """[10]"""
    phases: tuple[str, ...] = tuple(PHASES)
    """phases from which rounds are drawn: early, middle, late"""
    schedule: tuple[tuple[float, tuple[str, ...]], ...] = ()
    """(progress, phases) from which on these phases replace `phases`, in order of progress"""

    def __post_init__(self) -> None:
        if len(self.weights) != N_ROUNDS or not all(0 <= weight < math.inf for weight in self.weights):
            raise BadInput(f"weights {self.weights}: give {N_ROUNDS} finite numbers of at least 0")
        begins = [progress for progress, _ in self.schedule]
        if begins != sorted(begins):
            raise BadInput(
                f"schedule: progress {begins} is not ascending: give the phases in order of progress"
            )
        for progress, phases in ((0.0, self.phases), *self.schedule):
            unknown = [phase for phase in phases if phase not in PHASES]
            if unknown or not phases:
                raise BadInput(f"phases {phases}: use one or more of {', '.join(PHASES)}")
            if not self._of(phases).any():
                raise BadInput(f"phases {phases} have only rounds of weight 0: raise a weight")
            if not 0 <= progress <= 1:
                raise BadInput(f"schedule: progress {progress} is not in 0..1")

    @property
    def plays_games(self) -> bool:
        """See StartSampler."""
        return False

    def chances(self, progress: float = 0.0) -> npt.NDArray[np.float64]:
        """See StartSampler."""
        phases = self.phases
        for begins, changed in self.schedule:
            if progress >= begins:
                phases = changed
        weights = self._of(phases)
        return weights / weights.sum()

    def _of(self, phases: tuple[str, ...]) -> npt.NDArray[np.float64]:
        """Return the weights of the rounds in some phases, 0 for others."""
        rounds = [round for phase in phases for round in PHASES[phase]]
        return np.array([w if i + 1 in rounds else 0.0 for i, w in enumerate(self.weights)])
