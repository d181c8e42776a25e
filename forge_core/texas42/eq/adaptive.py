"""The number of worlds: fixed, or as many as the estimate needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from forge_core.errors import BadInput
from forge_core.ranges import check_numbers
from forge_core.texas42.dominoes import N_SEATS
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
"""upper limit of worlds per decision: more is probably a typing error and would take months"""


@dataclass(frozen=True, slots=True)
class AdaptiveConfig:
    """Settings for sampling worlds until E[Q] of every legal play is precise enough.

    Raises BadInput for invalid values.
    """

    min_worlds: int = MIN_WORLDS
    max_worlds: int = MAX_WORLDS
    """upper limit; if no more worlds than this are consistent, each is used once and E[Q] is exact"""
    batch: int = ADAPTIVE_BATCH
    """worlds between two checks of the precision"""
    sem_threshold: float = SEM_THRESHOLD
    """in points: the largest accepted standard error of E[Q] of a legal play. No effect if `loss` is set"""
    lead: float | None = None
    """in standard errors: sampling also stops once the best play leads every other one by this much. The
    choice is then as certain, but E[Q] less precise. None: only the precision counts"""
    loss: float | None = None
    """in points: sampling stops once the best play so far is expected to lose at most this much against the
    play that is truly best (`Tally.choice_loss`); precision does not count. Plays that are nearly equal
    then need few worlds. None: `sem_threshold` and `lead` count"""

    def __post_init__(self) -> None:
        check_numbers(self)
        if not (1 <= self.min_worlds <= self.max_worlds and self.batch >= 1 and self.sem_threshold > 0):
            raise BadInput(
                f"adaptive sampling with min_worlds {self.min_worlds}, max_worlds {self.max_worlds}, batch "
                f"{self.batch}, sem_threshold {self.sem_threshold}: use positive numbers, with min_worlds "
                "no larger than max_worlds"
            )
        if self.lead is not None and not 0 < self.lead < math.inf:
            raise BadInput(f"lead {self.lead}: use a number of standard errors above 0")
        if self.loss is not None and not 0 < self.loss < math.inf:
            raise BadInput(f"loss {self.loss}: use a number of points above 0")
        if self.lead is not None and self.loss is not None:
            raise BadInput(f"lead {self.lead} has no effect with loss {self.loss}: leave one of them out")
        check_most(self.max_worlds)

    def settings(self) -> dict[str, Any]:
        """Return the settings that have an effect, as JSON types."""
        unused = () if self.loss is None else ("sem_threshold",)
        settings = asdict(self).items()
        return {name: value for name, value in settings if value is not None and name not in unused}

    @property
    def compares_plays(self) -> bool:
        """True if differences between plays are measured world by world."""
        return self.lead is not None or self.loss is not None

    @classmethod
    def labels(cls) -> AdaptiveConfig:
        """Return a configuration that is precise enough for training labels."""
        return cls(LABEL_WORLDS, MOST_WORLDS, 1_000, LABEL_SEM)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Settings for the worlds used at a position, and their weights."""

    n_worlds: int = DEFAULT_WORLDS
    """worlds drawn per position, unless `adaptive` is set"""
    enumerate_limit: int | None = None
    """if at most this many worlds are consistent, each is used once; default: `n_worlds`, or the `max_worlds`
    of `adaptive`"""
    posterior: PosteriorConfig | None = None
    """settings for weighting worlds by the plays so far; None: equal weights"""
    adaptive: AdaptiveConfig | None = None
    points: bool = True
    """if set, also compute the distribution of Q over worlds"""
    candidates: int = 1
    """worlds drawn per world that the oracle evaluates; a belief chooses among them, in proportion to their
    weights. Where all worlds are used, or with 1, the belief weights the worlds instead"""
    by_trick: tuple[int, ...] = ()
    """worlds per position in tricks 1, 2, ..., in place of `n_worlds`; the last number holds for all later
    tricks. Empty: `n_worlds` in all tricks"""

    def __post_init__(self) -> None:
        check_numbers(self)
        check_kind("posterior", self.posterior, PosteriorConfig)
        check_kind("adaptive", self.adaptive, AdaptiveConfig)
        if (fewest := min((self.n_worlds, *self.by_trick))) < 1:
            raise BadInput(f"worlds {fewest}: use at least 1")
        if self.candidates < 1:
            raise BadInput(f"candidates {self.candidates}: use at least 1")
        if self.by_trick and self.adaptive:
            raise BadInput("worlds by trick have no effect with adaptive sampling: use one of them")
        if self.enumerate_limit is not None and self.enumerate_limit < 0:
            raise BadInput(f"enumerate_limit {self.enumerate_limit}: use at least 0")
        check_most(max((self.n_worlds, *self.by_trick)) * self.candidates)

    def at(self, step: int) -> Sampling:
        """Return the settings for a position after `step` plays, with its number of worlds as `n_worlds`."""
        if not self.by_trick:
            return self
        worlds = self.by_trick[min(step // N_SEATS, len(self.by_trick) - 1)]
        return replace(self, n_worlds=worlds, by_trick=())

    def settings(self) -> dict[str, Any]:
        """Return the settings that have an effect, as JSON types.

        `n_worlds` has none with `adaptive` or `by_trick`; `candidates` and `by_trick` are left out if unset.
        """
        settings = asdict(self) | {"by_trick": list(self.by_trick)}
        if self.adaptive:
            settings["adaptive"] = self.adaptive.settings()
        without_effect = {
            "n_worlds": self.adaptive or self.by_trick,
            "candidates": self.candidates == 1,
            "by_trick": not self.by_trick,
        }
        return {name: value for name, value in settings.items() if not without_effect.get(name)}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Sampling:
        """Parse the settings of a game; missing entries take their defaults. Raises BadInput if invalid."""
        try:
            sampling = dict(settings.get("sampling") or {})
            sampling["by_trick"] = tuple(sampling.get("by_trick", ()))
            for name, kind in (("posterior", PosteriorConfig), ("adaptive", AdaptiveConfig)):
                sampling[name] = kind(**sampling[name]) if sampling.get(name) else None
            return cls(**sampling)
        except (TypeError, ValueError, BadInput) as error:
            raise BadInput(f"the game's sampling settings are invalid: {error}") from error

    @property
    def batch(self) -> int:
        """Number of worlds per game that are evaluated at once."""
        return self.adaptive.batch if self.adaptive else self.n_worlds

    @property
    def least(self) -> int:
        """Smallest number of worlds that is drawn."""
        return self.adaptive.min_worlds if self.adaptive else self.n_worlds

    @property
    def window(self) -> int:
        """Number of earlier plays that are evaluated too."""
        return self.posterior.window if self.posterior else 0

    @property
    def least_ess(self) -> float:
        """Effective number of worlds below which more are drawn and no estimate counts as converged."""
        return min(self.posterior.min_ess, self.least) if self.posterior else 0.0

    @property
    def most(self) -> int:
        """Largest number of worlds that is drawn; a posterior may need more than the fixed number."""
        if self.adaptive:
            return self.adaptive.max_worlds
        return self.n_worlds * (self.posterior.most_rounds if self.posterior else 1)

    @property
    def enumerate_up_to(self) -> int:
        """Largest number of consistent worlds for which all of them are used."""
        if self.enumerate_limit is not None:
            return self.enumerate_limit
        return self.adaptive.max_worlds if self.adaptive else self.n_worlds


def check_kind(name: str, value: Any, kind: type) -> None:
    """Raise BadInput unless a setting that may be None is None or of its class."""
    if not isinstance(value, kind | None):
        raise BadInput(f"{name} {value!r}: use {kind.__name__}(...)")


def check_most(worlds: int) -> None:
    """Raise BadInput for more than MOST_WORLDS."""
    if worlds > MOST_WORLDS:
        raise BadInput(f"{worlds:,} worlds per decision: use at most {MOST_WORLDS:,}")
