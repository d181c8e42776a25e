"""The board of a position: stones, shapes, legal targets, the last action, and the visits of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from forge_core.liuzhou.analysis import Analysis, Option
from forge_core.liuzhou.notation import cell_text
from forge_core.liuzhou.pictures.canvas import (
    BLACK_FILL,
    GRID,
    PALE_BLUE,
    SHAPE,
    SHAPE_TINT,
    WHITE_FILL,
    WOOD,
    signed,
    write,
)
from forge_core.liuzhou.rules import (
    BLACK,
    DIRECTIONS,
    SELECT_FROM,
    SIDE,
    STEP_FROM,
    SWEEP,
    WHITE,
    State,
    destination,
    legal,
    protected,
)
from forge_core.pictures import BLUE, INK, ORANGE, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL, LEFT, TOP = 88, 46, 46
"""pixels: side of a cell, left edge of the board, and distance of the board from the top of the picture"""
_STONE = 33
"""radius of a stone"""
_LEAST_SHARE = 0.02
"""share of the visits below which an action is not drawn"""
_LABELLED = 5
"""number of actions that are labelled with share and value; of several steps to a cell, only the best"""


@dataclass(frozen=True, slots=True)
class Grid:
    """Places of cells on a canvas."""

    height: float
    """height of the canvas"""

    def centre(self, cell: int) -> tuple[float, float]:
        """Return the middle of a cell."""
        row, column = divmod(cell, SIDE)
        return LEFT + CELL * (column + 0.5), self.height - TOP - CELL * (row + 0.5)


def draw_grid(axes: Axes, height: float) -> None:
    """Draw the empty board with its coordinates on a canvas of the given height."""
    from matplotlib.patches import Rectangle

    grid, size = Grid(height), SIDE * CELL
    right, bottom, top = LEFT + size, height - TOP - size, height - TOP
    style = {"facecolor": WOOD, "edgecolor": GRID, "linewidth": 1.5, "zorder": 1}
    axes.add_artist(Rectangle((LEFT, bottom), size, size, **style))
    for line in range(1, SIDE):
        x, y = LEFT + CELL * line, bottom + CELL * line
        axes.plot([x, x], [bottom, top], color=GRID, linewidth=1, zorder=1.1)
        axes.plot([LEFT, right], [y, y], color=GRID, linewidth=1, zorder=1.1)
    for number in range(SIDE):
        column, row = cell_text(number)[0], cell_text(SIDE * number)[1:]
        write(axes, grid.centre(number)[0], bottom - 18, column, 12, SOFT, ha="center")
        write(axes, LEFT - 18, grid.centre(SIDE * number)[1], row, 12, SOFT, ha="center")


def draw_stones(
    axes: Axes, state: State, height: float, last: int | None = None, analysis: Analysis | None = None
) -> None:
    """Draw a position on the grid.

    last: the action that led to it. analysis: what is known about its legal actions.
    """
    grid = Grid(height)
    for side in (BLACK, WHITE):
        _draw_shapes(axes, grid, state, side)
        for cell in sorted(state.stones(side)):
            draw_stone(axes, *grid.centre(cell), side, _STONE, is_marked=cell in state.marked)
    if last is not None:
        _draw_last(axes, grid, last)
    shown = [option for option in analysis.options if option.share >= _LEAST_SHARE] if analysis else []
    targets = [_target(option.action) for option in shown]
    _draw_targets(axes, grid, state, set(targets))
    for place, option in reversed(list(enumerate(shown))):
        has_label = place < _LABELLED and targets.index(targets[place]) == place
        _draw_option(axes, grid, option, place == 0, has_label)


def draw_stone(axes: Axes, x: float, y: float, side: int, radius: float, is_marked: bool = False) -> None:
    """Draw a stone; a marked one is pale and hatched."""
    from matplotlib.patches import Circle

    dark = side == BLACK
    fill = BLACK_FILL if dark else WHITE_FILL
    axes.add_artist(Circle((x, y), radius, facecolor=fill, edgecolor=INK, linewidth=1.2, zorder=3))
    if is_marked:
        stripes = WOOD if dark else SOFT
        axes.add_artist(
            Circle((x, y), radius, facecolor="none", edgecolor=stripes, hatch="////", linewidth=0, zorder=3.1)
        )
        axes.add_artist(Circle((x, y), radius, facecolor="none", edgecolor=INK, linewidth=1.2, zorder=3.2))


def _draw_shapes(axes: Axes, grid: Grid, state: State, side: int) -> None:
    """Tint the cells of the squares and lines of a side, and outline their edges."""
    from matplotlib.patches import Rectangle

    cells, half = protected(state, side), CELL / 2
    for cell in cells:
        x, y = grid.centre(cell)
        axes.add_artist(
            Rectangle((x - half, y - half), CELL, CELL, facecolor=SHAPE_TINT, linewidth=0, zorder=1.5)
        )
        for direction, (down, right) in enumerate(DIRECTIONS):
            if destination(cell, direction) not in cells:
                middle_x, middle_y = x + half * right, y - half * down
                ends_x = [middle_x - half * abs(down), middle_x + half * abs(down)]
                ends_y = [middle_y - half * abs(right), middle_y + half * abs(right)]
                axes.plot(ends_x, ends_y, color=SHAPE, linewidth=2.5, solid_capstyle="round", zorder=2)


def _draw_targets(axes: Axes, grid: Grid, state: State, covered: set[int]) -> None:
    """Draw dots on cells that legal actions lead to, unless covered, and rings around removable stones."""
    from matplotlib.patches import Circle

    for target in sorted({_target(action) for action in legal(state) if action != SWEEP}):
        x, y = grid.centre(target)
        if target in covered and target in state.empty:
            continue
        if target in state.empty:
            axes.add_artist(Circle((x, y), 5, facecolor=BLUE, linewidth=0, alpha=0.55, zorder=4))
        else:
            style = {"edgecolor": BLUE, "linewidth": 2, "linestyle": (0, (1, 1.6))}
            axes.add_artist(Circle((x, y), _STONE + 5, facecolor="none", zorder=4, **style))


def _target(action: int) -> int:
    """Return the cell that an action fills or empties last."""
    if action < STEP_FROM:
        return action
    if action < SELECT_FROM:
        cell = destination(*divmod(action - STEP_FROM, 4))
        assert cell is not None
        return cell
    return action - SELECT_FROM


def _draw_last(axes: Axes, grid: Grid, action: int) -> None:
    """Draw the last action: a ring on its stone, a line from the origin of a step.

    A cross is drawn on a stone that was marked, and on a cell that a stone has left.
    """
    from matplotlib.patches import Circle

    if action == SWEEP:
        return
    x, y = grid.centre(_target(action))
    style = {"color": ORANGE, "linewidth": 3, "solid_capstyle": "round", "zorder": 3.5}
    if action >= SELECT_FROM:
        for slope in (-1, 1):
            axes.plot([x - 12, x + 12], [y - 12 * slope, y + 12 * slope], **style)
        return
    axes.add_artist(Circle((x, y), 10, facecolor="none", edgecolor=ORANGE, linewidth=3, zorder=3.5))
    if action >= STEP_FROM:
        from_x, from_y = grid.centre((action - STEP_FROM) // 4)
        near_x, near_y = (x + 10 * (from_x - x) / CELL, y + 10 * (from_y - y) / CELL)
        axes.plot([from_x, near_x], [from_y, near_y], **style)


def _draw_option(axes: Axes, grid: Grid, option: Option, is_best: bool, has_label: bool) -> None:
    """Draw an action as a disc, or a step as an arrow: the more it was visited, the larger and darker."""
    from matplotlib.patches import Circle, FancyArrowPatch

    if option.action == SWEEP:
        return
    weight = option.share**0.5
    style = {"color": _shade(weight), "linewidth": 0, "zorder": 5 + is_best / 10}
    x, y = grid.centre(_target(option.action))
    ink = INK
    if STEP_FROM <= option.action < SELECT_FROM:
        from_x, from_y = grid.centre((option.action - STEP_FROM) // 4)
        across, up = (from_x - x) / CELL, (from_y - y) / CELL
        width = 3 + 11 * weight
        head = f"head_width={2.4 * width},head_length={1.5 * width}"
        end = (x + across * (CELL / 2 - 8), y + up * (CELL / 2 - 8))
        shape = {"arrowstyle": f"simple,tail_width={width},{head}", "shrinkA": 0, "shrinkB": 0}
        axes.add_artist(FancyArrowPatch((from_x, from_y), end, **shape, **style))
        x, y = x + 21 * across, y + 21 * up
    else:
        axes.add_artist(Circle((x, y), 21 + 8 * weight if has_label else 9, **style))
        ink = "white" if weight > 0.5 else INK
    if has_label:
        up = 0 if option.q is None else 7
        write(axes, x, y + up, f"{option.share:.0%}", 10.5, ink, ha="center", weight="bold", zorder=6)
        if option.q is not None:
            write(axes, x, y - 8, signed(option.q), 9, ink, ha="center", zorder=6)


def _shade(weight: float) -> tuple[float, ...]:
    """Return a colour between pale blue, for weight 0, and BLUE, for weight 1."""
    from matplotlib.colors import to_rgb

    pale, full = to_rgb(PALE_BLUE), to_rgb(BLUE)
    return tuple(a + (b - a) * min(1.0, weight) for a, b in zip(pale, full, strict=True))
