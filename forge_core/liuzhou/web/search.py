"""The tree search of one position with the network as a kernel: `arena.cpu` without torch.

It finds the visits and values of a search with the same settings; see `arena.kernels` for the trees.
"""

from __future__ import annotations

import numpy as np
from numba import float32, int64

from forge_core.draws import uniform
from forge_core.kernels import kernel
from forge_core.liuzhou.arena.kernels import (
    ROOT,
    ROW,
    Rule,
    Walks,
    absorb,
    mover_sign,
    start_roots,
    store_roots,
    walk,
)
from forge_core.liuzhou.network.kernels import MEMORY, answer
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state.kernels import outcome_of
from forge_core.liuzhou.state.layout import GOING, SLOTS

SETTINGS = SearchSettings(sims=512)
"""the settings of a player `search:sims=512`; a search may stop earlier"""
N_ROWS = SETTINGS.tree_rows
assert SETTINGS.fpu is not None
_C, _FPU = np.float32(SETTINGS.c), np.float32(SETTINGS.fpu)
_BETA, _DRAW_SCALE = np.float32(SETTINGS.beta), np.float32(SETTINGS.draw_scale)

TREE = np.dtype(
    [
        ("rows", ROW, (1, N_ROWS)),
        ("used", np.int64, 1),
        ("is_kept", np.uint8, 1),
        ("leaf", np.int64, 1),
        ("is_new", np.uint8, 1),
        ("depth", np.int64, 1),
        ("row", np.int16, (1, N_ROWS)),
        ("slot", np.uint8, (1, N_ROWS)),
        ("leaf_state", np.int64, (1, 4)),
        ("leaf_actions", np.uint8, (1, SLOTS)),
        ("prior", np.float32, (1, SLOTS)),
        ("value", np.float32, 1),
        ("plan", np.int32, (1, 1)),
        ("scores", np.float64, (1, SLOTS)),
        ("network", MEMORY),
    ],
    align=True,
)
"""The memory of one search, zeros at first: its tree, its last walk, and the answer of the network.

Numba has no arrays of bool in records."""


@kernel
def begin(row, tree, weights, arranged):
    """Make the root of a position that is not finished. row: [4] int64. tree: TREE."""
    tree.is_kept[0] = False
    tree.leaf_state[0] = row
    start_roots(tree.leaf_state, tree.is_kept, tree.rows, tree.used)
    tree.leaf[0] = ROOT
    evaluate_leaf(tree, weights, arranged)
    store_roots(tree.is_kept, tree.prior, tree.value, tree.rows)


@kernel
def evaluate_leaf(tree, weights, arranged):
    """Write the network's priors and value of the row in which the last walk ended."""
    leaf = tree.rows[0, tree.leaf[0]]
    tree.value[0] = answer(
        leaf.state, leaf.actions, leaf.n_actions, weights, arranged, tree.network, tree.prior[0]
    )


@kernel
def simulate(tree, weights, arranged, n):
    """Make n simulations."""
    walks = Walks(
        tree.leaf,
        tree.is_new,
        tree.depth,
        tree.row,
        tree.slot,
        tree.leaf_state,
        tree.leaf_actions,
    )
    rule = Rule(_C, _FPU, _BETA, _DRAW_SCALE, False, tree.plan, tree.scores)
    for _ in range(n):
        walk(1, tree.rows, tree.used, walks, rule)
        if outcome_of(tree.rows[0, tree.leaf[0]].state) == GOING:
            evaluate_leaf(tree, weights, arranged)
        absorb(1, tree.prior, tree.value, tree.rows, walks, rule)


@kernel
def read_root(tree, actions, visits, prior, q):
    """Write the legal actions with their visits, priors and mean values; return their number.

    actions, visits: [SLOTS] int64. prior, q: [SLOTS] float64; q is in the mover's frame, 0 without visits.
    """
    root = tree.rows[0, ROOT]
    sign = mover_sign(root)
    for slot in range(root.n_actions):
        actions[slot] = root.actions[slot]
        visits[slot] = root.visits[slot]
        prior[slot] = root.prior[slot]
        n = max(float32(root.visits[slot]), float32(1))
        q[slot] = sign * root.sums[slot] / n
    return int64(root.n_actions)


@kernel
def pick_best(worth, n, key):
    """Return the slot of the greatest of n numbers; ties are broken by the key, as `players.choice` does."""
    greatest = worth[0]
    for slot in range(1, n):
        greatest = max(greatest, worth[slot])
    total = 0
    for slot in range(n):
        total += int64(worth[slot] == greatest)
    draw, placed = uniform(key) * total, 0
    for slot in range(n):
        placed += int64(worth[slot] == greatest)
        if placed > draw:
            return slot
    return 0
