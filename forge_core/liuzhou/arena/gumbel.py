"""Gumbel AlphaZero (Danihelka et al. 2022): the formulas that all implementations of the search share.

At the root, sequential halving spends the simulations on ever fewer actions: a *plan* gives the number of
visits that an action must have to be considered by each simulation. Below the root, visits follow an improved
policy. Both compare priors with *completed* values: those of visited actions, and for the others a mix of the
network's value and the values found.

These formulas are in float64. The exponential functions of two libraries may differ in the last digit;
scores differ by far more than that, so all implementations choose the same action.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from forge_core.game import Array
from forge_core.liuzhou.evaluators import array_module
from forge_core.liuzhou.state.layout import EMPTY_SLOT

CONSIDERED = 16
"""The most actions that the root considers; the paper's m"""
VISIT_OFFSET = 50.0
"""The paper's c_visit: values are scaled to logits by (this + most visits of an action) * VALUE_SCALE"""
VALUE_SCALE = 0.5
"""The paper's c_scale, which is 1 for values 0..1; here values are -1..1, twice as wide"""
SMALLEST_PRIOR = 1e-30
"""Smaller priors are raised to this before their logarithm is taken"""


@cache
def plan_of_halving(sims: int) -> npt.NDArray[np.int32]:
    """Return visits [CONSIDERED + 1, sims] int32: entry [n, t] for n actions and simulation t.

    Simulation t goes to an action that has exactly that many visits: the one with the best score.
    """
    plan = np.zeros((CONSIDERED + 1, sims), np.int32)
    plan[:2] = np.arange(sims)
    for actions in range(2, CONSIDERED + 1):
        plan[actions] = _visits_in_order(actions, sims)
    plan.setflags(write=False)
    return plan


def _visits_in_order(actions: int, sims: int) -> list[int]:
    """Return the number of visits that each simulation's action has before it. actions: at least 2."""
    rounds = math.ceil(math.log2(actions))
    order: list[int] = []
    visits, considered = [0] * actions, actions
    while len(order) < sims:
        for _ in range(max(1, sims // (rounds * considered))):
            order += visits[:considered]
            visits[:considered] = [n + 1 for n in visits[:considered]]
        considered = max(2, considered // 2)
    return order[:sims]


def log_priors(prior: Array) -> Array:
    """Return logits [N, SLOTS] float64 of priors."""
    xp = array_module(prior)
    return xp.log(xp.clip(xp.asarray(prior, dtype=xp.float64), SMALLEST_PRIOR, None))


def scaled_values(visits: Array, sums: Array, prior: Array, value: Array, sign: Array) -> Array:
    """Return completed values of actions for the mover, in units of logits: [N, SLOTS] float64.

    visits, sums (black's frame), prior: [N, SLOTS]. value: the position's, in black's frame, [N]. sign: 1 if
    black is to move, else -1, [N].
    """
    xp = array_module(prior)
    visits, sums, prior, value, sign = (
        xp.asarray(part, dtype=xp.float64) for part in (visits, sums, prior, value, sign)
    )
    is_visited = visits > 0
    q = sign[:, None] * sums / xp.where(is_visited, visits, xp.ones_like(visits))
    total, seen = visits.sum(1), (prior * is_visited).sum(1)
    mean = (prior * q).sum(1) / xp.clip(seen, SMALLEST_PRIOR, None)  # q is 0 where nothing was visited
    mixed = (sign * value + total * mean) / (1 + total)
    most = xp.amax(visits, 1)
    weight = (VISIT_OFFSET + most) * VALUE_SCALE
    return weight[:, None] * xp.where(is_visited, q, mixed[:, None])


def improved_policy(prior: Array, values: Array, actions: Array) -> Array:
    """Return the softmax [N, SLOTS] float64 of logits and scaled values over legal actions."""
    xp = array_module(prior)
    prior = xp.asarray(prior, dtype=xp.float64)
    is_legal = actions != EMPTY_SLOT
    lowest = xp.where(is_legal, values, xp.full_like(values, -math.inf))
    best = xp.amax(lowest, 1)[:, None]
    best = xp.where(best == -math.inf, xp.zeros_like(best), best)
    weights = xp.clip(prior, SMALLEST_PRIOR, None) * xp.exp(lowest - best) * is_legal
    totals = weights.sum(1)
    return weights / (totals + (totals == 0))[:, None]
