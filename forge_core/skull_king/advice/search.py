"""Advice by a search over worlds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from forge_core.arena.players import Keys
from forge_core.skull_king.actions import BID_0
from forge_core.skull_king.advice.record import BidAdvice, PlayAdvice, legal_plays
from forge_core.skull_king.players import TableView
from forge_core.skull_king.search import SearchSettings, play_values
from forge_core.skull_king.state import layout as at


@dataclass(frozen=True, slots=True)
class SearchAdviser:
    """Values bids and plays over worlds that players by rules finish."""

    settings: SearchSettings = field(default_factory=SearchSettings)

    @property
    def advises_bids(self) -> bool:
        """See Adviser."""
        return True

    @property
    def note(self) -> str:
        """See Adviser."""
        of = self.settings
        return f"expected points over {of.worlds:,} worlds, finished by {of.me} and {of.others}"

    def bids(self, view: TableView, keys: Keys) -> list[BidAdvice]:
        """See Adviser."""
        values = play_values(view.host_rows, view.game.options, keys, self.settings)
        dealt = int(view.host_rows[0, at.DEALT])
        found = []
        for bid in range(dealt + 1):
            tricks = tuple(float(share) for share in values.tricks[0, BID_0 + bid, : dealt + 1])
            found.append(BidAdvice(bid, float(values.points[0, BID_0 + bid]), tricks))
        return found

    def plays(self, view: TableView, keys: Keys) -> list[PlayAdvice]:
        """See Adviser."""
        values = play_values(view.host_rows, view.game.options, keys, self.settings)
        return [PlayAdvice(action, float(values.points[0, action])) for action in legal_plays(view)]

    def describe(self) -> dict[str, Any]:
        """See Adviser."""
        return self.settings.describe()
