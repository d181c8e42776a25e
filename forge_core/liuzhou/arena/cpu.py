"""The search compiled for the CPU: trees side by side, a leaf of each per simulation (see `kernels`)."""

from __future__ import annotations

import numpy as np

from forge_core.liuzhou.arena.gumbel import log_priors, plan_of_halving
from forge_core.liuzhou.arena.kernels import (
    Forest,
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
from forge_core.liuzhou.evaluators import Array, Evaluator
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state.layout import EMPTY_SLOT, SLOTS


class CpuTrees:
    """Trees on the CPU, searched in lockstep by compiled kernels."""

    overflow = 0

    def __init__(self, games: int, settings: SearchSettings) -> None:
        rows = settings.tree_rows
        self.settings = settings
        self.n = 0
        """trees in use"""
        self.is_kept = np.zeros(games, np.bool_)
        """trees whose subtree `advance` kept"""
        self.forest = Forest(
            state=np.zeros((games, rows, 4), np.int64),
            actions=np.full((games, rows, SLOTS), EMPTY_SLOT, np.uint8),
            prior=np.zeros((games, rows, SLOTS), np.float32),
            child=np.zeros((games, rows, SLOTS), np.int16),
            visits=np.zeros((games, rows, SLOTS), np.int32),
            sums=np.zeros((games, rows, SLOTS), np.float32),
            n_actions=np.zeros((games, rows), np.int32),
            row_visits=np.zeros((games, rows), np.int32),
            value=np.zeros((games, rows), np.float32),
            seen=np.zeros((games, rows), np.float32),
            used=np.zeros(games, np.int32),
        )
        self.walks = Walks(
            leaf=np.zeros(games, np.int32),
            is_new=np.zeros(games, np.bool_),
            depth=np.zeros(games, np.int32),
            row=np.zeros((games, rows), np.int32),
            slot=np.zeros((games, rows), np.uint8),
            leaf_state=np.zeros((games, 4), np.int64),
            leaf_actions=np.full((games, SLOTS), EMPTY_SLOT, np.uint8),
        )
        self.rule = Rule(
            np.float32(settings.c),
            np.float32(-1 if settings.fpu is None else settings.fpu),
            np.float32(settings.beta),
            np.float32(settings.draw_scale),
            settings.gumbel,
            plan_of_halving(1),
            np.zeros((1, SLOTS)),
        )

    def start(self, rows: Array, evaluator: Evaluator, sims: int, draws: Array | None) -> None:
        """Evaluate the roots and mix their noise in. draws: [N, SLOTS], see `Trees`."""
        forest, n = self.forest, len(rows)
        self.n = n
        kept = self.is_kept[:n] & (forest.state[:n, 0] == rows).all(1)
        self.is_kept[:] = False
        start_roots(n, rows, kept, forest)
        prior, value = answer(evaluator, rows, forest.actions[:n, 0].copy())
        store_roots(kept, prior, value, forest)
        if self.settings.gumbel:
            scores = log_priors(forest.prior[:n, 0])
            scores = scores if draws is None else scores + draws
            self.rule = self.rule._replace(plan=plan_of_halving(sims), scores=scores)
        elif draws is not None:
            noise = self.settings.noise
            forest.prior[:n, 0] = mix_noise(forest.prior[:n, 0], forest.actions[:n, 0], draws, noise)

    def simulate(self, evaluator: Evaluator) -> None:
        """Add a leaf to each tree, and its value to the path that leads to it."""
        n = self.n
        walk(n, self.forest, self.walks, self.rule)
        prior, value = answer(evaluator, self.walks.leaf_state[:n], self.walks.leaf_actions[:n])
        absorb(n, prior, value, self.forest, self.walks, self.rule)

    def root(self) -> RootStatistics:
        """Return the numbers at the roots."""
        forest, n = self.forest, self.n
        return RootStatistics(
            rows=forest.state[:n, 0].copy(),
            actions=forest.actions[:n, 0].copy(),
            prior=forest.prior[:n, 0].copy(),
            visits=forest.visits[:n, 0].copy(),
            sums=forest.sums[:n, 0].copy(),
            row_visits=forest.row_visits[:n, 0].copy(),
            value=forest.value[:n, 0].copy(),
            scores=self.rule.scores if self.settings.gumbel else None,
        )

    def advance(self, slots: Array) -> None:
        """Keep the subtree of an action of each tree for the next search; see `Arena.advance`."""
        most = self.settings.tree_rows - self.settings.sims
        self.is_kept[:] = False
        keep_subtrees(slots, most, self.forest, self.is_kept)


def answer(evaluator: Evaluator, rows: Array, actions: Array) -> tuple[Array, Array]:
    """Return the evaluator's priors and values in the layout that the kernels are compiled for."""
    prior, value = evaluator(rows, actions)
    return np.ascontiguousarray(prior, np.float32), np.ascontiguousarray(value, np.float32)
