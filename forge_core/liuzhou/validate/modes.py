"""The designs that are compared: one ply, a tree on the host, the arena; and the bare network.

A design searches batches of G positions, and counts the positions that the network evaluated. All use the
same network in the same format.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from forge_core.device import capture_graph
from forge_core.game import Array
from forge_core.kernels import kernel
from forge_core.liuzhou.arena import Arena
from forge_core.liuzhou.evaluators import Evaluator, final_values
from forge_core.liuzhou.network import NetworkEvaluator
from forge_core.liuzhou.network.evaluator import DTYPES
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state import legal_actions, outcomes, planes, step_rows
from forge_core.liuzhou.state.layout import EMPTY_SLOT, GOING, PLAYER_SHIFT, SLOTS
from forge_core.liuzhou.validate.positions import Rows

BARE = "bare"


@dataclass(slots=True)
class Clocked:
    """An evaluator, and the seconds spent in it; on a GPU they cover only the launch of its work."""

    evaluator: Evaluator
    seconds: float = 0.0

    def __call__(self, rows: Array, actions: Array) -> tuple[Array, Array]:
        """Evaluate; see `forge_core.liuzhou.evaluators`."""
        begun = time.thread_time()
        answers = self.evaluator(rows, actions)
        self.seconds += time.thread_time() - begun
        return answers


@dataclass(frozen=True, slots=True)
class HostEvaluator:
    """Evaluates host arrays with a network on a device: copies there and back, as a tree on the host must."""

    evaluator: NetworkEvaluator

    def __call__(self, rows: Array, actions: Array) -> tuple[Array, Array]:
        """Evaluate; see `forge_core.liuzhou.evaluators`."""
        if self.evaluator.device == "cpu":
            return self.evaluator(rows, actions)
        there = (torch.from_numpy(array).to(self.evaluator.device) for array in (rows, actions))
        prior, value = self.evaluator(*there)
        return prior.cpu().numpy(), value.cpu().numpy()


Search = Callable[[Rows], int]
"""searches a batch of positions on the host [G, 4], and returns the number of evaluations"""


def make_search(
    mode: str, games: int, settings: SearchSettings, evaluator: NetworkEvaluator
) -> tuple[Search, Clocked]:
    """Return the search of a design, and the clock of its network. mode: one of MODES, or BARE."""
    if mode == BARE:
        return _bare(games, evaluator)
    if mode == "arena":
        clocked, arena = Clocked(evaluator), Arena(games, settings, evaluator.device)

        def search_arena(rows: Rows) -> int:
            given = rows if evaluator.device == "cpu" else torch.from_numpy(rows).to(evaluator.device)
            return arena.search(given, clocked if evaluator.device == "cpu" else evaluator).evaluations

        return search_arena, clocked
    clocked = Clocked(HostEvaluator(evaluator))
    if mode == "host_tree":
        trees = Arena(games, settings, "cpu", "cpu")
        return lambda rows: trees.search(rows, clocked).evaluations, clocked
    return lambda rows: search_one_ply(rows, clocked, settings, games)[1], clocked


def _bare(games: int, evaluator: NetworkEvaluator) -> tuple[Search, Clocked]:
    """Return the forward pass alone, on the planes of the first batch; on CUDA a graph, as in the arena."""
    clocked = Clocked(evaluator)
    kept: list[Callable[[], object]] = []

    def forward(rows: Rows) -> int:
        with torch.inference_mode():
            if not kept:
                seen = torch.from_numpy(planes(rows)).to(evaluator.device, DTYPES[evaluator.dtype])
                seen = seen.to(memory_format=torch.channels_last)
                kept.append(partial(evaluator.network, seen))
                if evaluator.device != "cpu":
                    kept[0] = capture_graph(kept[0], evaluator.device).replay
            kept[0]()
        return len(rows)

    return forward, clocked


def search_one_ply(
    rows: Rows, evaluator: Evaluator, settings: SearchSettings, batch: int
) -> tuple[np.ndarray, int]:
    """Search one ply, as the published design does; return visits int32 [G, SLOTS] and the evaluations.

    The network evaluates each position and all its successors, `batch` at a time; then PUCT divides
    `settings.sims` visits among the actions, by the values of the successors, which never change.
    """
    actions, counts = legal_actions(rows)
    prior, _ = evaluator(rows, actions)
    parent = np.repeat(np.arange(len(rows)), counts)
    successors = step_rows(rows[parent], actions[actions != EMPTY_SLOT])
    values = np.empty(len(successors), np.float32)
    for first in range(0, len(successors), batch):
        some = successors[first : first + batch]
        values[first : first + batch] = evaluator(some, legal_actions(some)[0])[1]
    over = outcomes(successors) != GOING
    values[over] = final_values(successors[over], settings.beta, settings.draw_scale)
    visits = np.zeros((len(rows), SLOTS), np.int32)
    first = np.concatenate(([0], np.cumsum(counts)))
    divide_visits(rows, first, values, prior, settings.sims, np.float32(settings.c), visits)
    return visits, len(rows) + len(successors)


@kernel
def divide_visits(rows, first, values, prior, sims, c, visits):
    """Divide `sims` visits among the actions of each row by PUCT. first: [G+1] bounds of `values`."""
    for g in range(rows.shape[0]):
        sign = -np.float32(1) if (rows[g, 3] >> PLAYER_SHIFT) & 1 else np.float32(1)
        n = first[g + 1] - first[g]
        for t in range(sims):
            best, best_score = 0, -np.float32(np.inf)
            for slot in range(n):
                bonus = c * prior[g, slot] * np.sqrt(np.float32(t + 1)) / np.float32(1 + visits[g, slot])
                score = sign * values[first[g] + slot] + bonus
                if score > best_score:
                    best, best_score = slot, score
            visits[g, best] += 1
