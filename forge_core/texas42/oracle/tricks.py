"""Kernels shared by the CPU passes and the queries of a solved deal: one hand, one trick."""

from __future__ import annotations

from forge_core.kernels import kernel
from forge_core.texas42.dominoes import N_SEATS


@kernel
def legal_mask(hand, following):
    """Return the slots of `hand` that may be played: those that follow, or all if none does."""
    fits = hand & following
    return fits if fits else hand


@kernel
def index_after(taker, leader, n, ranks):
    """Return the index, within its level, of the boundary that a trick leads to.

    ranks: [4] ranks of the remaining hands, by offset from the trick's leader. n: number of hands at
    the level. The layout starts at the next leader, so the ranks rotate.
    """
    index = taker
    for offset in range(1, N_SEATS + 1):
        index = index * n + ranks[(taker - leader + offset) % N_SEATS]
    return index
