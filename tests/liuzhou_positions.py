"""Positions to search from, of all phases, and comparisons of searches, for the tests of the arena."""

from __future__ import annotations

from functools import cache

import numpy as np
from liuzhou_games import random_plies

from forge_core.liuzhou.arena import RootStatistics
from forge_core.streams import stream

KINDS = ("reference", "cpu", "tensors")
N_PHASES = 7


@cache
def positions(n: int) -> np.ndarray:
    """Rows [n, 4] of random games, as many of each phase as there may be, in mixed order."""
    rows, _, _ = random_plies(200)
    phases, rng = rows[:, 3] & 7, stream(0, "positions")
    by_phase = [rng.permutation(rows[phases == phase]) for phase in range(1, N_PHASES + 1)]
    assert all(len(some) > n // N_PHASES for some in by_phase)
    chosen = np.concatenate([some[: n // N_PHASES + 1] for some in by_phase])
    return np.ascontiguousarray(rng.permutation(chosen)[:n])


def keys(n: int) -> np.ndarray:
    """Keys [n] of root noise."""
    return stream(0, "root keys").integers(2**64, size=n, dtype=np.uint64)


def assert_equal_roots(root: RootStatistics, expected: RootStatistics) -> None:
    """Visits, sums and priors are the same to the last digit."""
    for name in ("rows", "actions", "visits", "sums", "prior", "row_visits"):
        found = np.asarray(getattr(root, name))
        np.testing.assert_array_equal(found, np.asarray(getattr(expected, name)), name)
