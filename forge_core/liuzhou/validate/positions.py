"""Positions of random play, from all phases in equal numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.liuzhou.rules import FORCED, MAX_MOVES, PLACE
from forge_core.liuzhou.state import START, legal_actions, outcomes, step_rows
from forge_core.liuzhou.state.layout import GOING, PHASE_MASK
from forge_core.streams import stream

GAMES = 1024
"""random games that positions are taken from; one in eleven reaches FORCED, the rarest phase"""

Rows = npt.NDArray[np.int64]


def positions_of_all_phases(n: int, seed: int) -> Rows:
    """Return [n, 4] unfinished positions, drawn without repetition and as evenly over phases as possible."""
    draws = stream(seed, "liuzhou", "validate", "positions")
    rows, met = np.tile(START, (GAMES, 1)), []
    for _ in range(MAX_MOVES):
        rows = rows[outcomes(rows) == GOING]
        if not len(rows):
            break
        met.append(rows)
        actions, counts = legal_actions(rows)
        slots = (draws.random(len(rows)) * counts).astype(np.int64)
        rows = step_rows(rows, actions[np.arange(len(rows)), slots])
    found = np.unique(np.concatenate(met), axis=0)
    found = found[draws.permutation(len(found))]
    phase = found[:, 3] & PHASE_MASK
    rank = np.zeros(len(found), np.int64)  # among the positions of the same phase
    for kind in range(PLACE, FORCED + 2):
        rank[phase == kind] = np.arange((phase == kind).sum())
    return found[np.argsort(rank, kind="stable")[:n]]
