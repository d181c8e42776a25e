"""A policy network as a player: it chooses plays with open hands, so the sampled worlds vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from forge_core.errors import BadInput
from forge_core.texas42.eq.oracles import ModelOracle
from forge_core.texas42.state import ILLEGAL
from forge_core.texas42.tokens.rows import STAGE1_SPEC


@dataclass(frozen=True, slots=True, eq=False)
class VoteOracle(ModelOracle):
    """An Oracle that answers with probabilities instead of points: the policy of the network, in %."""

    def __post_init__(self) -> None:
        STAGE1_SPEC.check_same(self.model.spec, "the network of the policy player")
        if self.model.config.objective != "policy":
            raise BadInput(
                f"a network of objective {self.model.config.objective} has no policy: use player eq"
            )

    def q(self, hands: Tensor, decl: Tensor, states: Tensor, deal_of: Tensor) -> Tensor:
        """Return [S, 7] 0..100, adding up to 100; -128 where illegal."""
        logits = ModelOracle.q(self, hands, decl, states, deal_of)  # a slotted class has no bare super()
        legal = logits != ILLEGAL
        chance = 100 * torch.where(legal, logits, -torch.inf).softmax(dim=1)
        return torch.where(legal, chance, ILLEGAL)

    def describe(self) -> dict[str, Any]:
        """See Oracle."""
        return {**ModelOracle.describe(self), "oracle": "vote"}
