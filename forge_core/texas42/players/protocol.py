"""Who plays: by what one hand can know, or, under a name that says so, seeing all four."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from forge_core.texas42.games import Games
from forge_core.texas42.views import Views

Keys = npt.NDArray[np.uint64]
"""[N] of all that is drawn in each game; a play draws from `streams.mix` of it and its step"""
Slots = npt.NDArray[np.int64]
"""[N] the play: a slot of the hand as dealt"""


@runtime_checkable
class Player(Protocol):
    """Plays by what a hand can know: it is given Views, which hold that and nothing else."""

    @property
    def name(self) -> str:
        """As `parse_player` reads it."""
        ...

    def describe(self) -> dict[str, Any]:
        """All that its plays depend on, JSON types: players that play alike say the same."""
        ...

    def slots(self, views: Views, keys: Keys) -> Slots:
        """A legal play in each of N games. It depends on view and key, not on the games beside it."""
        ...


@runtime_checkable
class Clairvoyant(Protocol):
    """Sees through the backs of the dominoes: no player, but what players are measured by."""

    @property
    def name(self) -> str:
        """As `parse_player` reads it; it says `clairvoyant`."""
        ...

    def describe(self) -> dict[str, Any]:
        """See Player."""
        ...

    def slots_seeing_all(self, games: Games, keys: Keys) -> Slots:
        """A legal play in each of N games."""
        ...


def ask(player: Player | Clairvoyant, games: Games, keys: Keys) -> Slots:
    """[N] what it plays. Only who is openly clairvoyant is handed the games themselves."""
    if isinstance(player, Clairvoyant):
        return player.slots_seeing_all(games, keys)
    return player.slots(games.views, keys)
