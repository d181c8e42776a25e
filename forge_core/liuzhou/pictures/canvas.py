"""The canvas of a board: axes in pixels, colours, and text on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_core.pictures import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, BOARD_HEIGHT = 1000, 620
"""pixels of a picture of a board; the axes have the same units"""
FILM_HEIGHT = 860
"""pixels of a picture of a film: the board, and the curves beneath it"""

BLACK_FILL, WHITE_FILL = "#2f2f2f", "#ffffff"
"""colours of stones"""
WOOD, GRID = "#f3ead9", "#c9b994"
"""colours of the board and of the lines between its cells"""
SHAPE, SHAPE_TINT = "#5b7f5b", "#dfe8d8"
"""outlines and cells of squares and lines, whose stones are protected"""
PALE_BLUE = "#c5d9e8"
"""colour of an action that a search hardly visited; one with all visits is BLUE"""
SHADES = ("#a0bed6", "#7aa4c4", "#548ab1")
"""colours in between, which the palette of a film keeps"""


def write(axes: Axes, x: float, y: float, text: str, size: float, color: str = INK, **style) -> None:
    """Write text at (x, y), vertically centred; dollar signs are printed as they are."""
    axes.text(
        x, y, text, fontsize=size, color=color, **{"va": "center", "zorder": 8, "parse_math": False} | style
    )


def signed(value: float) -> str:
    """Return a value as `+0.42` or `−0.42`."""
    return f"{value:+.2f}".replace("-", "−")
