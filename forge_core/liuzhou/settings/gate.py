"""Settings of the gate: the match in which a challenger meets the champion."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.liuzhou.settings.matches import LadderSettings, MatchSettings, PairSettings
from forge_core.settings import like


@dataclass(frozen=True, slots=True)
class GateSettings(PairSettings):
    """Settings of the match that decides, by a sequential test."""

    pairs: int = like(
        PairSettings,
        "pairs",
        default=400,
        help="Most pairs of games; a sequential test ends the match sooner where it can.",
    )
    sims: int = like(
        LadderSettings,
        "sims",
        help="Simulations of both networks per action; 0: their policies alone.",
    )
    margin: float = like(MatchSettings, "margin")
