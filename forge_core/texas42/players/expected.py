"""Plays by E[Q]: takes deals that fit all it has seen, and what plays best on average over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.texas42.eq.generate import EQ_VERSION, GameConfig, decide
from forge_core.texas42.eq.oracles import Oracle
from forge_core.texas42.players.protocol import Keys, Slots
from forge_core.texas42.views import Views


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedPlayer:
    """Maximises, over its worlds, points (`eq`) or the chance to have its way with the bid (`pmake`)."""

    name: str
    oracle: Oracle
    config: GameConfig
    device: str = "cpu"
    """where worlds are dealt and added up"""

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {
            "player": self.config.criterion,
            "version": EQ_VERSION,
            "oracle": self.oracle.describe(),
            "sampling": self.config.sampling.settings(),
        }

    def slots(self, views: Views, keys: Keys) -> Slots:
        """See Player. Plays as `eq.play_games` does; where one play is legal it does not think."""
        legal = views.legal
        slots = legal.argmax(axis=1)
        to_choose = np.flatnonzero(legal.sum(axis=1) > 1)
        if len(to_choose):
            some = views.take(to_choose)
            _, choices = decide(self.oracle, some, keys[to_choose], self.config, self.device)
            slots[to_choose] = choices.slot
        return slots
