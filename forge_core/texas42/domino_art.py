"""Dominoes drawn on matplotlib axes.

The axes must have equal scales. Lengths are in data units of the axes; `size` is the short side of
a domino, which is twice as long as it is wide. The high pip is at the top, or on the left.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from forge_core.pictures import INK
from forge_core.texas42.dominoes import PIPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.path import Path

FACE, EDGE = "#fffdf7", "#8f897c"
CALLED_FACE, CALLED_EDGE = "#fff0c2", "#c08a12"
"""colours of a called domino"""
GHOST = "#c9c9c9"

_DIAGONAL = ((-1, 1), (1, -1))
_CORNERS = (*_DIAGONAL, (-1, -1), (1, 1))
_SPOTS = (
    (),
    ((0, 0),),
    _DIAGONAL,
    (*_DIAGONAL, (0, 0)),
    _CORNERS,
    (*_CORNERS, (0, 0)),
    (*_CORNERS, (-1, 0), (1, 0)),
)
"""positions of 0..6 pips on an upright half, in steps from its centre"""
_STEP, _RADIUS = 0.27, 0.095
"""distance between pips, and their radius, in units of `size`"""


def draw_domino(
    ax: Axes,
    domino: int,
    x: float,
    y: float,
    size: float = 1.0,
    *,
    horizontal: bool = False,
    ghost: bool = False,
    called: bool = False,
    fade: float = 0.0,
    edge: str | None = None,
    zorder: float = 3.0,
) -> None:
    """Draw a domino centred at (x, y).

    ghost: draw only the outline, for a domino that has been played; called: use the colours of a
    called domino; fade 0..1: transparency; edge: highlight colour.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.transforms import Affine2D

    place = Affine2D().rotate_deg(90 if horizontal else 0).scale(size).translate(x, y) + ax.transData
    alpha = 1 - fade
    pips = GHOST if ghost else INK
    _outline(
        ax,
        (x, y),
        size,
        horizontal,
        facecolor="none" if ghost else CALLED_FACE if called else FACE,
        edgecolor=edge or (GHOST if ghost else CALLED_EDGE if called else EDGE),
        linewidth=_points(ax, size * (0.075 if edge else 0.035)),
        linestyle=(0, (3, 2)) if ghost else "solid",
        alpha=alpha,
        zorder=zorder,
    )
    strokes = {"transform": place, "alpha": alpha, "zorder": zorder}
    bar = PathPatch(_bar(), edgecolor=pips, linewidth=_points(ax, size * 0.025), **strokes)
    ax.add_patch(bar)
    if any(PIPS[domino]):
        ax.add_patch(PathPatch(_pips(*PIPS[domino]), facecolor=pips, linewidth=0, **strokes))


def draw_back(
    ax: Axes,
    x: float,
    y: float,
    size: float = 1.0,
    *,
    horizontal: bool = False,
    color: str = INK,
    zorder: float = 3.0,
) -> None:
    """Draw a face-down domino."""
    _outline(ax, (x, y), size, horizontal, facecolor=color, edgecolor="white", linewidth=1.0, zorder=zorder)


def draw_place(
    ax: Axes,
    x: float,
    y: float,
    size: float = 1.0,
    *,
    horizontal: bool = False,
    color: str = GHOST,
    zorder: float = 3.0,
) -> None:
    """Draw a dashed outline where a domino is yet to be played."""
    dashes = (0, (4, 3))
    _outline(
        ax,
        (x, y),
        size,
        horizontal,
        facecolor="none",
        edgecolor=color,
        linewidth=_points(ax, size * 0.04),
        linestyle=dashes,
        zorder=zorder,
    )


def _outline(ax: Axes, middle: tuple[float, float], size: float, horizontal: bool, **style) -> None:
    from matplotlib.patches import FancyBboxPatch

    width, height = (2 * size, size) if horizontal else (size, 2 * size)
    corner = (middle[0] - width / 2, middle[1] - height / 2)
    box = f"round,pad=0,rounding_size={0.16 * size}"
    ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle=box, **style))


def _points(ax: Axes, length: float) -> float:
    """Convert a length in data units to a line width in points (1/72 inch), at least 0.6 to stay visible."""
    (x0, _), (x1, _) = ax.transData.transform(((0, 0), (length, 0)))
    figure = ax.get_figure(root=True)
    assert figure is not None
    return max(0.6, abs(x1 - x0) * 72 / figure.dpi)


@lru_cache(maxsize=1)
def _bar() -> Path:
    """Return the bar across the middle of an upright domino one unit wide."""
    from matplotlib.path import Path

    return Path([(-0.38, 0), (0.38, 0)])


@lru_cache(maxsize=len(PIPS))
def _pips(high: int, low: int) -> Path:
    """Return all pips of an upright domino one unit wide, centred at the origin."""
    from matplotlib.path import Path

    return Path.make_compound_path(
        *(
            Path.circle((_STEP * x, middle + _STEP * y), _RADIUS)
            for middle, pips in ((0.5, high), (-0.5, low))
            for x, y in _SPOTS[pips]
        )
    )
