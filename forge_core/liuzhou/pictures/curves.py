"""The curves beneath the board of a film: the value of each position, and the stones of both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from forge_core.liuzhou.pictures.canvas import BLACK_FILL, FILM_HEIGHT, GRID, WHITE_FILL, WIDTH, WOOD
from forge_core.liuzhou.rules import BLACK, MARK, PLACE, WHITE, State
from forge_core.pictures import INK, ORANGE, SOFT, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BOTTOM, _HEIGHT = 46, 150
"""pixels of the curves, from the bottom of the picture"""
_PLACES = ((46, 528), (622, 348))
"""left edge and width of each pair of axes, in pixels"""


def draw_curves(
    figure: Figure, states: Sequence[State], values: npt.NDArray[np.float64]
) -> tuple[Axes, Axes]:
    """Draw both curves of a game; return their axes, for a cursor.

    values: [T + 1] values of the positions, -1..1 in black's frame; nan where unknown.
    """
    value_axes, stone_axes = (
        figure.add_axes(
            (left / WIDTH, _BOTTOM / FILM_HEIGHT, width / WIDTH, _HEIGHT / FILM_HEIGHT), facecolor=WOOD
        )
        for left, width in _PLACES
    )
    _draw_values(value_axes, values)
    _draw_stones(stone_axes, states)
    board_full = next((ply for ply, state in enumerate(states) if state.phase not in (PLACE, MARK)), None)
    for axes in (value_axes, stone_axes):
        axes.set_xlim(0, max(1, len(states) - 1))
        if board_full is not None:
            axes.axvline(board_full, color=SOFT, linewidth=1, linestyle=(0, (3, 3)), zorder=1.5)
        axes.tick_params(labelsize=10)
    return value_axes, stone_axes


def move_cursor(axes: Sequence[Axes], ply: int) -> list:
    """Draw a line at an action on both curves; return the artists."""
    return [each.axvline(ply, color=ORANGE, linewidth=2, zorder=5) for each in axes]


def _draw_values(axes: Axes, values: npt.NDArray[np.float64]) -> None:
    """Fill the curve: black above the middle, white below it."""
    ply = np.arange(len(values))
    style_axes(axes, "Value for black", grid=None, title_size=11.5, pad=6)
    if np.isfinite(values).any():
        axes.fill_between(ply, np.maximum(values, 0), 0, color=BLACK_FILL, linewidth=0, zorder=2)
        axes.fill_between(ply, np.minimum(values, 0), 0, color=WHITE_FILL, linewidth=0, zorder=2)
        axes.plot(ply, values, color=INK, linewidth=1.3, zorder=3)
    else:
        axes.text(0.5, 0.5, "not analysed", transform=axes.transAxes, ha="center", va="center", color=SOFT)
    axes.axhline(0, color=GRID, linewidth=1, zorder=1)
    axes.set_ylim(-1.05, 1.05)
    axes.set_yticks([-1, 0, 1], ["−1", "0", "+1"])


def _draw_stones(axes: Axes, states: Sequence[State]) -> None:
    """Draw the unmarked stones of each side: a black line, and a white one with black edges."""
    style_axes(axes, "Unmarked stones (dashed: the board is full)", grid=None, title_size=11.5, pad=6)
    for side in (BLACK, WHITE):
        stones = [len(state.stones(side) - state.marked) for state in states]
        axes.plot(stones, color=INK, linewidth=3.2, zorder=2 if side == BLACK else 3)
        if side == WHITE:
            axes.plot(stones, color=WHITE_FILL, linewidth=1.6, zorder=3.1)
    axes.set_ylim(0, 19)
    axes.set_yticks([0, 4, 9, 18])
    axes.axhline(4, color=GRID, linewidth=1, zorder=1)
