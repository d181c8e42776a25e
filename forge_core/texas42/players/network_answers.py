"""The answers of a network for a decision of a recorded game, to show next to exact ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.texas42.eq.oracles import ModelOracle
from forge_core.texas42.eq.sampled_worlds import SampledWorlds
from forge_core.texas42.players.policy import VoteOracle
from forge_core.texas42.tokens.inferences import STAGE2_SPEC, encode_views
from forge_core.texas42.tokens.rows import STAGE1_SPEC

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkAnswers:
    """A network that sees all hands, asked in each world, or one that sees its own hand and the plays."""

    model: TokenTransformer

    @classmethod
    def open(cls, path: str) -> NetworkAnswers:
        """Load the network in a folder. Raises BadInput if it does not read positions of Texas 42."""
        model = load_model(path)
        known = {spec.name for spec in (STAGE1_SPEC, STAGE2_SPEC)}
        if model.spec.name not in known:
            raise BadInput(f"the network in {path} reads {model.spec.name}: use one that reads Texas 42")
        spec = STAGE1_SPEC if model.spec.name == STAGE1_SPEC.name else STAGE2_SPEC
        spec.check_same(model.spec, f"the network in {path}")
        answers = cls(model)
        if answers.sees_all_hands:
            answers._oracle()  # refuses a network with objective eq
        return answers

    @property
    def sees_all_hands(self) -> bool:
        """True if the network needs a world to answer."""
        return self.model.spec.name == STAGE1_SPEC.name

    @property
    def in_points(self) -> bool:
        """True if its answers are in points; False if they are probabilities in percent."""
        return self.model.config.in_points

    def in_world(self, worlds: SampledWorlds, world: int) -> Floats | None:
        """Return [7] the answers in a world, NaN where illegal; None if the network sees only one hand."""
        return worlds.q(self._oracle(), world)[0] if self.sees_all_hands else None

    def at_decision(self, worlds: SampledWorlds) -> Floats:
        """Return [7] the answers of the mover, NaN where illegal; means over the worlds, if it needs them."""
        if self.sees_all_hands:
            return worlds.q(self._oracle()).mean(axis=0)
        seen = encode_views(worlds.views)
        with torch.inference_mode():
            answers, _ = self.model(torch.from_numpy(seen.tokens), torch.from_numpy(seen.mask))
        legal = torch.from_numpy(seen.legal)
        if not self.in_points:
            answers = 100 * torch.where(legal, answers, -torch.inf).softmax(dim=1)
        return torch.where(legal, answers.float(), torch.nan).numpy()[0]

    def _oracle(self) -> ModelOracle:
        return ModelOracle(self.model) if self.in_points else VoteOracle(self.model)
