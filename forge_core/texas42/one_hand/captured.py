"""Steps of lockstep playouts as CUDA graphs: one launch per step in place of hundreds.

A graph has fixed shapes and fixed memory. So there is one per step of SIZE playouts, which works in place on
the same tensors; fewer playouts leave the rest of them as it is.
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from threading import Lock

import torch
from torch import Tensor

from forge_core.device import capture_graph
from forge_core.texas42.dominoes import N_SEATS
from forge_core.texas42.one_hand.choose import Policy
from forge_core.texas42.one_hand.lockstep import Playouts, play_step
from forge_core.texas42.one_hand.tensors import rules_on, weights_on

SIZE = 1 << 16
"""playouts per graph: with fewer, a kernel takes as long, since launching it takes longer than its work"""


def can_capture(device: torch.device) -> bool:
    """Return True if CUDA graphs can be captured on a device."""
    return device.type == "cuda" and torch.cuda.is_available()


@lru_cache(maxsize=4)
def step_graphs(policy: Policy, until: int, device: torch.device) -> StepGraphs:
    """Return the graphs for a policy on a device, with those steps that have been captured so far."""
    return StepGraphs(policy, until, device)


class StepGraphs:
    """The steps of up to SIZE playouts by one policy, each captured when it is first needed."""

    def __init__(self, policy: Policy, until: int, device: torch.device) -> None:
        self.policy, self.until, self.device = policy, until, device
        self._now: Playouts | None = None
        self._steps: dict[tuple[int, bool], torch.cuda.CUDAGraph] = {}
        self._weights: list[tuple[Tensor, ...]] = []  # read by the graphs, so they must stay where they are
        self._pool = torch.cuda.graph_pool_handle()
        self._free, self._lock = torch.cuda.Event(), Lock()

    def play_on(self, now: Playouts, most_left: int) -> Playouts:
        """Return up to SIZE playouts once each has at most `until` dominoes left; see `lockstep.play_on`."""
        lefts = range(most_left, self.until, -1)
        steps = [(left, left % N_SEATS == 0 or left == most_left) for left in lefts]
        with self._lock, torch.cuda.device(self.device):
            torch.cuda.current_stream().wait_event(self._free)  # those who played before have their results
            if self._now is None:
                self._now = Playouts(*(_repeated(column) for column in _columns(now)))
            for step in steps:
                if step not in self._steps:
                    self._steps[step] = self._capture(*step)
            for column, given in zip(_columns(self._now), _columns(now), strict=True):
                column[..., : len(now)].copy_(given)
            for step in steps:
                self._steps[step].replay()
            played = Playouts(*(column[..., : len(now)].clone() for column in _columns(self._now)))
            self._free.record()
        return played

    def _capture(self, left: int, is_sorted_first: bool) -> torch.cuda.CUDAGraph:
        """Capture one step. This changes the playouts that are in the tensors of the graphs."""
        now, rules = self._now, rules_on(self.device)
        assert now is not None
        self._weights.append(weights_on(self.policy, self.device))

        def work() -> None:
            after = play_step(rules, now, self.policy, self.until, left, is_sorted_first)
            for column, changed in zip(_columns(now), _columns(after), strict=True):
                if changed is not column:
                    column.copy_(changed)

        return capture_graph(work, self.device, self._pool)


def _columns(playouts: Playouts) -> list[Tensor]:
    return [getattr(playouts, field.name) for field in fields(playouts)]


def _repeated(column: Tensor) -> Tensor:
    """Return SIZE copies of the first playout's part of a column."""
    with torch.inference_mode(False):  # later callers must be able to write to them
        repeated = torch.empty((*column.shape[:-1], SIZE), dtype=column.dtype, device=column.device)
        return repeated.copy_(column[..., :1])
