"""A player of any game: it is handed what a seat may know, and answers with legal actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from forge_core.game import Array, Game, State, choose, match_array
from forge_core.streams import uniform

Keys = npt.NDArray[np.uint64]
"""[N] one key per game and step; all that a player draws at random comes from it, by `streams.mix`"""
View = Any
"""What the seats to move in N games may know: see `view_of`."""


class Player(Protocol):
    """Chooses actions. It never holds a position: whatever it may know is handed to it."""

    @property
    def name(self) -> str:
        """The name that reports print."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return all that its actions depend on, JSON types: players that act alike describe the same."""
        ...

    def act(self, view: View, legal: Array, keys: Keys) -> Array:
        """Return [N] a legal action per game, whole numbers.

        legal: [N, A] bool, in the library and on the device of the game's arrays. An action depends
        on the row and key of its own game, not on the other games of the batch.
        """
        ...


@dataclass(frozen=True, slots=True)
class RandomPlayer:
    """Any legal action with equal probability, in any game."""

    @property
    def name(self) -> str:
        """`random`."""
        return "random"

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {"player": "random"}

    def act(self, view: View, legal: Array, keys: Keys) -> Array:
        """See Player."""
        return choose(legal, match_array(uniform(keys), legal))


def view_of(game: Game[State]) -> Callable[[State], View]:
    """Return the function that turns states into what the seats to move may know.

    In a game that hides nothing this is the state itself, so that a player can search from it;
    elsewhere it is the observation. A game may hand `play_games` a view of its own that holds no more.
    """
    return game.observe if game.facts.hidden else lambda state: state
