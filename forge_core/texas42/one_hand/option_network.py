"""Networks that value options: features of a situation and of options go in, a number per option comes out.

Two hidden layers: the features of the situation and those of an option are mapped to the same hidden units
and added; after a ReLU these feed a second layer, and an option's number is a weighted sum of its units after
another ReLU. The number of options may differ from row to row. The one-hand network is of this kind, whose
options are the legal plays; the bid-value network is another.

Letters: N rows, A places for options, K options of all rows.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from forge_core.errors import BadInput
from forge_core.learning.networks.network import Arrays, Network
from forge_core.learning.spec import StoredRecord
from forge_core.streams import stream
from forge_core.texas42.settings.one_hand import HIDDEN, SECOND, check_units


@dataclass(frozen=True, slots=True)
class OptionSpec(StoredRecord):
    """The input of a network: its features, in order."""

    name: str
    """the name of the architecture"""
    version: str
    """the version of the features"""
    context: tuple[str, ...]
    """the features of the situation"""
    play: tuple[str, ...]
    """the features of an option"""

    def check_features(self, version: str, context: Any, play: Any) -> None:
        """Raise BadInput unless the features are those that this code computes."""
        if (self.version, list(self.context), list(self.play)) != (version, [*context], [*play]):
            raise BadInput(
                f"the network reads features {self.version}, but this code computes {version}: use "
                "the version of Forge that wrote it, or train it again"
            )


@dataclass(frozen=True, slots=True)
class OptionConfig(StoredRecord):
    """The size of a network."""

    hidden: int = HIDDEN
    """units of the first hidden layer"""
    second: int = SECOND
    """units of the second"""
    objective: str = ""
    """the kind of network, as in the names of registered models"""

    def __post_init__(self) -> None:
        for name, units in (("hidden", self.hidden), ("second", self.second)):
            if type(units) is not int:
                raise BadInput(f"{name} {units!r}: use a whole number")
            check_units(name, units)


class OptionNet(Network):
    """A network that values options, as a torch module; subclasses name the features."""

    input_names = ("context", "plays")
    output_names = ("logits",)  # pyright: ignore[reportAssignmentType]
    n_places: ClassVar[int]
    """A in random inputs"""
    spec_kind: ClassVar[type[OptionSpec]]
    config_kind: ClassVar[type[OptionConfig]]

    spec: OptionSpec
    config: OptionConfig

    def __init__(self, spec: OptionSpec, config: OptionConfig) -> None:
        super().__init__(spec, config)
        self.context = nn.Linear(len(spec.context), config.hidden)
        self.play = nn.Linear(len(spec.play), config.hidden, bias=False)
        self.second = nn.Linear(config.hidden, config.second)
        self.out = nn.Linear(config.second, 1, bias=False)

    @classmethod
    def of_size(cls, hidden: int, second: int) -> Self:
        """Return a network with fresh weights and hidden layers of these sizes."""
        return cls(cls.spec_kind(), cls.config_kind(hidden, second))  # pyright: ignore[reportCallIssue]

    @classmethod
    def least_size(cls, spec: OptionSpec, config: OptionConfig) -> tuple[int, int]:
        """Return the number of tensors and of weights; see Network."""
        n_inputs = len(spec.context) + 1 + len(spec.play)
        return 6, config.hidden * (n_inputs + config.second) + 2 * config.second

    def forward(self, context: Tensor, plays: Tensor) -> Tensor:
        """Return logits [N, A] of context [N, C], plays [N, A, P]; meaningless where there is no option."""
        return self._read(self.context(context)[:, None] + self.play(plays))

    def logits(self, context: Tensor, plays: Tensor, decision: Tensor) -> Tensor:
        """Return the logits [K] of K options. Training uses it, because it computes nothing for empty places.

        context: [N, C]. plays: [K, P]. decision: [K], the row of `context` that each option belongs to.
        """
        return self._read(self.context(context)[decision] + self.play(plays))

    def _read(self, hidden: Tensor) -> Tensor:
        """Return the logits [...] of hidden units [..., H] before their ReLU."""
        return self.out(torch.relu(self.second(torch.relu(hidden)))).squeeze(-1)

    def in_half_precision(self) -> Self:
        """Return a copy with every weight rounded to half precision: what a run keeps.

        Weights then take half the bytes on the page of a browser, which computes with the same numbers.
        """
        rounded = copy.deepcopy(self)
        for weights in rounded.parameters():
            weights.data = weights.data.half().float()
        return rounded

    def answers(self, context: Tensor, plays: Tensor) -> tuple[Tensor, ...]:
        """Return the logits, as a tuple; see Network."""
        return (self(context, plays),)

    def traceable(self) -> nn.Module:
        """Return the module itself: it has no control flow."""
        return self

    def random_inputs(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return n rows of numbers in 0..1, the same at every call; see Network."""
        numbers = stream(0, "one-hand-inputs", n)
        context = numbers.random((n, len(self.spec.context)), dtype=np.float32)
        return context, numbers.random((n, self.n_places, len(self.spec.play)), dtype=np.float32)

    def choices(self, inputs: Arrays, answers: Arrays) -> np.ndarray:
        """Return [n]: the place of the highest logit in each row."""
        return answers[0].argmax(axis=1)
