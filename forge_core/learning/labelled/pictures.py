"""Pictures of training and evaluation: PNGs 1000 pixels wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.pictures import BLUE, GREY, INK, ORANGE, new_figure, style_axes, to_png, write_above


def draw_curve(points: Sequence[Mapping[str, float]], random: float | None = None) -> bytes:
    """Points lost a decision and loss, against rows learnt from; `random`: what random play loses.

    points: as `train` reports them. Raises BadInput for none.
    """
    if not points:
        raise BadInput("there is no evaluation to draw: train until the first one")
    figure = new_figure(4.4)
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.97, top=0.84, bottom=0.14, wspace=0.2)
    rows = [point["rows"] / 1e6 for point in points]
    gaps = [point["decision_q_gap"] for point in points]
    style_axes(left, "Points lost a decision", "rows, millions")
    left.plot(rows, gaps, color=BLUE, marker="o", markersize=3.5, linewidth=1.6)
    best = int(np.argmin(gaps))
    write_above(left, rows[best], gaps[best], f"{gaps[best]:.2f}")
    if random is not None:
        left.axhline(random, color=GREY, linewidth=1.6)
        write_above(left, rows[-1], random, f"random play {random:.1f}", "right")
    left.set_ylim(0, 1.12 * max([*gaps, random or 0]))
    style_axes(right, "Loss in training", "rows, millions")
    right.plot(rows, [point["loss"] for point in points], color=BLUE, linewidth=1.6)
    right.set_ylim(bottom=0)
    return to_png(figure)


def draw_progress(
    seeds: Sequence[int], challengers: Sequence[float], champions: Sequence[float | None]
) -> bytes:
    """Points lost a decision by who challenged and by who then was champion, against seeds learnt from.

    One of each an iteration, in order; None: no champion yet. Raises BadInput for no iteration.
    """
    if not seeds:
        raise BadInput("no iteration is over: there is nothing to draw yet")
    figure = new_figure(4.4)
    axes = figure.subplots()
    figure.subplots_adjust(left=0.075, right=0.97, top=0.84, bottom=0.14)
    style_axes(axes, "Points lost a decision, golden val", "training seeds so far")
    ring = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "linewidth": 0}
    axes.plot(
        seeds, challengers, color=ORANGE, label="challenger", **ring
    )  # around the champion's, if promoted
    crowned = {n: gap for n, gap in zip(seeds, champions, strict=True) if gap is not None}
    if crowned:
        line = list(crowned), list(crowned.values())
        axes.plot(*line, color=BLUE, marker="o", markersize=4, linewidth=1.6, label="champion")
        write_above(axes, line[0][-1], line[1][-1], f"{line[1][-1]:.3f}")
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    figures = [*challengers, *crowned.values()]
    low, high = min(figures), max(figures)
    room = max(0.02, 0.25 * (high - low))
    axes.set_ylim(max(0, low - room), high + room)
    return to_png(figure)


def draw_gaps(
    measured: Mapping[str, Any],
    random: Mapping[str, Any],
    names: Sequence[str] | None = None,
    other: Mapping[str, Any] | None = None,
) -> bytes:
    """Points lost a decision per ply and per declaration, beside random play and another model.

    measured, random, other: of `evaluate_q` and `evaluate_random` with decl and ply; names:
    of the declarations. Raises BadInput where they were not given.
    """
    if "per_ply" not in measured or "per_decl" not in measured:
        raise BadInput("gaps are drawn per ply and declaration: give evaluate_q both")
    figure = new_figure(4.8)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    figure.subplots_adjust(left=0.06, right=0.975, top=0.86, bottom=0.13, wspace=0.3)
    models = [
        (random, GREY, "random play"),
        (other, ORANGE, "the other"),
        (measured, BLUE, "this model"),
    ]

    style_axes(left, "Points lost a decision, by ply", "plays made before")
    for found, color, label in models:
        if found:
            plies, gaps = _gaps(found["per_ply"])
            left.plot(plies, gaps, color=color, marker="o", markersize=3.5, linewidth=1.6, label=label)
    left.set_ylim(bottom=0)
    left.set_xticks(range(0, 28, 4))
    left.legend(frameon=False, fontsize=9, labelcolor=INK)

    style_axes(right, "By declaration", "points")
    groups = sorted(measured["per_decl"])
    shown = [label for found, _, label in models if found]
    for found, color, label in models:
        if not found:
            continue
        if label == "random play":
            right.barh(groups, _aligned(found, groups), color=color, height=0.75, alpha=0.6)
        else:
            thick = 0.45 if len(shown) == 2 else 0.28
            shift = 0.0 if len(shown) == 2 else (-0.16 if label == "this model" else 0.16)
            places = [group + shift for group in groups]
            right.barh(places, _aligned(found, groups), color=color, height=thick)
    for group, gap in zip(groups, _aligned(measured, groups), strict=True):
        right.text(
            gap, group - (0.16 if len(shown) == 3 else 0), f" {gap:.2f}", va="center", fontsize=8, color=INK
        )
    right.set_yticks(groups, [names[group] if names else str(group) for group in groups])
    right.invert_yaxis()
    right.grid(axis="y", visible=False)
    return to_png(figure)


def _gaps(per_group: Mapping[int, Mapping[str, float]]) -> tuple[list[int], list[float]]:
    """Groups with a decision, and what a decision in each loses."""
    found = {
        int(group): entry["decision_q_gap"] for group, entry in per_group.items() if "decision_q_gap" in entry
    }
    return sorted(found), [found[group] for group in sorted(found)]


def _aligned(measured: Mapping[str, Any], groups: Sequence[int]) -> list[float]:
    found = dict(zip(*_gaps(measured["per_decl"]), strict=True))
    return [found.get(group, 0.0) for group in groups]
