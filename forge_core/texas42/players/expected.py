"""A player by E[Q]: it samples worlds that fit all it has seen, and plays what is best over them."""

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
    """Maximises, over its worlds, mean points (`eq`), or the share in which its side makes the bid (`pmake`;
    defenders: sets it)."""

    name: str
    oracle: Oracle
    config: GameConfig
    device: str = "cpu"
    """device on which worlds are dealt and averaged"""

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {
            "player": self.config.criterion,
            "version": EQ_VERSION,
            "oracle": self.oracle.describe(),
            "sampling": self.config.sampling.settings(),
        }

    def slots(self, views: Views, keys: Keys) -> Slots:
        """See Player. It decides as `eq.play_games` does, without sampling where only one play is legal."""
        legal = views.legal
        slots = legal.argmax(axis=1)
        to_choose = np.flatnonzero(legal.sum(axis=1) > 1)
        if len(to_choose):
            some = views.take(to_choose)
            _, choices = decide(self.oracle, some, keys[to_choose], self.config, self.device)
            slots[to_choose] = choices.slot
        return slots
