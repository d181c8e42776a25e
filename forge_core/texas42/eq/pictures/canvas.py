"""The canvas of a decision, 1600 x 1000 pixels with axes in the same units; its palette and drawing tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_core.pictures import BLUE, INK, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import FancyBboxPatch

WIDTH, HEIGHT = 1600, 1000
"""size of a picture in pixels; the axes use the same units"""

TEAM = (BLUE, ORANGE)
"""colours of teams 0 and 1"""
TEAM_PALE, TEAM_TINT = ("#b5cede", "#f2d3b0"), ("#eaf1f6", "#fcf2e7")
"""lighter team colours: for the part of a distribution that fails, and for backgrounds"""


def write(ax: Axes, x: float, y: float, text: str, size: float, color: str = INK, **style) -> None:
    """Write text at (x, y), vertically centred."""
    ax.text(x, y, text, fontsize=size, color=color, **{"va": "center", "zorder": 4} | style)


def signed(points: float, digits: int) -> str:
    """Return points with a sign: `+4.2`, `−4.2` or `0`."""
    text = f"{points:+.{digits}f}"
    return text.lstrip("+-") if not float(text) else text.replace("-", "−")


def box(x: float, y: float, width: float, height: float, rounding: float, **style) -> FancyBboxPatch:
    """Return a rectangle with rounded corners and its lower left corner at (x, y)."""
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch((x, y), width, height, boxstyle=f"round,pad=0,rounding_size={rounding}", **style)


def fill(ax: Axes, x: float, y: float, width: float, height: float, color: str) -> None:
    """Fill a rectangle whose lower left corner is at (x, y)."""
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((x, y), width, height, facecolor=color, linewidth=0))
