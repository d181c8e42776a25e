"""The Stage-2 player, whose network was trained to predict E[Q] from hand and transcript without sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.texas42.eq.oracles import digest_of
from forge_core.texas42.players.network import best_play
from forge_core.texas42.players.protocol import Keys, Slots
from forge_core.texas42.tokens.inferences import STAGE2_SPEC, encode_views
from forge_core.texas42.views import Views


@dataclass(frozen=True, slots=True, eq=False)
class TranscriptPlayer:
    """A player that makes the play with its network's highest output, with one forward pass per play."""

    name: str
    model: TokenTransformer

    def __post_init__(self) -> None:
        STAGE2_SPEC.check_same(self.model.spec, f"the network of {self.name}")

    def describe(self) -> dict[str, Any]:
        """Return everything its plays depend on; see Player."""
        return {"player": "stage2", "weights": digest_of(self.model)}

    def slots(self, views: Views, keys: Keys) -> Slots:
        """Return the network's best play in each of N games."""
        return best_play(self.model, encode_views(views), self.name)
