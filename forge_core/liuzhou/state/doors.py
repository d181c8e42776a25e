"""The rules on batches of rows: numpy arrays by compiled kernels, tensors by torch operations.

Each function returns arrays of the library and on the device of its rows, and treats each row independently.
Rows are [N, 4] int64, see `layout`. Raises BadInput for arrays of another shape.
"""

from __future__ import annotations

import numpy as np

from forge_core.errors import BadInput
from forge_core.game import Array
from forge_core.liuzhou.rules import N_ACTIONS
from forge_core.liuzhou.state import kernels
from forge_core.liuzhou.state.layout import OUTCOME_MASK, OUTCOME_SHIFT, SLOTS
from forge_core.liuzhou.state.planes import planes_of_rows, planes_of_tensors


def legal_mask(rows: Array) -> Array:
    """Return [N, 220] bool: the legal actions; none in finished rows."""
    if not isinstance(rows, np.ndarray):
        return _tensors().legal_mask(_checked(rows))
    rows = _checked(rows)
    mask = np.zeros((len(rows), N_ACTIONS), np.bool_)
    kernels.mask_batch(rows, mask)
    return mask


def legal_actions(rows: Array) -> tuple[Array, Array]:
    """Return the legal actions uint8 [N, SLOTS], ascending, then EMPTY_SLOT; and their numbers int64 [N]."""
    if not isinstance(rows, np.ndarray):
        return _tensors().legal_actions(_checked(rows))
    rows = _checked(rows)
    actions, counts = np.empty((len(rows), SLOTS), np.uint8), np.empty(len(rows), np.int64)
    kernels.legal_batch(rows, actions, counts)
    return actions, counts


def step_rows(rows: Array, actions: Array) -> Array:
    """Return the rows after `actions` [N], of any integer type; finished rows stay as they are.

    Every action of an unfinished row must be legal. That is not checked, since a check would wait for
    the device: after an illegal action a row is meaningless. `forge_core.game.checked_step` checks.
    """
    rows = _checked(rows)
    if tuple(actions.shape) != (len(rows),):
        raise BadInput(f"actions of shape {tuple(actions.shape)} for {len(rows)} rows: give one per row")
    if not isinstance(rows, np.ndarray):
        return _tensors().step_rows(rows, actions)
    after = np.empty_like(rows)
    kernels.step_batch(rows, np.ascontiguousarray(actions, np.int64), after)
    return after


def outcomes(rows: Array) -> Array:
    """Return int64 [N]: GOING, BLACK_WON, WHITE_WON or DRAWN."""
    return _checked(rows)[:, 3] >> OUTCOME_SHIFT & OUTCOME_MASK


def planes(rows: Array, observers: Array | None = None) -> Array:
    """Return [N, 20, 6, 6] float32, the planes of `state.planes`.

    observers: int64 [N], 0 for black and 1 for white, whose stones come first; default the players.
    """
    rows = _checked(rows)
    if observers is not None and tuple(observers.shape) != (len(rows),):
        raise BadInput(f"observers of shape {tuple(observers.shape)} for {len(rows)} rows: give one per row")
    if not isinstance(rows, np.ndarray):
        return planes_of_tensors(rows, observers)
    sides = np.empty(0, np.int64) if observers is None else np.ascontiguousarray(observers, np.int64)
    return planes_of_rows(rows, sides)


def _checked(rows: Array) -> Array:
    """Return rows [N, 4], arrays as contiguous int64. Raises BadInput for another shape."""
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise BadInput(f"rows of shape {tuple(rows.shape)}: use [N, 4] int64")
    return np.ascontiguousarray(rows, np.int64) if isinstance(rows, np.ndarray) else rows


def _tensors():
    """Import the twin in torch, which numpy rows do not need."""
    from forge_core.liuzhou.state import tensors

    return tensors
