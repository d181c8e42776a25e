"""Pictures of the deals in a store of shards: their values and sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from forge_core.pictures import BLUE, INK, ORANGE, SOFT, new_figure, style_axes, to_png
from forge_core.splits import Split
from forge_core.streams import stream
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.oracle.catalog import Catalog
from forge_core.texas42.oracle.shards import ShardHeader

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_POINTS = 200
"""points drawn per declaration, evenly spaced; the box and the figures in the margin use all deals"""


def draw_root_values(catalog: Catalog) -> bytes:
    """Draw the value of deals for team 0, which leads, by declaration, as a PNG 1000 pixels wide.

    The test split is left out because its labels are sealed.
    """
    values = _by_declaration(catalog, lambda header: header.root_value, sealed=True)
    label = "value at the root: points of team 0, which leads, minus those of team 1"
    figure = _figure("Value of deals by declaration (train and val)", label)
    axes = figure.axes[0]
    axes.set_xlim(-45, 45)
    axes.set_xticks(range(-42, 43, 14))
    axes.xaxis.set_major_formatter(lambda tick, _: f"{tick:+.0f}" if tick else "0")
    axes.axvline(0, color=INK, linewidth=0.8)
    _draw_rows(figure, values, spread=0.6)
    _draw_margin(figure, values, "mean", lambda of_decl: f"{of_decl.mean():+.1f}")
    return to_png(figure)


def draw_states(catalog: Catalog) -> bytes:
    """Draw the number of states per deal, by declaration, as a PNG 1000 pixels wide."""
    states = _by_declaration(catalog, lambda header: sum(header.states_per_ply) / 1e6, sealed=False)
    figure = _figure("Size of deals by declaration", "reachable states in millions, logarithmic scale")
    axes = figure.axes[0]
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda tick, _: f"{tick:g}")
    _draw_rows(figure, states, spread=0.0)
    _draw_margin(figure, states, "median", lambda of_decl: f"{np.median(of_decl):.1f}")
    return to_png(figure)


def _by_declaration(
    catalog: Catalog, measure: Callable[[ShardHeader], float], sealed: bool
) -> list[np.ndarray]:
    """Return ten arrays: the measure of every shard by declaration, without test shards if `sealed`."""
    groups: list[list[float]] = [[] for _ in NAMES]
    for entry in catalog.entries:
        if not (sealed and entry.split is Split.TEST):
            groups[entry.header.decl].append(measure(entry.header))
    return [np.array(group, dtype=np.float64) for group in groups]


def _figure(title: str, label: str) -> Figure:
    figure = new_figure(5.2)
    figure.subplots_adjust(left=0.125, right=0.845, top=0.87, bottom=0.115)
    axes = figure.add_subplot()
    style_axes(axes, title, label, grid="x", title_size=13, pad=26)
    guide = f"point: one deal (at most {_MOST_POINTS} per row); box: middle half; line in the box: median"
    axes.text(0, 1.025, guide, transform=axes.transAxes, fontsize=9, color=SOFT)
    axes.set_yticks(range(len(NAMES)), NAMES)
    axes.set_ylim(len(NAMES) - 0.4, -0.6)
    return figure


def _draw_rows(figure: Figure, values: list[np.ndarray], spread: float) -> None:
    """Draw one row per declaration: jittered points over a box of the middle half."""
    axes = figure.axes[0]
    jitter = stream(0, "jitter")
    for row, of_decl in enumerate(values):
        if not len(of_decl):
            continue
        low, median, high = np.percentile(of_decl, [25, 50, 75])
        axes.barh(row, high - low, left=low, height=0.62, color=ORANGE, alpha=0.25, linewidth=0)
        axes.plot([median, median], [row - 0.31, row + 0.31], color=ORANGE, linewidth=2)
        shown = of_decl[:: max(1, -(-len(of_decl) // _MOST_POINTS))]
        x = shown + jitter.uniform(-spread, spread, len(shown))
        y = row + jitter.uniform(-0.24, 0.24, len(shown))
        alpha = 0.8 if len(shown) <= 60 else 0.35
        axes.scatter(x, y, s=16, color=BLUE, alpha=alpha, linewidths=0)


def _draw_margin(
    figure: Figure, values: list[np.ndarray], name: str, summary: Callable[[np.ndarray], str]
) -> None:
    """Write, to the right of each row, the number of deals and one summary figure."""
    axes = figure.axes[0]
    rows = [(f"{len(of_decl):,}", summary(of_decl) if len(of_decl) else "") for of_decl in values]
    for row, cells in enumerate([("deals", name), *rows], start=-1):
        for cell, x in zip(cells, (1.08, 1.18), strict=True):
            axes.text(
                x,
                row,
                cell,
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                fontsize=9,
                color=SOFT if row < 0 else INK,
            )
