"""Random play at many tables of tensors, step by step; on a card also with one launch per step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from forge_core.device import capture_graph
from forge_core.game import choose
from forge_core.skull_king.env import SkullKing, Step


class RandomPlay:
    """Random play at the tables of an environment of tensors.

    A step is some 500 operations of torch, which a host launches more slowly than a card computes them,
    unless there are very many tables. No step waits for the card, so a CUDA graph can hold all of them.
    """

    def __init__(self, env: SkullKing, observed: bool = False, graph: bool = False) -> None:
        """observed: write observations before each step. graph: launch each step as a graph, which needs a
        card; each step then overwrites the tensors of this object that the one before wrote."""
        self.env, self._observed = env, observed
        self._draws = torch.zeros(env.n, dtype=torch.float64, device=env.device)
        self.legal: Tensor
        """[N, A] bool: the legal actions before the last step"""
        self.seen: tuple[Tensor, Tensor, Tensor] | None = None
        """observations before the last step: see `SkullKing.observe`"""
        self.result: Step
        """the result of the last step"""
        self._launch = self._capture() if graph else self._step

    def step(self, draws: Tensor) -> None:
        """Take a random action at each table. draws: [N] float64 in [0, 1)."""
        self._draws.copy_(draws)
        steps = self.env.steps
        self._launch()
        self.env.steps = steps + 1  # a graph does not count them

    def run(self, draws: Tensor) -> None:
        """Take a step for every row of draws [T, N]."""
        for of_step in draws:
            self.step(of_step)

    def _step(self) -> None:
        if self._observed:
            self.seen = self.env.observe()
        self.legal = self.env.legal()
        self.result = self.env.step(choose(self.legal, self._draws))

    def _capture(self) -> Callable[[], None]:
        """Return the replay of a graph of one step. The tables stay where they are."""
        env, steps = self.env, self.env.steps
        kept = [(tensor, tensor.clone()) for tensor in (env.rows, env.episodes)]
        self._graph = capture_graph(self._step, env.device)
        for tensor, before in kept:
            tensor.copy_(before)
        env.steps = steps
        return self._graph.replay
