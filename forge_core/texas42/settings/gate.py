"""Settings of the gate: on how many rows or deals a challenger meets the champion."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.settings import like, setting
from forge_core.texas42.settings.matches import MARGINS, MatchSettings
from forge_core.texas42.settings.scores import ScoreSettings


@dataclass(frozen=True, slots=True)
class GateSettings(ScoreSettings):
    """Rows for networks that see all hands; for Stage-2 players duplicate deals, and when they are enough."""

    deals: int | None = like(
        MatchSettings,
        "deals",
        help="Stage 2: most deals of the match; their seeds are of the val split, which teaches no network.",
    )
    margin: float = setting(
        MARGINS["points"],
        "Stage 2: points per deal by which the match tells a better player from an equal one.",
    )
