"""The search compiled for the CPU: trees side by side, a leaf of each per simulation (see `kernels`)."""

from __future__ import annotations

import numpy as np

from forge_core.game import Array
from forge_core.liuzhou.arena.gumbel import log_priors, plan_of_halving
from forge_core.liuzhou.arena.kernels import (
    ROOT,
    ROW,
    Rule,
    Walks,
    absorb,
    keep_subtrees,
    start_roots,
    store_roots,
    walk,
)
from forge_core.liuzhou.arena.noise import mix_noise
from forge_core.liuzhou.arena.result import RootStatistics
from forge_core.liuzhou.evaluators import Evaluator, evaluate
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state.layout import EMPTY_SLOT, SLOTS


class CpuTrees:
    """Trees on the CPU, searched in lockstep by compiled kernels."""

    overflow = 0

    def __init__(self, games: int, settings: SearchSettings) -> None:
        """Allocate the trees."""
        rows = settings.tree_rows
        self.settings = settings
        self.n = 0
        """trees in use"""
        self.trees = np.zeros((games, rows), ROW)
        self.used = np.zeros(games, np.int64)
        """rows in use of each tree"""
        self.is_kept = np.zeros(games, np.bool_)
        """trees whose subtree `advance` kept"""
        self.walks = Walks(
            leaf=np.zeros(games, np.int64),
            is_new=np.zeros(games, np.bool_),
            depth=np.zeros(games, np.int64),
            row=np.zeros((games, rows), np.int16),
            slot=np.zeros((games, rows), np.uint8),
            leaf_state=np.zeros((games, 4), np.int64),
            leaf_actions=np.full((games, SLOTS), EMPTY_SLOT, np.uint8),
        )
        self.rule = Rule(
            c=np.float32(settings.c),
            fpu=np.float32(-1 if settings.fpu is None else settings.fpu),
            beta=np.float32(settings.beta),
            draw_scale=np.float32(settings.draw_scale),
            is_gumbel=settings.gumbel,
            plan=plan_of_halving(1),
            scores=np.zeros((1, SLOTS)),
        )

    def start(self, rows: Array, evaluator: Evaluator, sims: int, draws: Array | None) -> None:
        """Evaluate the roots and mix in their noise. draws: [N, SLOTS], see `Trees`."""
        self.n = n = len(rows)
        roots = self.trees[:n, ROOT]
        is_kept = self.is_kept[:n] & (roots["state"] == rows).all(1)
        self.is_kept[:] = False
        start_roots(rows, is_kept, self.trees, self.used)
        prior, value = contiguous(evaluator, rows, roots["actions"].copy())
        store_roots(is_kept, prior, value, self.trees)
        if self.settings.gumbel:
            scores = log_priors(roots["prior"])
            scores = scores if draws is None else scores + draws
            self.rule = self.rule._replace(plan=plan_of_halving(sims), scores=scores)
        elif draws is not None:
            roots["prior"] = mix_noise(roots["prior"], roots["actions"], draws, self.settings.noise)

    def simulate(self, evaluator: Evaluator) -> None:
        """Add a leaf to each tree, and add its value along the path to it."""
        n, walks = self.n, self.walks
        walk(n, self.trees, self.used, walks, self.rule)
        prior, value = contiguous(evaluator, walks.leaf_state[:n], walks.leaf_actions[:n])
        absorb(n, prior, value, self.trees, walks, self.rule)

    def root(self) -> RootStatistics:
        """Return the statistics of the roots."""
        roots = self.trees[: self.n, ROOT]
        names = ("actions", "prior", "visits", "sums", "row_visits", "value")
        arrays = {name: np.ascontiguousarray(roots[name]) for name in names}
        scores = self.rule.scores if self.settings.gumbel else None
        return RootStatistics(rows=roots["state"].copy(), scores=scores, **arrays)

    def advance(self, slots: Array) -> None:
        """Keep one action's subtree in each tree for the next search; see `Arena.advance`."""
        most = self.settings.tree_rows - self.settings.sims
        self.is_kept[:] = False
        keep_subtrees(slots.astype(np.int64), most, self.trees, self.used, self.is_kept)


def contiguous(evaluator: Evaluator, rows: Array, actions: Array) -> tuple[Array, Array]:
    """Return the evaluator's priors and values in the layout that the kernels are compiled for."""
    prior, value = evaluate(evaluator, rows, actions)
    return np.ascontiguousarray(prior), np.ascontiguousarray(value)
