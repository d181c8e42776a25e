"""Views: rows without hidden cards, and the rules of the table, which is all that a player gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forge_core.game import Array, to_numpy
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at


@dataclass(frozen=True, slots=True, eq=False)
class TableView:
    """N tables as the seats that act may know them."""

    rows: Array
    """[N, WIDTH] rows from `state.view.hide_rows`"""
    game: SkullKingGame
    """the number of seats and the rules"""

    @classmethod
    def of(cls, game: SkullKingGame, state: Array) -> TableView:
        """Return the view of the seats to move."""
        return cls(game.view(state), game)

    @property
    def host_rows(self) -> at.Rows:
        """The rows as a contiguous numpy array."""
        return np.ascontiguousarray(to_numpy(self.rows), np.int64)

    def observe(self) -> tuple[Array, Array, Array]:
        """Return (bid, play, is_bid), the inputs of networks: see `state.doors.observe`."""
        return doors.observe(self.rows, self.rows[:, at.ACTOR], self.game.options, self.game.rules)
