"""A network on the ladder: its games against fixed opponents, and the Elo ratings of all of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from forge_core.arena.match import Match
from forge_core.arena.ratings import Rating
from forge_core.liuzhou.match import Comparison, OnOver, play_ladder, rate
from forge_core.liuzhou.players import make_player
from forge_core.liuzhou.players.names import ladder_name
from forge_core.liuzhou.settings.matches import ANCHOR, LadderSettings

LADDER_VERSION = "r1"
"""Raised when the same network gets different figures, because matches, opponents or the search changed."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The games of a player against the opponents of the ladder."""

    player: str
    """its name in matches and ratings"""
    matches: tuple[Match, ...]
    """its own first, in the order of the opponents; then those of the opponents among each other"""
    ratings: tuple[Rating, ...]
    """best first"""
    seconds: float

    @property
    def comparisons(self) -> list[Comparison]:
        """The figures of its own matches."""
        return [Comparison.of(match) for match in self.matches if match.a == self.player]

    @property
    def rating(self) -> Rating:
        """Its own rating."""
        return next(rating for rating in self.ratings if rating.name == self.player)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            "player": self.player,
            "matches": [Comparison.of(match).to_dict() for match in self.matches],
            "ratings": [rating.to_dict() for rating in self.ratings],
            "seconds": self.seconds,
        }


def count_games(settings: LadderSettings) -> int:
    """Return the number of games of a ladder."""
    n = len(settings.names)
    return 2 * settings.pairs * (n + n * (n - 1) // 2 if settings.cross else n)


def climb(
    model: str, settings: LadderSettings, device: str = "auto", on_over: OnOver | None = None
) -> Ladder:
    """Play a network, or any player, against the ladder, and rate all of them.

    model: folder of the network, or name of the player. on_over: see `play_match`. Raises BadInput,
    DeviceUnavailable.
    """
    started = time.perf_counter()
    names = [ladder_name(model, settings.sims), *settings.names]
    player, *opponents = (make_player(name, device) for name in names)
    matches = play_ladder(player, opponents, settings, settings.cross, on_over)
    ratings = rate(matches, ANCHOR if ANCHOR in settings.names else opponents[0].name)
    return Ladder(player.name, tuple(matches), tuple(ratings), time.perf_counter() - started)
