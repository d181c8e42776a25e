"""The learning curve of a network: its score against CPU seconds, next to players that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forge_core.errors import BadInput
from forge_core.pictures import BLUE, INK, ORANGE, SOFT, new_figure, style_axes, to_png, write_above

YARDSTICK = {"hard": 93.0, "captain": 149.0, "search:100": 310.0}
"""scores against three hards: those of `forge skull-king yardstick`, and of `forge skull-king evaluate
search:100`"""


def draw_training(points: Sequence[Mapping[str, float]]) -> bytes:
    """Draw score and share of bids met against CPU seconds, at two tables, as a PNG 1000 pixels wide.

    points: as `train` reports them. Raises BadInput for no points.
    """
    if not points:
        raise BadInput("there is no point to draw: train until the first one")
    figure = new_figure(4.4)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    figure.subplots_adjust(left=0.07, right=0.985, top=0.87, bottom=0.14, wspace=0.16)
    seconds = [point["cpu_seconds"] for point in points]
    for name, colour, label in (("hard", BLUE, "3 hard"), ("captain", ORANGE, "3 captains")):
        scores = [point[f"{name}_score"] for point in points]
        style = {
            "color": colour,
            "marker": "o",
            "markersize": 3,
            "linewidth": 1.6,
            "label": f"against {label}",
        }
        left.plot(seconds, scores, **style)
        right.plot(seconds, [point[f"{name}_hit"] for point in points], **style)
    margin = 0.18 * max(1.0, seconds[-1])
    for name, score in YARDSTICK.items():
        left.axhline(score, color=SOFT, linewidth=0.8, linestyle="--")
        left.text(seconds[-1] + margin, score, name, ha="right", va="bottom", fontsize=9, color=SOFT)
    left.set_xlim(right=seconds[-1] + margin)
    write_above(left, seconds[-1], points[-1]["hard_score"], f"{points[-1]['hard_score']:+.0f}")
    note = "CPU seconds, evaluations included"
    style_axes(left, "Score of a game; dashed: other players against 3 hard", note)
    style_axes(right, "Share of bids met", note)
    right.set_ylim(0, 1)
    left.axhline(0, color=INK, linewidth=0.8)
    left.legend(frameon=False, fontsize=9, loc="lower right")
    return to_png(figure)
