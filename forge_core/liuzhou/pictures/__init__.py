"""Pictures of Liuzhou: a position as a PNG, a game as an animated GIF.

In reading order: canvas, board, panel, curves, film.
"""

from __future__ import annotations

from forge_core.liuzhou.analysis import Analysis
from forge_core.liuzhou.pictures.board import draw_grid, draw_stones
from forge_core.liuzhou.pictures.canvas import BOARD_HEIGHT, WIDTH
from forge_core.liuzhou.pictures.film import DEFAULT_FPS, draw_film
from forge_core.liuzhou.pictures.panel import draw_legend, draw_panel
from forge_core.liuzhou.rules import State
from forge_core.pictures import new_canvas, to_png

__all__ = ["DEFAULT_FPS", "draw_film", "draw_position"]


def draw_position(
    state: State,
    last: int | None = None,
    analysis: Analysis | None = None,
    title: str = "",
    players: tuple[str, str] = ("", ""),
) -> bytes:
    """Draw a position as a PNG, 1000 x 620.

    last: the action that led to it. analysis: what is known about it. players: names of black and white.
    """
    figure, axes = new_canvas(WIDTH, BOARD_HEIGHT)
    draw_grid(axes, BOARD_HEIGHT)
    draw_stones(axes, state, BOARD_HEIGHT, last, analysis)
    draw_panel(axes, state, BOARD_HEIGHT, title, players, analysis)
    draw_legend(axes, BOARD_HEIGHT, analysis is not None)
    return to_png(figure)
