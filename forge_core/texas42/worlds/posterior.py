"""The probability of each world, given how the others played: p(world | plays) by a model of behaviour.

p(slot | state) = (1 - mix) x softmax over legal slots of q / tau + mix / number of legal slots,
with q in points in the frame of the seat that played. (The softmax of q minus its mean is the
same.) The same lines serve arrays and tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.texas42.settings.games import MIX, TAU, WINDOW


@dataclass(frozen=True, slots=True)
class PosteriorConfig:
    """Settings of the model of behaviour. Raises BadInput for a value out of range."""

    window: int = 4
    """the number of most recent plays that are taken as evidence"""
    tau: float = 0.1
    """points: a play worth this much less is e times less likely"""
    mix: float = 0.1
    """share of plays that are made at random"""
    min_ess: float = 10.0
    """more worlds are drawn while the effective number of worlds is below this"""
    most_rounds: int = 8
    """the most worlds drawn for that, in multiples of the requested number"""

    @classmethod
    def calibrated(cls) -> PosteriorConfig:
        """Return the settings of greatest likelihood for the true deals of held-out E[Q] games.

        Found by `benchmarks/calibrate_posterior.py`.
        """
        return cls(window=WINDOW, tau=TAU, mix=MIX)

    def __post_init__(self) -> None:
        check_behaviour(self.tau, self.mix)
        if self.window < 1:
            raise BadInput(f"a window of {self.window} plays holds no evidence: use 1..28")
        if not self.min_ess >= 0:
            raise BadInput(f"a minimum of {self.min_ess} effective worlds: use 0 or more")
        if self.most_rounds < 1:
            raise BadInput(f"at most {self.most_rounds} rounds of worlds: use at least 1")


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Weights of M worlds per position of the batch; arrays or tensors, float64."""

    weights: Any
    """[..., M], adding up to 1"""
    ess: Any
    """[...] effective number of worlds, 1 / sum of squared weights: 1..M"""
    max_weight: Any
    """[...] the largest weight"""
    entropy: Any
    """[...] nats, 0..log M"""


def posterior_weights(q_past: Any, legal: Any, observed: Any, tau: float, mix: float) -> Posterior:
    """Return the probabilities of M worlds: `weigh` of `log_likelihood`, which documents the arguments."""
    return weigh(log_likelihood(q_past, legal, observed, tau, mix))


def log_likelihood(q_past: Any, legal: Any, observed: Any, tau: float, mix: float) -> Any:
    """Return log p(plays | world): [..., M] float64, -inf for a world in which a play was illegal.

    q_past [..., M, K, 7] points in the frame of the seat that played, ignored where illegal;
    legal [..., M, K, 7] bool, by slot of its initial hand; observed [..., M, K] the slot played,
    -1 for no play, or for one that is no evidence. numpy arrays or torch tensors. tau > 0 points;
    0 <= mix <= 1. Raises BadInput for anything else.
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
            f"q {tuple(q.shape)}, legal {tuple(legal.shape)}, observed {tuple(observed.shape)}: "
            "give [..., M, K, 7] twice, then [..., M, K]"
        )
    if bool(((observed < -1) | (observed >= q.shape[-1])).any()):
        raise BadInput(
            f"an observed slot is outside -1..{q.shape[-1] - 1}: use -1 for a play that is no evidence"
        )

    legal = legal != 0
    with np.errstate(divide="ignore", invalid="ignore"):  # where no slot is legal; replaced below
        q = xp.where(legal, q, -math.inf)
        scaled = (q - xp.amax(q, axis=-1, keepdims=True)) / tau
        by_value = scaled - xp.log(xp.exp(scaled).sum(axis=-1, keepdims=True))
        at_random = -xp.log(xp.where(legal, xp.ones_like(q), 0.0).sum(axis=-1, keepdims=True))
        log_p = xp.logaddexp(_log(1 - mix) + by_value, _log(mix) + at_random)
    log_p_played = xp.where(legal & (slots == observed[..., None]), log_p, -math.inf)
    log_w = xp.where(observed < 0, 0.0, xp.amax(log_p_played, axis=-1)).sum(axis=-1)
    if bool(xp.isnan(log_w).any()):
        raise BadInput("q of a legal slot is not a number: only illegal slots may hold NaN")
    return log_w


def weigh(log_weights: Any) -> Posterior:
    """Return weights proportional to exp(log_weights [..., M]); BadInput where every world is impossible."""
    xp = _library(log_weights)
    if log_weights.shape[-1] == 0:
        raise BadInput("no worlds to weigh: give at least one")
    top = xp.amax(log_weights, axis=-1, keepdims=True)
    if bool((~xp.isfinite(top)).any()):
        raise BadInput("a past play was illegal in every world: draw worlds that allow all past plays")
    weights = xp.exp(log_weights - top)
    weights = weights / weights.sum(axis=-1, keepdims=True)
    logs = xp.log(xp.where(weights > 0, weights, 1.0))
    return Posterior(
        weights, 1 / (weights**2).sum(axis=-1), xp.amax(weights, axis=-1), -(weights * logs).sum(axis=-1)
    )


def check_behaviour(tau: float, mix: float) -> None:
    """Raise BadInput unless tau > 0 and 0 <= mix <= 1."""
    if not 0 < tau < math.inf:
        raise BadInput(f"tau {tau}: use a number of points above 0")
    if not 0 <= mix <= 1:
        raise BadInput(f"mix {mix}: use a share, 0..1")


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _library(array: Any) -> Any:
    """Return torch for a tensor, else numpy: the functions used here have the same names in both."""
    if type(array).__module__.partition(".")[0] != "torch":
        return np
    import torch

    return torch
