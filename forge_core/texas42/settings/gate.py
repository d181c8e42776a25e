"""User settings of the gate: the number of rows or deals on which challenger and champion are compared."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.settings import like, setting
from forge_core.texas42.settings.matches import MARGINS, MatchSettings
from forge_core.texas42.settings.scores import ScoreSettings


@dataclass(frozen=True, slots=True)
class GateSettings(ScoreSettings):
    """Settings of the gate: rows for networks that see all hands, duplicate deals for Stage-2 players."""

    deals: int | None = like(
        MatchSettings,
        "deals",
        help="Stage 2: maximum number of deals in the match; they come from the val split.",
    )
    margin: float = setting(
        MARGINS["points"],
        "Stage 2: difference in points per deal that the match's test can detect.",
    )
