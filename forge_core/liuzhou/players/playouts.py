"""The player that searches with random games, without a network."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from forge_core.arena.players import Keys, View
from forge_core.device import core_count
from forge_core.game import Array
from forge_core.learning.threads import Pieces
from forge_core.liuzhou.players.choice import as_actions, choose_best, rows_of
from forge_core.liuzhou.playouts import PlayoutSettings, search_by_playouts
from forge_core.streams import mix

DRAW_WORTH, DRAW_SCALE = 0.5, 8.0
"""The most that a drawn game counts, and the lead in stones at which it does. Nine in ten random games are
drawn: without this, only one game in ten would tell actions apart."""


@dataclass(frozen=True, slots=True)
class PlayoutPlayer:
    """Takes the action that UCT visits most, each simulation of which ends in one random game."""

    sims: int
    pieces: Pieces = field(default_factory=lambda: Pieces(core_count()), compare=False, repr=False)
    """threads that share the positions"""

    @property
    def name(self) -> str:
        """`playouts:256`."""
        return f"playouts:{self.sims}"

    @property
    def settings(self) -> PlayoutSettings:
        """Settings of its search."""
        return PlayoutSettings(self.sims, beta=DRAW_WORTH, draw_scale=DRAW_SCALE)

    def describe(self) -> dict[str, Any]:
        """See Player."""
        search = self.settings
        return {
            "player": "playouts",
            "sims": search.sims,
            "c": search.c,
            "beta": search.beta,
            "draw_scale": search.draw_scale,
        }

    def act(self, view: View, legal: Array, keys: Keys) -> Array:
        """See Player."""
        n = min(self.pieces.n, len(keys))
        shares = zip(np.array_split(rows_of(view), n), np.array_split(mix(keys, 0), n), strict=True)
        found = self.pieces.run(
            [partial(search_by_playouts, rows, self.settings, seeds) for rows, seeds in shares]
        )
        actions = np.concatenate([part.actions for part in found])
        visits = np.concatenate([part.visits for part in found])
        return as_actions(choose_best(actions, visits, mix(keys, 1)), legal)
