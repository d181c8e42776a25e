"""Trees on a CUDA device: launches of the kernels, and the graph that holds a simulation."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch

from forge_core.device import capture_graph
from forge_core.liuzhou.arena.cuda.kernels import absorb, walk
from forge_core.liuzhou.arena.tensors import TensorTrees
from forge_core.liuzhou.evaluators import Evaluator, evaluate
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state.layout import SLOTS

_WALK: Any = walk
_ABSORB: Any = absorb
"""the kernels as Any, since a type checker takes their arguments for Triton's types"""

IDS = 256
"""the next power of two after the 220 action ids"""
LANES = 32
"""steps of a path that are added at once: a warp"""
EXACT = {"num_warps": 1, "enable_fp_fusion": False}
"""Compile options of the kernels: a tree is a warp, and a * b + c is rounded twice, as elsewhere"""


class CudaTrees(TensorTrees):
    """Trees on one CUDA device, or on the CPU for interpreted kernels (TRITON_INTERPRET=1)."""

    def __init__(self, games: int, settings: SearchSettings, device: str | torch.device) -> None:
        """Allocate the trees."""
        super().__init__(games, settings, device)
        self.path_row, self.path_slot = (self.zeros(games, self.size, dtype=torch.int32) for _ in range(2))
        self.walk_depth, self.is_new = (self.zeros(games, dtype=torch.int32) for _ in range(2))
        self.leaf = self.zeros(games, dtype=torch.int64)
        self.leaf_state = self.finished_rows(games)
        self.leaf_actions = self.actions[self.root_row].clone()
        self.graph: torch.cuda.CUDAGraph | None = None
        self.captured: Evaluator | None = None
        """the evaluator that the graph calls"""

    def start(self, rows, evaluator: Evaluator, sims: int, draws) -> None:
        """Evaluate the roots and mix in their noise; capture the graph once per evaluator."""
        super().start(rows, evaluator, sims, draws)
        is_capturable = self.device.type == "cuda" and getattr(evaluator, "capturable", False)
        if not is_capturable:
            self.graph = self.captured = None
        elif self.captured is not evaluator:
            self.capture(evaluator)

    def simulate(self, evaluator: Evaluator) -> None:
        """Add a leaf to each tree, and add its value along the path to it."""
        if self.graph is not None:
            self.graph.replay()
        else:
            self.launch(evaluator)

    def launch(self, evaluator: Evaluator) -> None:
        """Launch the kernels of a simulation, with the evaluator between them."""
        fpu = self.settings.fpu
        with torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext():
            _WALK[(self.games,)](
                self.state,
                self.actions,
                self.prior,
                self.child,
                self.visits,
                self.sums,
                self.row_visits,
                self.value,
                self.seen,
                self.used,
                self.scores,
                self.plan,
                self.path_row,
                self.path_slot,
                self.walk_depth,
                self.leaf,
                self.is_new,
                self.leaf_state,
                self.leaf_actions,
                self.settings.c,
                -1.0 if fpu is None else fpu,
                self.size,
                self.plan.shape[1],
                SLOTS=SLOTS,
                IDS=IDS,
                GUMBEL=self.settings.gumbel,
                **EXACT,
            )
            prior, value = evaluate(evaluator, self.leaf_state, self.leaf_actions)
            _ABSORB[(self.games,)](
                self.state,
                self.prior,
                self.child,
                self.visits,
                self.sums,
                self.row_visits,
                self.value,
                self.seen,
                self.parent,
                self.used,
                self.path_row,
                self.path_slot,
                self.walk_depth,
                self.leaf,
                self.is_new,
                prior.contiguous(),
                value.contiguous(),
                self.settings.beta,
                self.settings.draw_scale,
                self.size,
                SLOTS=SLOTS,
                LANES=LANES,
                **EXACT,
            )

    def capture(self, evaluator: Evaluator) -> None:
        """Capture a simulation as a graph.

        During the capture all roots are finished rows, so the warm-up simulations add nothing to the trees.
        """
        roots = self.root_row
        states, counts = self.state[roots].clone(), self.row_visits[roots].clone()
        self.state[roots] = self.finished_rows(self.games)
        self.graph = capture_graph(lambda: self.launch(evaluator), self.device)
        self.captured = evaluator
        self.state[roots], self.row_visits[roots] = states, counts
