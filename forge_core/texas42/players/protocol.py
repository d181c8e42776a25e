"""Protocols of players, which know what one hand can know, and of clairvoyants, which see all four hands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from forge_core.texas42.games import Games
from forge_core.texas42.views import Views

Keys = npt.NDArray[np.uint64]
"""[N] one key per game for all random draws; a decision draws from `streams.mix` of key and step"""
Slots = npt.NDArray[np.int64]
"""[N] the play in each game: a slot of the hand as dealt"""


@runtime_checkable
class Player(Protocol):
    """A player chooses plays from Views, which contain what one hand can know and nothing else."""

    @property
    def name(self) -> str:
        """The name, in the form that `parse_player` reads."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on, as JSON types; equal for players that play alike."""
        ...

    def slots(self, views: Views, keys: Keys) -> Slots:
        """Return a legal play in each of N games; it depends only on the game's own view and key."""
        ...


@runtime_checkable
class Clairvoyant(Protocol):
    """A clairvoyant sees all four hands, so it is not a player; players are measured against it."""

    @property
    def name(self) -> str:
        """The name, in the form that `parse_player` reads; it starts with `clairvoyant`."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on; see Player."""
        ...

    def slots_seeing_all(self, games: Games, keys: Keys) -> Slots:
        """Return a legal play in each of N games."""
        ...


def ask(player: Player | Clairvoyant, games: Games, keys: Keys) -> Slots:
    """Return [N]: the plays of a player or a clairvoyant; only a clairvoyant receives the games."""
    if isinstance(player, Clairvoyant):
        return player.slots_seeing_all(games, keys)
    return player.slots(games.views, keys)


def ask_at_choices(player: Player | Clairvoyant, games: Games, keys: Keys) -> Slots:
    """Return [N] like `ask`, but ask only in the games in which more than one play is legal."""
    return choose_slots(games.views.legal, lambda rows: ask(player, games.take(rows), keys[rows]))


def choose_slots(
    legal: npt.NDArray[np.bool_], choose: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.integer]]
) -> Slots:
    """Return [N] the only legal play of each game; where there are several, that of `choose`.

    legal: [N, 7]. choose: called with the rows of these games, if there are any; returns a slot for each.
    """
    slots = legal.argmax(axis=1)
    rows = np.flatnonzero(legal.sum(axis=1) > 1)
    if len(rows):
        slots[rows] = choose(rows)
    return slots
