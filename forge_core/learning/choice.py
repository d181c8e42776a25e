"""The rule for choosing an action from a network's answers; the whole project uses it, on every device."""

from __future__ import annotations

import numpy as np

CHOICE_GRAIN = 0.01
"""Answers are rounded to multiples of this before they are compared, so that small differences between
devices rarely change a choice. A loss of at most this much counts as none."""


def choose(predicted, legal, grain: float = CHOICE_GRAIN):
    """Return the chosen action, int64 [N]: the legal one with the highest rounded answer, the first if tied.

    predicted [N, A], legal bool [N, A]: arrays, or tensors on one device; both give the same result.
    """
    if isinstance(predicted, np.ndarray):
        grains = np.where(legal, np.round(predicted / grain), -np.inf)
        return (grains == grains.max(axis=1, keepdims=True)).argmax(axis=1)
    grains = (predicted / grain).round().masked_fill(~legal, -float("inf"))
    return (grains == grains.amax(dim=1, keepdim=True)).int().argmax(dim=1)
