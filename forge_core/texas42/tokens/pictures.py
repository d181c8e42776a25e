"""Pictures of networks on the Texas 42 benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forge_core.learning.labelled.pictures import draw_gaps
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.dominoes import N_PLAYS, N_SEATS


def draw_golden_gaps(
    measured: Mapping[str, Any], random: Mapping[str, Any], other: Mapping[str, Any] | None = None
) -> bytes:
    """Draw points lost per decision, by ply and by declaration: see `draw_gaps`."""
    return draw_gaps(
        measured,
        random,
        other,
        group_title="By declaration",
        group_names=NAMES,
        ply_label="plays made before",
        ply_ticks=range(0, N_PLAYS, N_SEATS),
    )
