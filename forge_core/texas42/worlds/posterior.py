"""The probability of each world given how the others played: p(world | plays) under a model of behaviour.

p(slot | state) = (1 - mix) x softmax over legal slots of q / tau + mix / number of legal slots,
with q in points in the frame of the seat that played. (Subtracting the mean from q does not change
the softmax.) The same code handles arrays and tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.ranges import check_numbers
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.settings.games import MIX, TAU, WINDOW


@dataclass(frozen=True, slots=True)
class PosteriorConfig:
    """Settings of the behaviour model. Raises BadInput for a value out of range."""

    window: int = 4
    """number of most recent plays used as evidence"""
    tau: float = 0.1
    """in points: a play worth tau points less is e times less likely"""
    mix: float = 0.1
    """fraction of plays made at random"""
    min_ess: float = 10.0
    """draw more worlds while the effective number of worlds is below this"""
    most_rounds: int = 8
    """cap on worlds per decision, as a multiple of the requested number"""

    @classmethod
    def calibrated(cls) -> PosteriorConfig:
        """Return the settings that maximise the likelihood of the true deals in held-out E[Q] games.

        `benchmarks/calibrate_posterior.py` found them.
        """
        return cls(window=WINDOW, tau=TAU, mix=MIX)

    def __post_init__(self) -> None:
        check_numbers(self)
        check_behaviour(self.tau, self.mix)
        if not 1 <= self.window <= N_PLAYS:
            raise BadInput(f"window {self.window}: use 1..{N_PLAYS} past plays as evidence")
        if not self.min_ess >= 0:
            raise BadInput(f"min_ess {self.min_ess}: use an effective number of worlds of 0 or more")
        if self.most_rounds < 1:
            raise BadInput(f"most_rounds {self.most_rounds}: use at least 1")


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Weights of M worlds per position, float64 arrays or tensors."""

    weights: Any
    """[..., M] probabilities; they sum to 1"""
    ess: Any
    """[...] effective number of worlds, 1 / sum of squared weights: 1..M"""
    max_weight: Any
    """[...] the largest weight"""
    entropy: Any
    """[...] entropy of the weights in nats, 0..log M"""


def posterior_weights(q_past: Any, legal: Any, observed: Any, tau: float, mix: float) -> Posterior:
    """Return the probabilities of M worlds: `weigh` of `log_likelihood`, with the same arguments."""
    return weigh(log_likelihood(q_past, legal, observed, tau, mix))


def log_likelihood(q_past: Any, legal: Any, observed: Any, tau: float, mix: float) -> Any:
    """Return log p(plays | world): [..., M] float64, -inf if one of the plays is illegal in the world.

    q_past: [..., M, K, 7] points in the frame of the seat that played, ignored where illegal.
    legal: [..., M, K, 7] bool, by slot of that seat's initial hand. observed: [..., M, K] the slot
    played; -1 for no play, or for one that is not evidence. numpy arrays or torch tensors. tau: > 0,
    in points. mix: 0..1. Raises BadInput for other shapes or values.
    """
    check_behaviour(tau, mix)
    xp = _library(q_past)
    if xp is np:
        q, legal, observed = np.asarray(q_past, dtype=np.float64), np.asarray(legal), np.asarray(observed)
        slots = np.arange(q.shape[-1] if q.ndim else 0)
    else:
        q, slots = q_past.double(), xp.arange(q_past.shape[-1], device=q_past.device)
    if q.ndim < 3 or legal.shape != q.shape or observed.shape != q.shape[:-1]:
        raise BadInput(
            f"shapes q {tuple(q.shape)}, legal {tuple(legal.shape)}, observed {tuple(observed.shape)}: "
            "use [..., M, K, 7] for q and legal, [..., M, K] for observed"
        )
    if bool(((observed < -1) | (observed >= q.shape[-1])).any()):
        raise BadInput(
            f"an observed slot is outside -1..{q.shape[-1] - 1}: use -1 for a play that is not evidence"
        )

    legal = legal != 0
    with np.errstate(divide="ignore", invalid="ignore"):  # rows without legal slots are replaced below
        q = xp.where(legal, q, -math.inf)
        scaled = (q - xp.amax(q, axis=-1, keepdims=True)) / tau
        by_value = scaled - xp.log(xp.exp(scaled).sum(axis=-1, keepdims=True))
        at_random = -xp.log(xp.where(legal, xp.ones_like(q), 0.0).sum(axis=-1, keepdims=True))
        log_p = xp.logaddexp(_log(1 - mix) + by_value, _log(mix) + at_random)
    log_p_played = xp.where(legal & (slots == observed[..., None]), log_p, -math.inf)
    log_w = xp.where(observed < 0, 0.0, xp.amax(log_p_played, axis=-1)).sum(axis=-1)
    if bool(xp.isnan(log_w).any()):
        raise BadInput("q of a legal slot is NaN: only illegal slots may be NaN")
    return log_w


def weigh(log_weights: Any) -> Posterior:
    """Return weights proportional to exp(log_weights [..., M]). Raises BadInput if no world is possible."""
    xp = _library(log_weights)
    if log_weights.shape[-1] == 0:
        raise BadInput("there are no worlds to weight: give at least one")
    top = xp.amax(log_weights, axis=-1, keepdims=True)
    if bool((~xp.isfinite(top)).any()):
        raise BadInput("a past play is illegal in every world: draw worlds that allow all past plays")
    weights = xp.exp(log_weights - top)
    weights = weights / weights.sum(axis=-1, keepdims=True)
    logs = xp.log(xp.where(weights > 0, weights, 1.0))
    return Posterior(
        weights, 1 / (weights**2).sum(axis=-1), xp.amax(weights, axis=-1), -(weights * logs).sum(axis=-1)
    )


def check_behaviour(tau: float, mix: float) -> None:
    """Raise BadInput unless tau > 0 and 0 <= mix <= 1."""
    if not 0 < tau < math.inf:
        raise BadInput(f"tau {tau}: use a finite number above 0")
    if not 0 <= mix <= 1:
        raise BadInput(f"mix {mix}: use a number from 0 to 1")


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _library(array: Any) -> Any:
    """Return torch for a tensor, otherwise numpy; the functions used here have the same names in both."""
    if type(array).__module__.partition(".")[0] != "torch":
        return np
    import torch

    return torch
