"""Which worlds are likely, given how the others played: p(world | plays) by a model of behaviour.

p(slot | state) = (1 - mix) x softmax over legal of q / tau + mix / legal slots, q in points
in the frame of the seat that played. (Softmax of q less its mean is the same.) Arrays and tensors
go through the same lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.errors import BadInput


@dataclass(frozen=True, slots=True)
class PosteriorConfig:
    """How worlds are weighed. Raises BadInput for what is out of range."""

    window: int = 4
    """the last so many plays say something"""
    tau: float = 0.1
    """points: a play worth this much less is e times less likely"""
    mix: float = 0.1
    """share of plays that are made without a thought"""
    min_ess: float = 10.0
    """effective worlds below which more are drawn"""
    most_rounds: int = 8
    """times the asked number of worlds that are drawn at most to get there"""

    @classmethod
    def calibrated(cls) -> PosteriorConfig:
        """What makes the true deals of held-out E[Q] games likeliest: `benchmarks/calibrate_posterior.py`."""
        return cls(window=12, tau=8.0, mix=0.6)

    def __post_init__(self) -> None:
        check_behaviour(self.tau, self.mix)
        if self.window < 1:
            raise BadInput(f"a window of {self.window} plays says nothing: use 1..28")
        if not self.min_ess >= 0:
            raise BadInput(f"at least {self.min_ess} effective worlds: use 0 or more")
        if self.most_rounds < 1:
            raise BadInput(f"{self.most_rounds} rounds of worlds at most: use at least 1")


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Weights of M worlds, for each position of the batch; arrays or tensors, float64."""

    weights: Any
    """[..., M], adding up to 1"""
    ess: Any
    """[...] effective number of worlds, 1 / sum of squared weights: 1..M"""
    max_weight: Any
    """[...]"""
    entropy: Any
    """[...] nats, 0..log M"""


def posterior_weights(q_past: Any, legal: Any, observed: Any, tau: float, mix: float) -> Posterior:
    """How likely each of M worlds is: `weigh` of `log_likelihood`, which see for arguments and errors."""
    return weigh(log_likelihood(q_past, legal, observed, tau, mix))


def log_likelihood(q_past: Any, legal: Any, observed: Any, tau: float, mix: float) -> Any:
    """log p(plays | world): [..., M] float64, -inf for a world in which a play was illegal.

    q_past [..., M, K, 7] points in the frame of the seat that played, anything where illegal;
    legal [..., M, K, 7] bool, by slot of its initial hand; observed [..., M, K] the slot played,
    -1: no such play, or one that says nothing. numpy arrays or torch tensors. tau > 0 points;
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
            f"an observed slot is none of -1..{q.shape[-1] - 1}: use -1 for a play that says nothing"
        )

    legal = legal != 0
    with np.errstate(divide="ignore", invalid="ignore"):  # where no slot is legal; selected away below
        q = xp.where(legal, q, -math.inf)
        scaled = (q - xp.amax(q, axis=-1, keepdims=True)) / tau
        thought = scaled - xp.log(xp.exp(scaled).sum(axis=-1, keepdims=True))
        blind = -xp.log(xp.where(legal, xp.ones_like(q), 0.0).sum(axis=-1, keepdims=True))
        log_p = xp.logaddexp(_log(1 - mix) + thought, _log(mix) + blind)
    said = xp.where(legal & (slots == observed[..., None]), log_p, -math.inf)
    log_w = xp.where(observed < 0, 0.0, xp.amax(said, axis=-1)).sum(axis=-1)
    if bool(xp.isnan(log_w).any()):
        raise BadInput("q of a legal slot is no number: only illegal slots may hold anything")
    return log_w


def weigh(log_weights: Any) -> Posterior:
    """Weights proportional to exp(log_weights [..., M]). BadInput where every world is impossible."""
    xp = _library(log_weights)
    if log_weights.shape[-1] == 0:
        raise BadInput("no worlds to weigh: give at least one")
    top = xp.amax(log_weights, axis=-1, keepdims=True)
    if bool((~xp.isfinite(top)).any()):
        raise BadInput("a past play was illegal in every world: draw worlds that fit what was seen")
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
    """torch for its tensors, numpy for everything else: their functions go by the same names here."""
    if type(array).__module__.partition(".")[0] != "torch":
        return np
    import torch

    return torch
