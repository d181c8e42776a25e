"""The E[Q] player: samples worlds consistent with what it has seen, and makes the best play over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.texas42.eq.generate import EQ_VERSION, GameConfig, decide
from forge_core.texas42.eq.oracles import Oracle
from forge_core.texas42.eq.strategies import STRATEGIES_VERSION
from forge_core.texas42.players.protocol import Keys, Slots, choose_slots
from forge_core.texas42.views import Views


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedPlayer:
    """A player that maximizes, over sampled worlds, its mean points (`eq`) or P(make) (`pmake`).

    For defenders, P(make) is the share of worlds in which they set the bid.
    """

    name: str
    oracle: Oracle
    config: GameConfig
    device: str = "cpu"
    """the device on which worlds are dealt and averaged"""

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on; see Player."""
        config = self.config
        described = {
            "player": config.criterion,
            "version": EQ_VERSION,
            "oracle": self.oracle.describe(),
            "sampling": config.sampling.settings(),
        }
        if config.belief:
            described["belief"] = config.belief.describe()
        if config.ending_worlds:
            described |= {"ending_worlds": config.ending_worlds, "strategies": STRATEGIES_VERSION}
        return described | ({"bonus": config.bonus} if config.bonus else {})

    def slots(self, views: Views, keys: Keys) -> Slots:
        """Return a legal play in each of N games.

        The player decides like `eq.play_games`, but does not sample worlds if only one play is legal.
        """

        def choose(rows: npt.NDArray[np.int64]) -> Slots:
            return decide(self.oracle, views.take(rows), keys[rows], self.config, self.device)[1].slot

        return choose_slots(views.legal, choose)
