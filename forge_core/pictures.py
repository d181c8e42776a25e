"""The palette of all pictures, and functions that create, style and encode figures.

Matplotlib is imported when a picture is drawn, not with this module. Figures are made without
pyplot, so no global state changes and any thread may draw.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, FAINT = "#333333", "#777777", "#dddddd"
"""colours of text, secondary text and grid lines"""
BLUE, ORANGE, GREY = "#2f6f9f", "#d9822b", "#bbbbbb"
"""colours of a picture's subject, the thing it is compared with, and a baseline"""

WIDTH = 10.0
"""inches; 1000 pixels at DPI, the width of a page in the web interfaces"""
DPI = 100


def new_figure(height: float, width: float = WIDTH, **options: Any) -> Figure:
    """Return an empty figure; height and width are in inches, `options` go to matplotlib's Figure."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), **{"dpi": DPI, **options})


def new_canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty white figure and one pair of axes that covers it, in pixels; y runs upwards."""
    figure = new_figure(height / DPI, width / DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return figure, axes


def style_axes(
    axes: Axes,
    title: str = "",
    label: str = "",
    *,
    grid: Literal["both", "x", "y"] | None = "both",
    title_size: float = 12,
    pad: float = 10,
) -> None:
    """Style axes the way all pictures here are styled: title at the left, no frame or ticks, a pale grid.

    label: the label of the x axis. pad: points between the title and the axes.
    """
    if title:
        axes.set_title(title, loc="left", fontsize=title_size, color=INK, pad=pad)
    if label:
        axes.set_xlabel(label, color=INK)
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)


def write_above(axes: Axes, x: float, y: float, text: str, align: str = "center") -> None:
    """Write a short text just above the point (x, y), in data coordinates."""
    axes.annotate(text, (x, y), textcoords="offset points", xytext=(0, 7), ha=align, fontsize=9, color=INK)


def to_png(figure: Figure, dpi: float | None = None) -> bytes:
    """Encode a figure as PNG; dpi defaults to the figure's own. Equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi="figure" if dpi is None else dpi)
    return buffer.getvalue()


def to_pdf(figure: Figure) -> bytes:
    """Encode a figure as PDF, without the date. Equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()
