"""The network of Liuzhou: planes of a position go in; a policy, win/draw/loss and a difference come out.

A residual trunk of 3x3 convolutions without batch normalisation: each block is scaled by a gain that
starts at 0, so that a network of any depth starts out as its stem alone. A position is seen from the side of
the player to move, and all answers are in the mover's frame.

Letters: N rows.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from forge_core.learning.networks.network import Arrays, Network
from forge_core.liuzhou.rules import N_ACTIONS, N_CELLS, SIDE
from forge_core.liuzhou.settings.network import ARCHITECTURE, PlaneSpec, ResidualConfig
from forge_core.liuzhou.state.planes import N_PLANES
from forge_core.streams import stream

PLACE_MAP, SELECT_MAP, STEP_MAP, N_MAPS = 0, 1, 2, 6
"""Maps of the policy: cells to place on, stones to select, then origins of steps up, down, left, right"""
POOLED = 64
"""width of the vector that the heads share: the mean and the maximum of each channel, mixed"""
WIN, DRAW, LOSS = range(3)
"""order of the logits of win/draw/loss, of the mover"""


class Block(nn.Module):
    """Two convolutions, scaled by a gain and added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """[N, width, 6, 6] -> the same shape."""
        return torch.relu(x + self.gain * self.second(torch.relu(self.first(x))))


class LiuzhouNet(Network):
    """A residual network; the policy has a map of cells for each kind of action."""

    architecture = ARCHITECTURE
    input_names = ("planes",)
    output_names = ("policy", "wdl", "difference")  # pyright: ignore[reportAssignmentType]

    spec: PlaneSpec
    config: ResidualConfig

    def __init__(self, spec: PlaneSpec, config: ResidualConfig) -> None:
        super().__init__(spec, config)
        width = config.width
        self.stem = nn.Conv2d(spec.planes, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(config.blocks)))
        self.policy = nn.Conv2d(width, N_MAPS, 1)
        self.pool = nn.Linear(2 * width, POOLED)
        self.bias = nn.Linear(POOLED, N_MAPS)
        self.value = nn.Linear(POOLED, 4)

    @classmethod
    def of_size(cls, config: ResidualConfig) -> LiuzhouNet:
        """Return a network with fresh weights, from torch's generator."""
        return cls(PlaneSpec(planes=N_PLANES, side=SIDE), config)

    @classmethod
    def least_size(cls, spec: PlaneSpec, config: ResidualConfig) -> tuple[int, int]:
        """Return the least number of tensors and of weights that such a network has."""
        return config.blocks, 9 * config.width * (spec.planes + 2 * config.width * config.blocks)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits of actions as maps [N, 6, 6, 6], of win/draw/loss [N, 3], and the difference [N].

        planes: [N, 20, 6, 6]. Maps: [N, map, row, column], see PLACE_MAP. The difference is the lead in
        stones at the end of the game, on a scale where -1 and 1 are won games.
        """
        trunk = self.blocks(torch.relu(self.stem(planes)))
        pooled = torch.relu(self.pool(torch.cat((trunk.mean((2, 3)), trunk.amax((2, 3))), 1)))
        maps = self.policy(trunk) + self.bias(pooled)[:, :, None, None]
        value = self.value(pooled)
        return maps, value[:, :3], torch.tanh(value[:, 3])

    def answers(self, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits of actions by id [N, 220], of win/draw/loss [N, 3], and the difference [N]."""
        maps, wdl, difference = self(planes)
        return by_action(maps), wdl, difference

    def traceable(self) -> nn.Module:
        """Return a module that computes `answers`."""
        return _ByAction(self)

    def random_inputs(self, n: int) -> tuple[np.ndarray]:
        """Return random planes of zeros and ones [n, 20, 6, 6]."""
        shape = (n, self.spec.planes, self.spec.side, self.spec.side)
        return (stream(0, "parity", n).integers(2, size=shape).astype(np.float32),)

    def choices(self, inputs: Arrays, answers: Arrays) -> np.ndarray:
        """Return the action [n] with the highest logit, legal or not."""
        return answers[0].argmax(axis=1)


class _ByAction(nn.Module):
    """The network with its policy indexed by action id."""

    def __init__(self, model: LiuzhouNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, planes: Tensor) -> tuple[Tensor, ...]:
        return self.model.answers(planes)


def by_action(maps: Tensor) -> Tensor:
    """Return logits by action id [N, 220] of maps [N, 6, 6, 6]; the sweep and unused ids have logit 0."""
    flat = maps.flatten(2)
    steps = flat[:, STEP_MAP:].transpose(1, 2).reshape(-1, 4 * N_CELLS)  # 4 * cell + direction
    others = flat.new_zeros(maps.shape[0], N_ACTIONS - 6 * N_CELLS)  # len() would fix N in ONNX
    return torch.cat((flat[:, PLACE_MAP], steps, flat[:, SELECT_MAP], others), 1)
