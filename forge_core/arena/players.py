"""The player protocol for any game: a player receives what a seat may know and returns legal actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from forge_core.game import Array, Game, State, choose, match_array
from forge_core.streams import uniform

Keys = npt.NDArray[np.uint64]
"""[N] one key per game and step; all random draws of a player come from it through `streams.mix`"""
View = Any
"""Everything that the seats to move in N games may know; see `view_of`."""


class Player(Protocol):
    """A player chooses actions. It keeps no position: everything it may know is passed to it."""

    @property
    def name(self) -> str:
        """The name used in reports."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return everything its actions depend on, as JSON types; equal for players that act alike."""
        ...

    def act(self, view: View, legal: Array, keys: Keys) -> Array:
        """Return [N] whole numbers: one legal action per game.

        legal: [N, A] bool, in the library and on the device of the game's arrays. The action of a game
        depends only on its own row and key, not on the other games in the batch.
        """
        ...


@dataclass(frozen=True, slots=True)
class RandomPlayer:
    """A player for any game that chooses among the legal actions with equal probability."""

    @property
    def name(self) -> str:
        """The name used in reports: `random`."""
        return "random"

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {"player": "random"}

    def act(self, view: View, legal: Array, keys: Keys) -> Array:
        """See Player."""
        return choose(legal, match_array(uniform(keys), legal))


def view_of(game: Game[State]) -> Callable[[State], View]:
    """Return the function that converts states to views: what the seats to move may know.

    If the game hides nothing, the view is the state itself, so that a player can search from it;
    otherwise it is the observation. A game may pass its own view to `play_games`, which must not reveal
    more than that.
    """
    return game.observe if game.facts.hidden else lambda state: state
