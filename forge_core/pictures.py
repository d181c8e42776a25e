"""The palette of all pictures, and how a figure is begun, styled and encoded.

Matplotlib is imported when a picture is drawn, not with this module. A figure is made without
pyplot: nothing global is changed, and any thread may draw.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, FAINT = "#333333", "#777777", "#dddddd"
"""of text, of text that matters less, of grid lines"""
BLUE, ORANGE, GREY = "#2f6f9f", "#d9822b", "#bbbbbb"
"""of the subject of a picture, of what it is compared with, of a baseline"""

WIDTH = 10.0
"""inches; at DPI this gives 1000 pixels, the width of a page in the web interfaces"""
DPI = 100


def new_figure(height: float, width: float = WIDTH, **options: Any) -> Figure:
    """Return an empty figure of so many inches; `options` go to matplotlib's Figure."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), **{"dpi": DPI, **options})


def style_axes(
    axes: Axes,
    title: str = "",
    label: str = "",
    *,
    grid: Literal["both", "x", "y"] | None = "both",
    title_size: float = 12,
    pad: float = 10,
) -> None:
    """Give axes the look of this project: a title at the left, no frame, no tick marks, a pale grid.

    label: of the x axis. pad: points between the title and the axes.
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
    """Write a short text just above the point (x, y) of the data."""
    axes.annotate(text, (x, y), textcoords="offset points", xytext=(0, 7), ha=align, fontsize=9, color=INK)


def to_png(figure: Figure, dpi: float | None = None) -> bytes:
    """Encode a figure as PNG, at its own resolution or another. Equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi="figure" if dpi is None else dpi)
    return buffer.getvalue()


def to_pdf(figure: Figure) -> bytes:
    """Encode a figure as PDF, without the date. Equal figures give equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()
