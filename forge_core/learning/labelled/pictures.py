"""Pictures of training and evaluation, as PNGs 1000 pixels wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.learning.labelled.metrics import TRAIN_FIGURE
from forge_core.pictures import BLUE, GREY, INK, ORANGE, new_figure, style_axes, to_png, write_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Model = tuple[Mapping[str, Any], str, str]
"""result of `evaluate_q`, colour, name"""


def draw_curve(points: Sequence[Mapping[str, float]], random: float | None = None) -> bytes:
    """Draw points lost per decision, and the training loss, against the number of rows trained on.

    points: the evaluations of the run. random: points lost per decision by random play. Raises BadInput
    if there are no evaluations.
    """
    figure, left, rows = _begin_curve(points, "rows")
    gaps = [point["decision_q_gap"] for point in points]
    style_axes(left, "Points lost per decision", "rows, millions")
    left.plot(rows, gaps, color=BLUE, marker="o", markersize=3.5, linewidth=1.6)
    best = int(np.argmin(gaps))
    write_above(left, rows[best], gaps[best], f"{gaps[best]:.2f}")
    sampled = [
        (row, point[TRAIN_FIGURE]) for row, point in zip(rows, points, strict=True) if TRAIN_FIGURE in point
    ]
    if sampled:
        left.plot(*zip(*sampled, strict=True), color=ORANGE, linewidth=1.6, label="on training rows")
        left.legend(frameon=False, fontsize=9, labelcolor=INK)
    if random is not None:
        left.axhline(random, color=GREY, linewidth=1.6)
        write_above(left, rows[-1], random, f"random play {random:.1f}", "right")
    left.set_ylim(0, 1.12 * max([*gaps, *(gap for _, gap in sampled), random or 0]))
    return to_png(figure)


def draw_gains(points: Sequence[Mapping[str, float]], figure: str, opponent: str) -> bytes:
    """Draw points per deal against an opponent, and the training loss, against the number of deals.

    points: the evaluations of the run. figure: name of the points per deal in an evaluation. Raises
    BadInput if there are no evaluations.
    """
    drawn, left, deals = _begin_curve(points, "deals")
    gains = [point[figure] for point in points]
    style_axes(left, f"Points per deal against {opponent}", "deals, millions")
    left.axhline(0, color=GREY, linewidth=1.6)
    left.plot(deals, gains, color=BLUE, marker="o", markersize=3.5, linewidth=1.6)
    write_above(left, deals[-1], gains[-1], f"{gains[-1]:+.2f}", "right")
    left.margins(y=0.15)
    return to_png(drawn)


def _begin_curve(points: Sequence[Mapping[str, float]], unit: str) -> tuple[Figure, Axes, list[float]]:
    """Begin a figure with the training loss on its right. Return it, its left axes, and units in millions.

    unit: plural noun for what `rows` of an evaluation counts. Raises BadInput if there are no evaluations.
    """
    if not points:
        raise BadInput("the run has no evaluation to draw: train until the first one")
    figure = new_figure(4.4)
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.97, top=0.84, bottom=0.14, wspace=0.2)
    rows = [point["rows"] / 1e6 for point in points]
    style_axes(right, "Loss in training", f"{unit}, millions")
    right.plot(rows, [point["loss"] for point in points], color=BLUE, linewidth=1.6)
    right.set_ylim(bottom=0)
    return figure, left, rows


def draw_gaps(
    measured: Mapping[str, Any],
    random: Mapping[str, Any],
    other: Mapping[str, Any] | None = None,
    *,
    group_title: str,
    group_names: Sequence[str] | None = None,
    ply_label: str,
    ply_ticks: Sequence[int],
) -> bytes:
    """Draw points lost per decision by ply and by group, next to random play and another model.

    measured, random, other: results of `evaluate_q` and `evaluate_random` with `decl` and `ply`.
    group_names: the name of each group number, by default the numbers. Raises BadInput if the figures
    per ply or per group are missing.
    """
    if "per_ply" not in measured or "per_decl" not in measured:
        raise BadInput("the picture needs figures per ply and per group: pass ply and decl to evaluate_q")
    figure = new_figure(4.8)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    figure.subplots_adjust(left=0.06, right=0.975, top=0.86, bottom=0.13, wspace=0.3)
    models: list[_Model] = [(random, GREY, "random play")]
    if other:
        models.append((other, ORANGE, "the other"))
    models.append((measured, BLUE, "this model"))

    style_axes(left, "Points lost per decision, by ply", ply_label)
    for found, color, label in models:
        plies, gaps = _gaps(found["per_ply"])
        left.plot(plies, gaps, color=color, marker="o", markersize=3.5, linewidth=1.6, label=label)
    left.set_ylim(bottom=0)
    left.set_xticks(ply_ticks)
    left.legend(frameon=False, fontsize=9, labelcolor=INK)
    style_axes(right, group_title, "points")
    _draw_groups(right, models, group_names)
    return to_png(figure)


def _draw_groups(axes: Axes, models: Sequence[_Model], names: Sequence[str] | None) -> None:
    """Draw a wide bar per group for random play, the first model, and thin bars over it for the others."""
    (random, color, _), *rivals = models
    groups: list[int] = sorted(rivals[-1][0]["per_decl"])
    axes.barh(groups, _aligned(random, groups), color=color, height=0.75, alpha=0.6)
    height, shifts = (0.45, [0.0]) if len(rivals) == 1 else (0.28, [0.16, -0.16])
    for (found, color, _), shift in zip(rivals, shifts, strict=True):
        axes.barh([group + shift for group in groups], _aligned(found, groups), color=color, height=height)
    for group, gap in zip(groups, _aligned(rivals[-1][0], groups), strict=True):
        axes.text(gap, group + shifts[-1], f" {gap:.2f}", va="center", fontsize=8, color=INK)
    axes.set_yticks(groups, [names[group] for group in groups] if names else [str(group) for group in groups])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)


def _gaps(per_group: Mapping[int, Mapping[str, float]]) -> tuple[list[int], list[float]]:
    """Return the groups that contain decisions, and the points lost per decision in each."""
    found = {
        int(group): entry["decision_q_gap"] for group, entry in per_group.items() if "decision_q_gap" in entry
    }
    return sorted(found), [found[group] for group in sorted(found)]


def _aligned(measured: Mapping[str, Any], groups: Sequence[int]) -> list[float]:
    found = dict(zip(*_gaps(measured["per_decl"]), strict=True))
    return [found.get(group, 0.0) for group in groups]
