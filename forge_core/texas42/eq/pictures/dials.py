"""Two dials: how many worlds the estimate used, and how clear the decision was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forge_core.pictures import FAINT, SOFT
from forge_core.texas42.eq.pictures.canvas import write
from forge_core.texas42.eq.scenes import Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DIAL = "#5b7f5b"


def draw_dials(ax: Axes, scene: Scene) -> None:
    """Draw both dials: effective worlds as a share of those used, and the lead of the best play."""
    fitting = f"{scene.world_count:,} that fit"
    notes = (f"{scene.n_worlds:,} sampled", f"of {fitting}")
    if scene.is_exact:
        notes = ("the only one that fits" if scene.world_count == 1 else f"all {fitting}", "")
    _draw_dial(ax, 1205, "Worlds", scene.ess / scene.n_worlds, _QUARTERS, f"ESS {scene.ess:,.1f}", notes)
    lead = scene.lead_in_errors
    if lead is None:
        _draw_dial(ax, 1455, "Decision", 0, (), "forced", ("one legal play", ""))
        return
    ahead = sorted(option.behind for option in scene.options)[1]
    errors = "no sampling error" if math.isinf(lead) else f"{lead:.1f} standard errors"
    notes = (f"best by {ahead:.1f} points", errors) if ahead >= 0.05 else ("two plays are equal", "")
    named = next(name for most, name in _CLARITY if lead <= most)
    marks = [_turn(most) for most, _ in _CLARITY[:-1]]
    _draw_dial(ax, 1455, "Decision", _turn(lead), marks, named, notes)


_QUARTERS = (0.25, 0.5, 0.75)
_CLARITY = ((1.0, "a toss-up"), (2.0, "close"), (4.0, "clear"), (math.inf, "sure"))
"""names for the lead of the best play over the second: each with its upper limit in standard errors"""


def _turn(errors: float) -> float:
    """Return how far a dial turns, 0..1, for a lead of this many standard errors."""
    return 1 - math.exp(-errors / 3)


def _draw_dial(
    ax: Axes, x: float, title: str, share: float, marks: Sequence[float], reading: str, notes: tuple[str, str]
) -> None:
    """Draw a half ring, filled from the left up to `share`."""
    from matplotlib.patches import Wedge

    y, radius, width = 786, 78, 19
    write(ax, x, 884, title, 14, ha="center", weight="bold")
    for part, color in ((1.0, FAINT), (min(share, 1.0), _DIAL)):
        ax.add_patch(Wedge((x, y), radius, 180 * (1 - part), 180, width=width, facecolor=color, linewidth=0))
    for mark in marks:
        ray = np.exp(1j * math.pi * (1 - mark)) * np.array((radius - width, radius))
        ax.plot(x + ray.real, y + ray.imag, color="white", linewidth=2, solid_capstyle="butt")
    write(ax, x, y + 13, reading, 14, ha="center", weight="bold")
    for line, note in enumerate(notes):
        write(ax, x, y - 16 - 20 * line, note, 12, SOFT, ha="center")
