"""The base class of all networks that can be saved, loaded and exported, with any kind of input.

A subclass is constructed from a spec, which describes its input, and a config, which describes its
size; both are frozen dataclasses that can be stored (`Record`). It implements the methods below and
is registered under its `architecture` (see `forge_core.learning.networks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy.typing as npt
from torch import Tensor, nn

Arrays = Sequence[npt.NDArray]


class Record(Protocol):
    """A frozen dataclass that is stored as JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        ...

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Create the record from what `to_dict` returned. Raises BadInput, ValueError or TypeError."""
        ...


class Network(nn.Module):
    """A network that can be saved, loaded and exported."""

    architecture: ClassVar[str]
    """its name in the registry"""
    input_names: ClassVar[tuple[str, ...]]
    """names of the arguments of `answers`, all batch first, and of the inputs of the ONNX file"""

    spec: Any
    config: Any
    card: dict[str, Any]
    """facts about a trained network, such as data version and results, as JSON types (see `checkpoints`)"""

    def __init__(self, spec: Record, config: Record) -> None:
        super().__init__()
        self.spec, self.config, self.card = spec, config, {}

    @property
    def n_parameters(self) -> int:
        """The number of trainable weights."""
        return sum(parameter.numel() for parameter in self.parameters())

    @classmethod
    def least_size(cls, spec: Any, config: Any) -> tuple[int, int]:
        """Return lower bounds on the number of tensors and the number of weights of such a network.

        Loading rejects a file with fewer before it allocates memory for the network.
        """
        raise NotImplementedError

    def answers(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return all outputs of the network, each batch first."""
        raise NotImplementedError

    # for ONNX files: see `forge_core.learning.onnx`

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the outputs in `answers`, in order."""
        raise NotImplementedError

    def traceable(self) -> nn.Module:
        """Return a module that computes `answers` without data-dependent control flow.

        The parameters of its `forward` have the names in `input_names`.
        """
        raise NotImplementedError

    def random_inputs(self, n: int) -> tuple[npt.NDArray, ...]:
        """Return n random rows of input, in the order of `input_names`; the same rows at every call."""
        raise NotImplementedError

    def compared(self, answers: Arrays) -> dict[str, npt.NDArray]:
        """Return the answers keyed by the names under which differences from torch are reported."""
        return dict(zip(self.output_names, answers, strict=True))

    def choices(self, inputs: Arrays, answers: Arrays) -> npt.NDArray:
        """Return the action [n] that is chosen in each row."""
        raise NotImplementedError
