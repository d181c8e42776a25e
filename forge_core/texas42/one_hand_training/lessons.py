"""Decisions to learn from, as the trainer of networks that value options reads them.

For the one-hand network an option is a legal play, valued in points; for the bid-value network it is a call
with a declaration. Letters: N decisions, A places for options, K options of all N decisions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.texas42.one_hand.option_network import OptionNet
from forge_core.texas42.settings.one_hand import OneHandSettings


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """A batch of N decisions with K options in total, as tensors."""

    context: Tensor
    """[N, C] float32 features of the situations"""
    plays: Tensor
    """[K, P] float32 features of the options"""
    decision: Tensor
    """[K] the decision of each option"""
    place: Tensor
    """[K] its place among the options of the decision"""
    legal: Tensor
    """[N, A] bool, True for places with an option"""
    q: Tensor
    """[N, A] float32 value of each option for the seat that decides, 0 in places without one"""
    chosen: Tensor | None = None
    """[N] the place of the option that was chosen, where it is recorded"""

    def logits(self, network: OptionNet) -> Tensor:
        """Return the network's logits [N, A], -inf in places without an option."""
        found = network.logits(self.context, self.plays, self.decision)
        empty = torch.full(self.legal.shape, -torch.inf)
        return empty.index_put((self.decision, self.place), found)


class Lessons(Protocol):
    """Decisions with values of their options."""

    network: ClassVar[type[OptionNet]]
    """the class of the network that learns from them"""

    def __len__(self) -> int: ...

    def lesson(self, index: npt.NDArray[np.int64]) -> Lesson:
        """Return the decisions at `index`. Raises BadInput if they contradict themselves."""
        ...

    def loss(self, lesson: Lesson, logits: Tensor, settings: OneHandSettings) -> Tensor:
        """Return the mean loss over the decisions of a lesson, a scalar. logits: [N, A]; see `Lesson`."""
        ...
