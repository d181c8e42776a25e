"""The panel next to the board: the turn, the counts, and the best actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_core.arena.names import short_name
from forge_core.liuzhou.analysis import Analysis
from forge_core.liuzhou.notation import PLAYER_NAMES, turn_text
from forge_core.liuzhou.pictures.board import draw_stone
from forge_core.liuzhou.pictures.canvas import BOARD_HEIGHT, WIDTH, signed, write
from forge_core.liuzhou.rules import BLACK, MAX_MOVES, QUIET_LIMIT, WHITE, State
from forge_core.pictures import BLUE, FAINT, INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEFT, RIGHT = 622, WIDTH - 30
"""edges of the panel"""
_MOST_OPTIONS, _LONGEST_NAME = 8, 19


def draw_panel(
    axes: Axes,
    state: State,
    height: float,
    title: str = "",
    players: tuple[str, str] = ("", ""),
    analysis: Analysis | None = None,
) -> None:
    """Draw the panel. players: names of black and white; empty ones are left out."""
    y = height - 52
    if title:
        write(axes, LEFT, y, title, 15, weight="bold")
        y -= 38
    for side, name in zip((BLACK, WHITE), players, strict=True):
        draw_stone(axes, LEFT + 11, y, side, 11)
        n, marked = len(state.stones(side)), len(state.stones(side) & state.marked)
        stones = f"{n} ({marked} marked)" if marked else f"{n} stones"
        weight = "bold" if side == state.player else "normal"
        write(
            axes,
            LEFT + 32,
            y,
            short_name(name, _LONGEST_NAME) or PLAYER_NAMES[side].capitalize(),
            12.5,
            weight=weight,
        )
        write(axes, RIGHT, y, stones, 12, SOFT, ha="right")
        y -= 30
    y -= 8
    turn = turn_text(state)
    write(axes, LEFT, y, turn[0].upper() + turn[1:], 13.5, weight="bold")
    y -= 25
    counts = f"action {state.move_count} of {MAX_MOVES} at most · {state.quiet} of {QUIET_LIMIT} quiet"
    write(axes, LEFT, y, counts, 11, SOFT)
    if analysis:
        _draw_options(axes, y - 46, analysis, state)


def _draw_options(axes: Axes, y: float, analysis: Analysis, state: State) -> None:
    """Draw the value of the position and a line per action: its text, a bar of its share of visits, q."""
    from matplotlib.patches import Rectangle

    write(
        axes, LEFT, y, f"Value {signed(analysis.value)} for {PLAYER_NAMES[state.player]}", 12.5, weight="bold"
    )
    for x, column in ((RIGHT - 56, "visits"), (RIGHT, "q")):
        write(axes, x, y, column, 11, SOFT, ha="right")
    y -= 30
    left, full = LEFT + 74, RIGHT - LEFT - 74 - 108
    for place, option in enumerate(analysis.options[:_MOST_OPTIONS]):
        write(axes, LEFT, y, option.text, 12.5, weight="bold" if place == 0 else "normal")
        for width, color in ((full, FAINT), (full * option.share, BLUE)):
            alpha = 1.0 if color == FAINT or place == 0 else 0.55
            axes.add_artist(Rectangle((left, y - 7), width, 14, facecolor=color, alpha=alpha, linewidth=0))
        q, color = ("–", SOFT) if option.q is None else (signed(option.q), INK)
        write(axes, RIGHT - 56, y, f"{option.share:.0%}", 11.5, color, ha="right")
        write(axes, RIGHT, y, q, 11.5, color, ha="right")
        y -= 27
    rest = len(analysis.options) - _MOST_OPTIONS
    if rest > 0:
        write(axes, LEFT, y, f"and {rest} more", 11, SOFT)


def draw_legend(axes: Axes, height: float, has_analysis: bool) -> None:
    """Draw the legend of the board, on a canvas of the given height."""
    y = height - BOARD_HEIGHT + 32
    lines = ["green: protected · hatched: marked", "orange: last action · dotted: legal"]
    if has_analysis:
        lines.append("blue: visits, and q for the player to move")
    for place, line in enumerate(reversed(lines)):
        write(axes, LEFT, y + 19 * place, line, 10.5, SOFT)
