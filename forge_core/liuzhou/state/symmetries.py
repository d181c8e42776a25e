"""The eight symmetries of the square, under which the rules do not change.

Symmetry k transposes the board if k & 1, then mirrors its rows if k & 2, then its columns if k & 4;
0 changes nothing. Arrays may be numpy arrays or tensors, and `k` one number or one per row [N].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.game import Array, cast, library
from forge_core.liuzhou.rules import N_ACTIONS, N_CELLS, SELECT_FROM, SIDE, STEP_FROM, SWEEP
from forge_core.liuzhou.state.layout import EMPTY_SLOT

N_SYMMETRIES = 8


def map_cells(cells: Array, k: Array) -> Array:
    """Return the cells to which `k` moves `cells`; their shapes broadcast."""
    xp = library(cells)
    row, column = cells // SIDE, cells % SIDE
    row, column = xp.where(k & 1 == 1, column, row), xp.where(k & 1 == 1, row, column)
    row = xp.where(k & 2 == 2, SIDE - 1 - row, row)
    column = xp.where(k & 4 == 4, SIDE - 1 - column, column)
    return SIDE * row + column


def map_directions(directions: Array, k: Array) -> Array:
    """Return directions 0..3 (up, down, left, right) under symmetry `k`."""
    # A direction is 2 * (it goes along the row) + (it goes to a higher row or column).
    along, higher = (directions >> 1) ^ (k & 1), directions & 1
    mirror = library(directions).where(along == 1, k >> 2, k >> 1) & 1
    return 2 * along + (higher ^ mirror)


def map_actions(actions: Array, k: Array) -> Array:
    """Return actions under symmetry `k`; SWEEP and the ids after it stay."""
    xp = library(actions)
    steps = actions - STEP_FROM
    step = STEP_FROM + 4 * map_cells(steps >> 2, k) + map_directions(steps & 3, k)
    select = SELECT_FROM + map_cells(actions - SELECT_FROM, k)
    turned = xp.where(actions < STEP_FROM, map_cells(actions, k), step)
    turned = xp.where(actions < SELECT_FROM, turned, select)
    return xp.where(actions < SWEEP, turned, actions)


def inverse_of(k: Array) -> Array:
    """Return the inverse symmetries: transposing last instead of first exchanges the mirrors."""
    exchanged = 1 | (k >> 2 & 1) << 1 | (k >> 1 & 1) << 2
    return library(k).where(k & 1 == 1, exchanged, k)


@dataclass(frozen=True, slots=True)
class Symmetries:
    """Tables of all symmetries, int64, read-only."""

    cells: npt.NDArray[np.int64]
    """[8, 36]: the cell to which a cell moves"""
    directions: npt.NDArray[np.int64]
    """[8, 4]: the direction to which a direction turns"""
    actions: npt.NDArray[np.int64]
    """[8, 220]: the action to which an action turns"""
    inverse: npt.NDArray[np.int64]
    """[8]: the inverse of a symmetry"""

    def __post_init__(self) -> None:
        for table in (self.cells, self.directions, self.actions, self.inverse):
            table.setflags(write=False)


_ALL = np.arange(N_SYMMETRIES)
SYMMETRIES = Symmetries(
    cells=map_cells(np.arange(N_CELLS), _ALL[:, None]),
    directions=map_directions(np.arange(4), _ALL[:, None]),
    actions=map_actions(np.arange(N_ACTIONS), _ALL[:, None]),
    inverse=inverse_of(_ALL),
)


def turn_rows(rows: Array, k: Array | int) -> Array:
    """Return rows [N, 4] int64 under symmetry `k`."""
    xp, moved = library(rows), _table(map_cells, N_CELLS, k, rows)
    bits = rows[:, :3, None] >> _numbers(N_CELLS, rows) & 1
    words = (bits << moved[:, None, :]).sum(-1)
    return xp.concatenate((words, rows[:, 3:]), 1)


def turn_actions(actions: Array, k: Array | int) -> Array:
    """Return actions [N] or [N, L] under symmetry `k`, with their dtype; empty slots stay."""
    turned = _table(map_actions, EMPTY_SLOT + 1, k, actions)
    by_row = cast(actions, "int64").reshape(len(actions), -1)
    turned = _along(turned, by_row).reshape(actions.shape)
    return cast(turned, str(actions.dtype).removeprefix("torch."))


def turn_planes(planes: Array, k: Array | int) -> Array:
    """Return planes [N, C, 6, 6] of any dtype under symmetry `k`."""
    source = _table(lambda cells, each: map_cells(cells, inverse_of(each)), N_CELLS, k, planes)
    return _along(planes.reshape(*planes.shape[:2], N_CELLS), source[:, None, :]).reshape(planes.shape)


def turn_policies(policies: Array, k: Array | int) -> Array:
    """Return numbers by action id, [N, 220] of any dtype, under symmetry `k`."""
    source = _table(lambda actions, each: map_actions(actions, inverse_of(each)), N_ACTIONS, k, policies)
    return _along(policies, source)


def _table(mapping: Callable[[Array, Array], Array], n: int, k: Array | int, like: Array) -> Array:
    """Return [N, n], or [1, n] for one k: `mapping` of the numbers below n, in the library of `like`.

    It is computed where it is used, so that nothing is copied to a device.
    """
    table = mapping(_numbers(n, like), _numbers(N_SYMMETRIES, like)[:, None])
    return table[k : k + 1] if isinstance(k, int) else table[k]


def _numbers(n: int, like: Array) -> Array:
    if isinstance(like, np.ndarray):
        return np.arange(n)
    import torch

    return torch.arange(n, device=like.device)


def _along(values: Array, index: Array) -> Array:
    """Return the values at an index along the last dimension; the other dimensions broadcast."""
    if isinstance(values, np.ndarray):
        return np.take_along_axis(values, index, -1)
    import torch

    return torch.take_along_dim(values, index, -1)
