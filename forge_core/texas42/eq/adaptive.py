"""How many worlds: a fixed number, or as many as it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from forge_core.errors import BadInput
from forge_core.texas42.settings.games import (
    ADAPTIVE_BATCH,
    DEFAULT_WORLDS,
    LABEL_SEM,
    LABEL_WORLDS,
    MAX_WORLDS,
    MIN_WORLDS,
    SEM_THRESHOLD,
)
from forge_core.texas42.worlds.posterior import PosteriorConfig

MOST_WORLDS = 2_000_000
"""drawn for a decision: whoever asks for more has mistyped, or waits for months"""


@dataclass(frozen=True, slots=True)
class AdaptiveConfig:
    """Worlds until every legal play's E[Q] is known well enough. Raises BadInput for contradictions."""

    min_worlds: int = MIN_WORLDS
    max_worlds: int = MAX_WORLDS
    """as many at most; where no more are consistent, each is taken once and E[Q] is exact"""
    batch: int = ADAPTIVE_BATCH
    """worlds between two looks"""
    sem_threshold: float = SEM_THRESHOLD
    """points: the largest standard error of a legal play's E[Q] that will do"""

    def __post_init__(self) -> None:
        if not (1 <= self.min_worlds <= self.max_worlds and self.batch >= 1 and self.sem_threshold > 0):
            raise BadInput(
                f"adaptive sampling from {self.min_worlds} to {self.max_worlds} worlds by {self.batch} until "
                f"{self.sem_threshold} points: numbers are positive and the least is not above the most"
            )
        check_most(self.max_worlds)

    @classmethod
    def labels(cls) -> AdaptiveConfig:
        """Fine enough to teach by."""
        return cls(LABEL_WORLDS, MOST_WORLDS, 1_000, LABEL_SEM)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which worlds are taken of a position, and how they are weighed."""

    n_worlds: int = DEFAULT_WORLDS
    """drawn of each position, unless `adaptive`"""
    enumerate_limit: int | None = None
    """up to so many consistent worlds, each is taken once; default: `n_worlds`, or adaptive's most"""
    posterior: PosteriorConfig | None = None
    """weights by the plays so far; None: all worlds the same"""
    adaptive: AdaptiveConfig | None = None
    points: bool = True
    """also how Q is distributed over worlds"""

    def __post_init__(self) -> None:
        if self.n_worlds < 1:
            raise BadInput(f"{self.n_worlds} worlds say nothing: use at least 1")
        if self.enumerate_limit is not None and self.enumerate_limit < 0:
            raise BadInput(f"an enumerate limit of {self.enumerate_limit} worlds: use at least 0")
        check_most(self.n_worlds)

    def settings(self) -> dict[str, Any]:
        """What matters of it, JSON types: beside `adaptive`, a fixed number does not."""
        said = asdict(self)
        return {k: v for k, v in said.items() if not (self.adaptive and k == "n_worlds")}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Sampling:
        """As the settings of a game say; what they leave out as by default. Raises BadInput for nonsense."""
        try:
            said = dict(settings.get("sampling") or {})
            for name, kind in (("posterior", PosteriorConfig), ("adaptive", AdaptiveConfig)):
                said[name] = kind(**said[name]) if said.get(name) else None
            return cls(**said)
        except (TypeError, ValueError) as error:
            raise BadInput(f"the settings of a game do not say how worlds were taken: {error}") from error

    @property
    def batch(self) -> int:
        """Worlds of a game that are asked about at once."""
        return self.adaptive.batch if self.adaptive else self.n_worlds

    @property
    def least(self) -> int:
        """Worlds that are drawn at least."""
        return self.adaptive.min_worlds if self.adaptive else self.n_worlds

    @property
    def window(self) -> int:
        """Plays made before that are asked about too."""
        return self.posterior.window if self.posterior else 0

    @property
    def least_ess(self) -> float:
        """Effective worlds below which more are drawn, and nothing is thought known."""
        return min(self.posterior.min_ess, self.least) if self.posterior else 0.0

    @property
    def most(self) -> int:
        """Worlds that are drawn at most; a posterior may ask for more than a fixed number."""
        if self.adaptive:
            return self.adaptive.max_worlds
        return self.n_worlds * (self.posterior.most_rounds if self.posterior else 1)

    @property
    def enumerate_up_to(self) -> int:
        """So many consistent worlds at most are taken one and all."""
        if self.enumerate_limit is not None:
            return self.enumerate_limit
        return self.adaptive.max_worlds if self.adaptive else self.n_worlds


def check_most(worlds: int) -> None:
    """Raise BadInput for more than MOST_WORLDS."""
    if worlds > MOST_WORLDS:
        raise BadInput(f"{worlds:,} worlds of a decision: use at most {MOST_WORLDS:,}")
