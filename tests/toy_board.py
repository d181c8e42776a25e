"""A network of a board game: planes in; a policy, win/draw/loss and a difference out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from forge_core.learning.networks import register
from forge_core.learning.networks.network import Arrays, Network
from forge_core.streams import stream

ARCHITECTURE = "toy-board"
register(
    ARCHITECTURE, network="toy_board:BoardNet", spec="toy_board:BoardSpec", config="toy_board:BoardConfig"
)


@dataclass(frozen=True, slots=True)
class BoardSpec:
    name: str = "toy-board"
    planes: int = 2
    side: int = 3

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> BoardSpec:
        return cls(**record)


@dataclass(frozen=True, slots=True)
class BoardConfig:
    width: int
    blocks: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> BoardConfig:
        return cls(**record)


class BoardNet(Network):
    """A residual trunk without normalisation, with one action per cell."""

    architecture = ARCHITECTURE
    input_names = ("planes", "legal")
    output_names = ("policy", "wdl", "difference")

    def __init__(self, spec: BoardSpec, config: BoardConfig) -> None:
        super().__init__(spec, config)
        width = config.width
        self.stem = nn.Conv2d(spec.planes, width, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(config.blocks))
        self.policy = nn.Conv2d(width, 1, 1)
        self.wdl, self.difference = nn.Linear(width, 3), nn.Linear(width, 1)

    @classmethod
    def least_size(cls, spec: BoardSpec, config: BoardConfig) -> tuple[int, int]:
        return config.blocks, 9 * config.width * (spec.planes + config.width * config.blocks)

    def forward(self, planes: Tensor, legal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        trunk = self.stem(planes)
        for block in self.blocks:
            trunk = trunk + block(trunk.relu())
        pooled = trunk.mean(dim=(2, 3))
        policy = self.policy(trunk).flatten(1).masked_fill(~legal, -1e9)
        return policy, self.wdl(pooled), self.difference(pooled).tanh().squeeze(1)

    def answers(self, planes: Tensor, legal: Tensor) -> tuple[Tensor, ...]:
        return self(planes, legal)

    def traceable(self) -> nn.Module:
        return self

    def random_inputs(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        draw, side = stream(0, "toy board", n), self.spec.side
        planes = draw.integers(2, size=(n, self.spec.planes, side, side)).astype(np.float32)
        legal = draw.random((n, side * side)) < 0.5
        legal[:, 0] = True
        return planes, legal

    def choices(self, inputs: Arrays, answers: Arrays) -> np.ndarray:
        return answers[0].argmax(axis=1)


def targets(inputs: tuple[np.ndarray, np.ndarray]) -> tuple[Tensor, Tensor]:
    """Return the cell to play, which is the first legal one, and by how many stones plane 0 leads."""
    planes, legal = inputs
    difference = planes[:, 0].sum(axis=(1, 2)) - planes[:, 1].sum(axis=(1, 2))
    return torch.from_numpy(legal.argmax(axis=1)), torch.from_numpy(difference / planes[0, 0].size)
