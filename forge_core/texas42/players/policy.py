"""A policy network as an oracle: it sees all hands, so the votes of sampled worlds are averaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from forge_core.errors import BadInput
from forge_core.texas42.eq.oracles import History, ModelOracle, Positions
from forge_core.texas42.state import ILLEGAL
from forge_core.texas42.tokens.rows import STAGE1_SPEC


@dataclass(frozen=True, slots=True, eq=False)
class VoteOracle(ModelOracle):
    """An Oracle that returns a policy network's probabilities, in percent, instead of points."""

    def __post_init__(self) -> None:
        STAGE1_SPEC.check_same(self.model.spec, "the network of the policy player")
        if self.model.config.in_points:
            raise BadInput(
                f"the policy player needs a network with objective policy or regret, not "
                f"{self.model.config.objective}: write eq:oracle=model,model=DIR"
            )

    def q(self, positions: Positions, history: History | None = None) -> Tensor:
        """Return [S, 7]: probabilities in percent, which add up to 100; -128 where illegal."""
        logits = ModelOracle.q(self, positions)  # super() fails in a slotted dataclass
        legal = logits != ILLEGAL
        chance = 100 * torch.where(legal, logits, -torch.inf).softmax(dim=1)
        return torch.where(legal, chance, ILLEGAL)

    def describe(self) -> dict[str, Any]:
        """Return everything the answers depend on; see Oracle."""
        return {**ModelOracle.describe(self), "oracle": "vote"}
