"""The protocols of players, who know what one hand can know, and of clairvoyants, who see all four hands."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from forge_core.texas42.games import Games
from forge_core.texas42.views import Views

Keys = npt.NDArray[np.uint64]
"""[N] one key per game for all random draws; a play draws from `streams.mix` of key and step"""
Slots = npt.NDArray[np.int64]
"""[N] the play: a slot of the hand as dealt"""


@runtime_checkable
class Player(Protocol):
    """Chooses plays from Views, which hold what one hand can know and nothing else."""

    @property
    def name(self) -> str:
        """As `parse_player` reads it."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return all that its plays depend on, JSON types: players that play alike describe the same."""
        ...

    def slots(self, views: Views, keys: Keys) -> Slots:
        """Return a legal play in each of N games; it depends on view and key, not on other games."""
        ...


@runtime_checkable
class Clairvoyant(Protocol):
    """Sees all four hands: not a player, but a measure of players."""

    @property
    def name(self) -> str:
        """As `parse_player` reads it; it begins with `clairvoyant`."""
        ...

    def describe(self) -> dict[str, Any]:
        """See Player."""
        ...

    def slots_seeing_all(self, games: Games, keys: Keys) -> Slots:
        """Return a legal play in each of N games."""
        ...


def ask(player: Player | Clairvoyant, games: Games, keys: Keys) -> Slots:
    """Return [N] the plays of a player or clairvoyant; only a clairvoyant receives the games themselves."""
    if isinstance(player, Clairvoyant):
        return player.slots_seeing_all(games, keys)
    return player.slots(games.views, keys)
