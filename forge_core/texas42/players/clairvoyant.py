"""Clairvoyants, which see all hands and serve as the upper bound in measuring players."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.learning.choice import choose
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.texas42.eq.oracles import digest_of
from forge_core.texas42.games import Games
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.solver import ORACLE_VERSION
from forge_core.texas42.players.network import best_play
from forge_core.texas42.players.protocol import Keys, Slots
from forge_core.texas42.state import ILLEGAL, to_mover_frame
from forge_core.texas42.tokens.encoder import encode
from forge_core.texas42.tokens.rows import STAGE1_SPEC


@dataclass(frozen=True, slots=True)
class ExactClairvoyant:
    """A clairvoyant that makes the best play with open hands, according to the exact oracle."""

    @property
    def name(self) -> str:
        """The name: `clairvoyant`."""
        return "clairvoyant"

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on; see Player."""
        return {"player": "clairvoyant", "oracle": ORACLE_VERSION}

    def slots_seeing_all(self, games: Games, keys: Keys) -> Slots:
        """Return the best play in each of N games; the lowest slot if tied."""
        states = games.states
        q = to_mover_frame(root_q(games.hands, games.seen.decl, None, states), states)
        return choose(q.astype(np.float64), q != ILLEGAL)


@dataclass(frozen=True, slots=True, eq=False)
class NetworkClairvoyant:
    """A clairvoyant that plays the best action of a Stage-1 network, which predicts points or a policy."""

    name: str
    model: TokenTransformer

    def __post_init__(self) -> None:
        STAGE1_SPEC.check_same(self.model.spec, f"the network of {self.name}")

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on; see Player."""
        return {"player": "clairvoyant", "weights": digest_of(self.model)}

    def slots_seeing_all(self, games: Games, keys: Keys) -> Slots:
        """Return the network's best play in each of N games."""
        return best_play(self.model, encode(games.hands, games.seen.decl, games.states), self.name)
