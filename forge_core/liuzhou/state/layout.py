"""The layout of a row: a position as four int64, black, white, marked and meta.

The first three are words of 36 bits, bit c for cell c. Bits of meta: 0-2 phase, 3 the player is white,
4-5 pending, 6-7 forced_done, 8-15 move_count, 16-21 quiet, 22-23 outcome.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.liuzhou import rules
from forge_core.liuzhou.rules import BLACK, N_CELLS, SIDE, WHITE, State

SLOTS = 64
"""Slots of a list of legal actions: a power of two, and no position has more than 52. Of the 60 edges
between cells, those between two stones or two empty cells allow no step, and the opponent's stones, at least
four, touch at least eight edges."""
EMPTY_SLOT = 255
"""Marks a slot without an action; greater than every action, so that lists stay in ascending order"""

GOING, BLACK_WON, WHITE_WON, DRAWN = range(4)
"""Outcomes, as stored in meta"""

FULL = (1 << N_CELLS) - 1
"""All cells"""
ROW_0 = (1 << SIDE) - 1
COLUMN_0 = sum(1 << (SIDE * row) for row in range(SIDE))
NOT_COLUMN_0 = FULL ^ COLUMN_0
NOT_COLUMN_5 = FULL ^ (COLUMN_0 << (SIDE - 1))

PHASE_MASK = 7
PLAYER_SHIFT = 3
PENDING_SHIFT, PENDING_MASK = 4, 3
FORCED_SHIFT, FORCED_MASK = 6, 3
COUNT_SHIFT, COUNT_MASK = 8, 255
QUIET_SHIFT, QUIET_MASK = 16, 63
OUTCOME_SHIFT, OUTCOME_MASK = 22, 3

_OUTCOMES = {None: GOING, BLACK: BLACK_WON, WHITE: WHITE_WON, 0: DRAWN}


def pack(state: State) -> npt.NDArray[np.int64]:
    """Return a position as a row [4] int64."""
    meta = (
        state.phase
        | (state.player == WHITE) << PLAYER_SHIFT
        | state.pending << PENDING_SHIFT
        | state.forced_done << FORCED_SHIFT
        | state.move_count << COUNT_SHIFT
        | state.quiet << QUIET_SHIFT
        | _OUTCOMES[rules.outcome(state)] << OUTCOME_SHIFT
    )
    return np.array([*(_word(cells) for cells in (state.black, state.white, state.marked)), meta], np.int64)


def unpack(row: Any) -> State:
    """Return the position of a row [4]: an array, a tensor or a sequence of whole numbers."""
    black, white, marked, meta = (int(word) for word in row)
    return State(
        black=_cells(black),
        white=_cells(white),
        marked=_cells(marked),
        phase=meta & PHASE_MASK,
        player=WHITE if meta >> PLAYER_SHIFT & 1 else BLACK,
        pending=meta >> PENDING_SHIFT & PENDING_MASK,
        forced_done=meta >> FORCED_SHIFT & FORCED_MASK,
        move_count=meta >> COUNT_SHIFT & COUNT_MASK,
        quiet=meta >> QUIET_SHIFT & QUIET_MASK,
    )


def _word(cells: Iterable[int]) -> int:
    return sum(1 << cell for cell in cells)


def _cells(word: int) -> frozenset[int]:
    return frozenset(cell for cell in range(N_CELLS) if word >> cell & 1)


START = pack(State())
"""[4] int64, read-only: the row before the first action"""
START.setflags(write=False)
