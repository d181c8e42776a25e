"""Settings of the gate: the games in which a challenger meets the champion's score."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.arena import settings as arena
from forge_core.settings import like, setting
from forge_core.skull_king.settings.evaluation import read_deals, seeds_of_split
from forge_core.splits import Split

PROMOTION_DEALS = 2_000
"""deals of the test of a champion: twice those of an evaluation, since each challenger is one more chance for
luck"""


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Settings of the test that decides who is champion."""

    deals: int = setting(
        PROMOTION_DEALS,
        "Number of deals of the test split; each is played in every seat, at every table.",
        read=read_deals,
    )
    seed: int = like(arena.MatchSettings, "seed")

    @property
    def seeds(self) -> list[int]:
        """The seeds of the deals."""
        return seeds_of_split(self.deals, Split.TEST)
