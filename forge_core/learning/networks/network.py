"""The base of every network that can be saved, loaded and exported, whatever its input is.

A subclass is made from a spec, which describes its input, and a config, which describes its
size; both are frozen dataclasses that can be stored (`Record`). It implements the methods below
and is registered under its `architecture` (see `forge_core.learning.networks`).
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
        """Return JSON types only."""
        ...

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Read `to_dict`'s record. Raises BadInput, ValueError or TypeError for another."""
        ...


class Network(nn.Module):
    """A network that can be saved, loaded and exported."""

    architecture: ClassVar[str]
    """name in the registry"""
    input_names: ClassVar[tuple[str, ...]]
    """of the arguments of `answers`, batch first each; also of the inputs of an ONNX file"""

    spec: Any
    config: Any
    card: dict[str, Any]
    """what is known of a trained network, JSON types: data version, results (see `checkpoints`)"""

    def __init__(self, spec: Record, config: Record) -> None:
        super().__init__()
        self.spec, self.config, self.card = spec, config, {}

    @property
    def n_parameters(self) -> int:
        """Number of weights that are learnt."""
        return sum(parameter.numel() for parameter in self.parameters())

    @classmethod
    def least_size(cls, spec: Any, config: Any) -> tuple[int, int]:
        """Return numbers of tensors and of weights that such a network has at least.

        A file with fewer is refused before memory is allocated for the network.
        """
        raise NotImplementedError

    def answers(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return everything that the network answers, batch first each."""
        raise NotImplementedError

    # for ONNX files: see `forge_core.learning.onnx`

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of `answers`, in order."""
        raise NotImplementedError

    def traceable(self) -> nn.Module:
        """Return a module that computes `answers` without control flow that depends on data.

        The parameters of its `forward` are named as in `input_names`.
        """
        raise NotImplementedError

    def random_inputs(self, n: int) -> tuple[npt.NDArray, ...]:
        """Return n random rows of input, the same at each call, in the order of `input_names`."""
        raise NotImplementedError

    def compared(self, answers: Arrays) -> dict[str, npt.NDArray]:
        """Return answers by the name under which their difference from torch is reported."""
        return dict(zip(self.output_names, answers, strict=True))

    def choices(self, inputs: Arrays, answers: Arrays) -> npt.NDArray:
        """Return the action [n] that each row of answers chooses."""
        raise NotImplementedError
