"""Tree search without a network: UCT, each simulation of which ends in one random game.

It plays as the opponent `playouts:N`, and it teaches the first network, which has no other teacher.
Compiled; it searches one position after another and releases the GIL.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import uint64

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.liuzhou.evaluators import final_value, play_to_the_end
from forge_core.liuzhou.state.kernels import legal_list, step
from forge_core.liuzhou.state.layout import EMPTY_SLOT, PLAYER_SHIFT, SLOTS

UNVISITED = 1e9
"""Score of an action without visits: above that of every other, so that each is tried once"""


@dataclass(frozen=True, slots=True)
class PlayoutSettings:
    """Settings of a search by random games. Raises BadInput for values out of range."""

    sims: int
    """simulations per position, each with one random game"""
    c: float = 0.7
    """weight of exploration: c * sqrt(ln N / n) is added to the value of an action"""
    beta: float = 0.0
    """value of a drawn game for the side with more stones, at a lead of at least `draw_scale`"""
    draw_scale: float = 14.0
    """in stones"""

    def __post_init__(self) -> None:
        if self.sims < 1:
            raise BadInput(f"{self.sims} playouts: use at least 1")
        if not (self.c >= 0 and 0 <= self.beta <= 1 and self.draw_scale > 0):
            raise BadInput(f"{self}: c must be at least 0, beta from 0 to 1, and the draw scale above 0")


@dataclass(frozen=True, slots=True)
class PlayoutResult:
    """The result of a search by random games, for N positions; finished ones have no visits."""

    actions: npt.NDArray[np.uint8]
    """[N, 64] legal actions, ascending, then EMPTY_SLOT"""
    visits: npt.NDArray[np.int32]
    """[N, 64] visits of each action"""
    value: npt.NDArray[np.float32]
    """[N] mean of all simulations, in the mover's frame"""
    chosen: npt.NDArray[np.int64]
    """[N] the lowest of the most visited actions"""


def search_by_playouts(
    rows: npt.NDArray[np.int64], settings: PlayoutSettings, seeds: npt.NDArray[np.uint64]
) -> PlayoutResult:
    """Search each of `rows` [N, 4]. seeds: random bits [N]; a row depends only on its own seed."""
    n = len(rows)
    actions = np.full((n, SLOTS), EMPTY_SLOT, np.uint8)
    visits, value = np.zeros((n, SLOTS), np.int32), np.zeros(n, np.float32)
    _search(
        np.ascontiguousarray(rows, np.int64),
        np.ascontiguousarray(seeds, np.uint64),
        *(settings.sims, settings.c, np.float32(settings.beta), np.float32(settings.draw_scale)),
        *(actions, visits, value),
    )
    chosen = np.take_along_axis(actions, visits.argmax(1)[:, None], 1)[:, 0].astype(np.int64)
    return PlayoutResult(actions, visits, value, chosen)


@kernel
def _search(rows, seeds, sims, c, beta, scale, actions, visits, value):
    """Fill actions, visits [N, 64] and value [N] of rows [N, 4]."""
    # Row 0 of the tree is the root, and row t + 1 the leaf that simulation t adds. W is in black's frame.
    tree = np.empty((sims + 1, 4), np.int64)
    legal = np.empty((sims + 1, SLOTS), np.int64)
    n_legal = np.empty(sims + 1, np.int64)
    child = np.empty((sims + 1, SLOTS), np.int64)
    edge_n = np.empty((sims + 1, SLOTS), np.int64)
    edge_w = np.empty((sims + 1, SLOTS))
    total = np.empty(sims + 1, np.int64)
    path_row, path_slot = np.empty(sims + 1, np.int64), np.empty(sims + 1, np.int64)
    end, scratch = np.empty(4, np.int64), np.empty(SLOTS, np.int64)
    for g in range(rows.shape[0]):
        state = seeds[g] | uint64(1)  # xorshift stays at 0
        _open_row(tree, legal, n_legal, child, edge_n, edge_w, total, 0, rows[g])
        if n_legal[0] == 0:
            continue
        total[0] = 1
        for t in range(sims):
            # Walk down to an action without visits, or to a finished row.
            at, depth = 0, 0
            while n_legal[at]:
                is_white = (tree[at, 3] >> PLAYER_SHIFT) & 1
                log_total = np.log(total[at] + 1.0)
                best, best_score = 0, -np.inf
                for i in range(n_legal[at]):
                    visited = edge_n[at, i]
                    score = UNVISITED
                    if visited:
                        mean = edge_w[at, i] / visited
                        score = (-mean if is_white else mean) + c * np.sqrt(log_total / visited)
                    if score > best_score:
                        best, best_score = i, score
                    if not visited:
                        break
                path_row[depth], path_slot[depth] = at, best
                depth += 1
                below = child[at, best]
                if below == 0:
                    child[at, best] = t + 1
                    step(tree[at], legal[at, best], end)
                    _open_row(tree, legal, n_legal, child, edge_n, edge_w, total, t + 1, end)
                    at = t + 1
                    break
                at = below
            # One random game from there, whose value is added along the path.
            end[:] = tree[at]
            state = play_to_the_end(end, scratch, state)
            found = final_value(end, beta, scale)
            total[at] += 1
            for d in range(depth):
                edge_n[path_row[d], path_slot[d]] += 1
                edge_w[path_row[d], path_slot[d]] += found
                total[path_row[d]] += 1
        summed = 0.0
        for i in range(n_legal[0]):
            actions[g, i] = legal[0, i]
            visits[g, i] = edge_n[0, i]
            summed += edge_w[0, i]
        is_white = (rows[g, 3] >> PLAYER_SHIFT) & 1
        value[g] = (-summed if is_white else summed) / sims


@kernel
def _open_row(tree, legal, n_legal, child, edge_n, edge_w, total, at, row):
    """Put a position into a row of the tree, without visits."""
    tree[at] = row
    n = legal_list(row, legal[at])
    n_legal[at] = n
    total[at] = 0
    for i in range(n):
        child[at, i] = 0
        edge_n[at, i] = 0
        edge_w[at, i] = 0.0
