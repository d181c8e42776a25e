"""Random numbers for the root, by key: those of a game do not depend on the other games of a search.

They are drawn on the host and used by every implementation of the search, so that all of them search
with the same numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.game import Array
from forge_core.liuzhou.evaluators import array_module
from forge_core.liuzhou.state.layout import EMPTY_SLOT, SLOTS
from forge_core.streams import mix, uniform


def dirichlet_parts(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.float32]:
    """Return Gamma(1/2) variates [N, SLOTS] float32: divided by their sum, they are Dirichlet(1/2).

    As in AlphaZero, the concentration is 10 / (a typical number of legal actions, here 20). Gamma(1/2) is
    half the square of a normal variate: by Box and Muller, -ln(u) cos(2 pi v)^2.
    """
    u, v = np.split(_uniforms(keys, 2 * SLOTS), 2, axis=1)
    return (-np.log1p(-u) * np.cos(2 * np.pi * v) ** 2).astype(np.float32)


def gumbel_variates(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return standard Gumbel variates [N, SLOTS]."""
    smallest = 2.0**-54  # a draw of 0 has no logarithm
    return -np.log(-np.log(np.maximum(_uniforms(keys, SLOTS), smallest)))


def mix_noise(prior: Array, actions: Array, parts: Array, share: float) -> Array:
    """Return priors [N, SLOTS] of which a share is Dirichlet noise, where more than one action is legal.

    parts: from `dirichlet_parts`, as the same kind of array.
    """
    xp = array_module(prior)
    is_legal = actions != EMPTY_SLOT
    parts = xp.asarray(parts, dtype=xp.float64) * is_legal
    totals = parts.sum(1)
    noise = xp.asarray(parts / (totals + (totals == 0))[:, None], dtype=xp.float32)
    has_choice = is_legal.sum(1) > 1
    shares = xp.asarray(has_choice, dtype=xp.float32)[:, None] * float(np.float32(share))
    return (1 - shares) * prior + shares * noise


def _uniforms(keys: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.float64]:
    """Return draws 0..n-1 of each key, [N, n] in [0, 1)."""
    return uniform(mix(keys[:, None], np.arange(n)))
