"""Pictures of bids: statements about them against results, and tricks won for each bid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.pictures import BLUE, GREY, INK, ORANGE, new_figure, style_axes, to_png
from forge_core.skull_king.calibration import Calibration

RARE = 0.005
"""share of the rounds below which a cell of the map of bids has no number"""
LARGEST_MARK = 300.0
"""area of the mark of the most frequent bid, in square points"""


def draw_calibration(calibration: Calibration, tricks: npt.NDArray[np.int64]) -> bytes:
    """Draw, by bid, the stated probability against the share of hits, and expected tricks against tricks won.

    tricks: [11, 11] the same rounds by bid and tricks won. The result is a PNG 1000 pixels wide.
    """
    made = np.flatnonzero(calibration.counts)
    won = (tricks @ np.arange(tricks.shape[1]))[made] / tricks.sum(1)[made]
    figure = new_figure(4.6)
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.985, top=0.88, bottom=0.14, wspace=0.2)
    sizes = 12 + LARGEST_MARK * calibration.counts[made] / calibration.counts.max()
    hit, stated = calibration.met[made], calibration.stated[made]
    error = np.sqrt(np.maximum(hit * (1 - hit), 1e-9) / calibration.counts[made])
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1.2)
    left.errorbar(stated, hit, yerr=1.96 * error, fmt="none", ecolor=BLUE, alpha=0.5)
    left.scatter(stated, hit, s=sizes, color=BLUE, alpha=0.55, linewidths=0)
    for bid, x, y in zip(made.tolist(), stated, hit, strict=True):
        left.annotate(str(bid), (x, y), ha="center", va="center", fontsize=9, color=INK)
    low = max(0.0, min(float(stated.min()), float(hit.min())) - 0.1)
    left.set_xlim(low, 1)
    left.set_ylim(low, 1)
    title = f"Bids met, by bid; calibration error {calibration.error:.3f}"
    style_axes(left, title, "stated probability (area: rounds; bars: 95 %)")
    right.bar(made - 0.2, calibration.expected[made], width=0.38, color=GREY, label="expected when bidding")
    right.bar(made + 0.2, won, width=0.38, color=BLUE, label="won")
    right.plot(made, made, color=ORANGE, marker="_", markersize=26, linestyle="none", label="bid")
    right.set_xticks(made)
    right.margins(y=0.25)
    right.legend(frameon=False, fontsize=9, loc="upper left")
    style_axes(right, "Tricks", "bid", grid="y")
    return to_png(figure)


def draw_tricks(tricks: npt.NDArray[np.int64], title: str) -> bytes:
    """Draw the rounds by bid and by tricks won as a heat map, a PNG 1000 pixels wide.

    tricks: [11, 11] rounds by bid and tricks won. Raises BadInput for no rounds.
    """
    total = int(tricks.sum())
    if not total:
        raise BadInput("there are no rounds to draw: play some first")
    n_bids, n_won = (int(np.flatnonzero(tricks.any(axis)).max()) + 1 for axis in (1, 0))
    shown = tricks[:n_bids, :n_won]
    shares = shown / np.maximum(1, shown.sum(1, keepdims=True))
    figure = new_figure(1.4 + 0.42 * n_bids)
    axes = figure.add_axes((0.06, 0.75 / figure.get_figheight(), 0.77, 1 - 1.3 / figure.get_figheight()))
    axes.imshow(
        np.where(shown.sum(1, keepdims=True) > 0, shares, 0), cmap="Blues", vmin=0, vmax=1, aspect="auto"
    )
    for bid in range(n_bids):
        n = int(shown[bid].sum())
        for won in range(n_won):
            if shown[bid, won] >= max(1, RARE * total) or (n and won == bid):
                ink = "white" if shares[bid, won] > 0.55 else INK
                axes.text(
                    won, bid, f"{shares[bid, won]:.0%}", ha="center", va="center", fontsize=9, color=ink
                )
        axes.text(n_won - 0.35, bid, f"{n:,} rounds" if n else "", va="center", fontsize=9, color=INK)
    axes.set_xticks(range(n_won))
    axes.set_yticks(range(n_bids), [f"bid {bid}" for bid in range(n_bids)])
    style_axes(axes, title, "tricks won; each row sums to 100 %", grid=None)
    return to_png(figure)
