"""The rule by which answers become an action, the same on every device and in every part of the project."""

from __future__ import annotations

import numpy as np

CHOICE_GRAIN = 0.01
"""Answers are rounded to this before they are compared, so that the small differences between devices
seldom change a choice. A loss up to this counts as none."""


def choose(predicted, legal, grain: float = CHOICE_GRAIN):
    """Return the action taken, int64 [N]: the lowest of those with the best legal answer after rounding.

    predicted [N, A], legal bool [N, A]: arrays, or tensors on one device, with the same result.
    """
    if isinstance(predicted, np.ndarray):
        grains = np.where(legal, np.round(predicted / grain), -np.inf)
        return (grains == grains.max(axis=1, keepdims=True)).argmax(axis=1)
    grains = (predicted / grain).round().masked_fill(~legal, -float("inf"))
    return (grains == grains.amax(dim=1, keepdim=True)).int().argmax(dim=1)
