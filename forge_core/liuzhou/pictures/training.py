"""The curve of a training run: its losses, and what the games of its self-play came to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from forge_core.errors import BadInput
from forge_core.pictures import BLUE, GREY, ORANGE, new_figure, style_axes, to_png

_LOSSES = {"policy_loss": ("policy", BLUE), "wdl_loss": ("win, draw, loss", ORANGE)}
_LOSSES |= {"difference_loss": ("difference", GREY)}


def draw_training(points: Sequence[Mapping[str, float]]) -> bytes:
    """Draw the losses of a run, and of live games the draws and the leads, against positions, as a PNG.

    points: as `train` reports them. Raises BadInput for no points.
    """
    if not points:
        raise BadInput("there is no point to draw: train until the first one")
    is_live = "drawn" in points[-1]
    figure = new_figure(4.2)
    axes = figure.subplots(1, 2 if is_live else 1, squeeze=False)[0]
    figure.subplots_adjust(left=0.07, right=0.93, top=0.84, bottom=0.15, wspace=0.22)
    positions = [point["rows"] / 1e3 for point in points]
    style_axes(axes[0], "Losses", "positions, thousands")
    for name, (label, colour) in _LOSSES.items():
        losses = [point.get(name, math.nan) for point in points]  # without steps there is none
        axes[0].plot(positions, losses, color=colour, marker="o", markersize=3, linewidth=1.6, label=label)
    axes[0].set_ylim(bottom=0)
    axes[0].legend(frameon=False, fontsize=9)
    if is_live:
        style_axes(axes[1], "Games drawn; dashed: lead at the end, in stones", "positions, thousands")
        axes[1].plot(positions, [point["drawn"] for point in points], color=BLUE, linewidth=1.6)
        axes[1].set_ylim(0, 1)
        leads = axes[1].twinx()
        leads.plot(positions, [point["lead"] for point in points], color=ORANGE, linestyle="--")
        style_axes(leads, grid=None)
        leads.set_ylim(0, 18)
    return to_png(figure)
