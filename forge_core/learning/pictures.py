"""The picture of networks that are taught one after another: challengers, and the champions among them."""

from __future__ import annotations

from collections.abc import Sequence

from forge_core.errors import BadInput
from forge_core.pictures import BLUE, ORANGE, new_figure, style_axes, to_png, write_above


def draw_progress(
    amounts: Sequence[int],
    challengers: Sequence[float],
    champions: Sequence[float | None],
    *,
    title: str,
    amount_label: str,
    decimals: int = 3,
    floor: float | None = None,
) -> bytes:
    """Draw a figure of each challenger and champion against the data learnt from, as a PNG.

    One of each per iteration, in order; champions: None as long as there is none, or its figure is unknown.
    title: the figure, with its unit. amount_label: what `amounts` count. decimals: of the champion's figure.
    floor: the axis does not go below it. Raises BadInput for no iteration.
    """
    if not amounts:
        raise BadInput("no iteration has finished, so there is nothing to draw: wait for the first one")
    figure = new_figure(4.4)
    axes = figure.subplots()
    figure.subplots_adjust(left=0.075, right=0.97, top=0.84, bottom=0.14)
    style_axes(axes, title, amount_label)
    ring = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "linewidth": 0}
    # a promoted challenger appears as a ring around the champion's point
    axes.plot(amounts, challengers, color=ORANGE, label="challenger", **ring)
    reigning = {n: value for n, value in zip(amounts, champions, strict=True) if value is not None}
    if reigning:
        line = list(reigning), list(reigning.values())
        axes.plot(*line, color=BLUE, marker="o", markersize=4, linewidth=1.6, label="champion")
        write_above(axes, line[0][-1], line[1][-1], f"{line[1][-1]:.{decimals}f}")
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    figures = [*challengers, *reigning.values()]
    low, high = min(figures), max(figures)
    room = max(0.02, 0.25 * (high - low))
    axes.set_ylim(low - room if floor is None else max(floor, low - room), high + room)
    return to_png(figure)
