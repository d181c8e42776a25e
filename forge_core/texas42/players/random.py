"""The random player."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.streams import mix, uniform
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.players.protocol import Keys, Slots
from forge_core.texas42.views import Views


@dataclass(frozen=True, slots=True)
class RandomPlayer:
    """A player that chooses among the legal plays with equal probability."""

    @property
    def name(self) -> str:
        """The name: `random`."""
        return "random"

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on; see Player."""
        return {"player": "random"}

    def slots(self, views: Views, keys: Keys) -> Slots:
        """Return a random legal play in each of N games."""
        draws = uniform(mix(mix(keys, views.seen.step)[:, None], np.arange(HAND_SIZE)))
        return np.where(views.legal, draws, -1.0).argmax(axis=1)
