"""Players that are compiled: by rules, and by search. A lockstep runs them in one kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forge_core.arena.players import Keys
from forge_core.device import core_count
from forge_core.game import Array, match_array
from forge_core.kernels import kernel
from forge_core.learning.threads import Pieces
from forge_core.skull_king.bots import BOT_NAMES
from forge_core.skull_king.lockstep import SEARCH, bot_action, bot_numbers
from forge_core.skull_king.players.view import TableView
from forge_core.skull_king.search import SearchSettings, search_actions
from forge_core.skull_king.state import layout as at
from forge_core.streams import keys_from


@dataclass(frozen=True, slots=True)
class RulePlayer:
    """A player by simple rules: random, easy, medium, hard or captain."""

    name: str

    @property
    def bot(self) -> tuple[int, ...]:
        """The player as kernels read it."""
        return bot_numbers(BOT_NAMES.index(self.name))

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {"player": self.name}

    def act(self, view: TableView, legal: Array, keys: Keys | np.random.Generator) -> Array:
        """See Player; a generator draws the keys."""
        rows = view.host_rows
        chosen = np.empty(len(rows), np.int64)
        act_batch(rows, np.array(self.bot), view.game.options, keys_from(keys, len(rows)), chosen)
        return match_array(chosen, legal)


@kernel
def act_batch(rows, bot, options, keys, chosen):
    """Write the action of a compiled player in each row to `chosen` [N]."""
    buffer = np.empty(at.MOST_ACTIONS, np.int64)
    for n in range(len(rows)):
        chosen[n] = bot_action(rows[n], bot, options, keys[n], buffer)


@dataclass(frozen=True, slots=True)
class SearchPlayer:
    """Takes the action of the greatest value in worlds that fit what it knows; see `search`."""

    name: str
    settings: SearchSettings
    pieces: Pieces = field(default_factory=lambda: Pieces(core_count()), compare=False, repr=False)
    """threads that share the tables"""

    @property
    def bot(self) -> tuple[int, ...]:
        """The player as kernels read it."""
        return bot_numbers(SEARCH, self.settings)

    def describe(self) -> dict[str, Any]:
        """See Player; it names whom the rollouts take the others to be."""
        return {"player": "search", **self.settings.describe()}

    def act(self, view: TableView, legal: Array, keys: Keys | np.random.Generator) -> Array:
        """See Player; a generator draws the keys."""
        rows = view.host_rows
        keys = keys_from(keys, len(rows))
        chosen = search_actions(rows, view.game.options, keys, self.settings, self.pieces)
        return match_array(chosen, legal)
