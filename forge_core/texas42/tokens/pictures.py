"""Pictures of networks on the Texas 42 benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forge_core.learning.labelled.pictures import draw_gaps
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.dominoes import N_PLAYS, N_SEATS


def draw_golden_gaps(report: Mapping[str, Any]) -> bytes:
    """Draw points lost per decision, by ply and by declaration: see `draw_gaps`.

    report: that of `forge_core.texas42.scoring.report_of`.
    """
    against = report["against"]
    return draw_gaps(
        report["decisions"],
        report["random"]["decisions"],
        against and against["decisions"],
        group_title="By declaration",
        group_names=NAMES,
        ply_label="plays made before",
        ply_ticks=range(0, N_PLAYS, N_SEATS),
    )
