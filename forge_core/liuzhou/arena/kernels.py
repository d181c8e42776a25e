"""Kernels of the search on a CPU, and the arrays that they work on.

Every array has a fixed size; row r of tree g stands at [g, r], the root at [g, 0], and a new leaf takes the
tree's next free row. A simulation has two passes around the evaluator: `walk` goes down to a leaf, makes
its row and lists its actions, and `absorb` stores the answer and adds its value along the path. All values
are in BLACK's frame; arithmetic is in float32, in the order of reference.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import float32, float64, int64

from forge_core.kernels import kernel
from forge_core.liuzhou.arena.gumbel import CONSIDERED, SMALLEST_PRIOR, VALUE_SCALE, VISIT_OFFSET
from forge_core.liuzhou.evaluators import final_value
from forge_core.liuzhou.state.kernels import legal_list, outcome_of, step
from forge_core.liuzhou.state.layout import EMPTY_SLOT, GOING, PLAYER_SHIFT, SLOTS

NO_CHILD = 0
"""the root is nobody's child"""


class Forest(NamedTuple):
    """G trees of R rows each: numbers of rows [G, R], and of the actions of each row [G, R, SLOTS]."""

    state: np.ndarray
    """int64 [G, R, 4]"""
    actions: np.ndarray
    """uint8: legal actions, ascending, then EMPTY_SLOT"""
    prior: np.ndarray
    """float32"""
    child: np.ndarray
    """int16: the row that an action leads to, or NO_CHILD"""
    visits: np.ndarray
    """int32"""
    sums: np.ndarray
    """float32: sum of the values that came back through an action"""
    n_actions: np.ndarray
    """int32 [G, R]"""
    row_visits: np.ndarray
    """int32 [G, R]: its own evaluation counted"""
    value: np.ndarray
    """float32 [G, R]: the evaluator's"""
    seen: np.ndarray
    """float32 [G, R]: priors of the visited actions, added in the order of their first visits"""
    used: np.ndarray
    """int32 [G]: rows in use"""


class Walks(NamedTuple):
    """The last walk down each of G trees."""

    leaf: np.ndarray
    """int32 [G]: the row it ended in"""
    is_new: np.ndarray
    """bool [G]: the row was made by this walk"""
    depth: np.ndarray
    """int32 [G]: actions taken"""
    row: np.ndarray
    """int32 [G, R]: the rows in which they were taken"""
    slot: np.ndarray
    """uint8 [G, R]: the slots that they stand in"""
    leaf_state: np.ndarray
    """int64 [G, 4]: what the evaluator is asked about"""
    leaf_actions: np.ndarray
    """uint8 [G, SLOTS]"""


class Rule(NamedTuple):
    """The numbers that choose a way down; float32 but for the plan and the scores."""

    c: float
    fpu: float
    """below 0: unvisited actions count 0"""
    beta: float
    draw_scale: float
    gumbel: bool
    plan: np.ndarray
    """int32 [CONSIDERED + 1, sims], see `plan_of_halving`"""
    scores: np.ndarray
    """float64 [G, SLOTS]: logits and noise of the roots; with gumbel only"""


# --- the start of a search --------------------------------------------------------------------


@kernel
def start_roots(n, rows, kept, forest):
    """Set up the root of each tree that keeps no subtree, and list its actions."""
    for g in range(n):
        if not kept[g]:
            forest.state[g, 0] = rows[g]
            list_actions(g, 0, forest)
            forest.used[g] = 1


@kernel
def store_roots(kept, prior, value, forest):
    """Store the evaluator's answer of each root that was set up."""
    for g in range(kept.shape[0]):
        if not kept[g]:
            store_evaluation(g, 0, prior[g], value[g], forest)
            forest.row_visits[g, 0] = 1


@kernel
def list_actions(g, row, forest):
    """List the legal actions of a row; all slots are written, as rows are used again."""
    actions = forest.actions[g, row]
    n = legal_list(forest.state[g, row], actions)
    forest.n_actions[g, row] = n
    actions[n:] = EMPTY_SLOT


@kernel
def store_evaluation(g, row, prior, value, forest):
    """Make a row one without visits that has these priors and this value; all slots are written."""
    forest.prior[g, row] = prior
    forest.child[g, row] = NO_CHILD
    forest.visits[g, row] = 0
    forest.sums[g, row] = 0
    forest.value[g, row] = value
    forest.row_visits[g, row] = 0
    forest.seen[g, row] = 0


# --- down: to a leaf --------------------------------------------------------------------------


@kernel
def walk(n, forest, walks, rule):
    """Walk down each tree to a leaf, make it if it is new, and copy it to where the evaluator reads it."""
    scores = np.empty(SLOTS, np.float32)
    merits = np.empty(SLOTS, np.float64)
    for g in range(n):
        row = walk_down(g, forest, walks, rule, scores, merits)
        walks.leaf[g] = row
        walks.leaf_state[g] = forest.state[g, row]
        walks.leaf_actions[g] = forest.actions[g, row]


@kernel
def walk_down(g, forest, walks, rule, scores, merits):
    """Take the best action until it leads to a new row or to the end of the game. Return the row."""
    row, depth = 0, 0
    walks.is_new[g] = False
    while outcome_of(forest.state[g, row]) == GOING and not walks.is_new[g]:
        slot = choose(g, row, forest, rule, scores, merits)
        walks.row[g, depth] = row
        walks.slot[g, depth] = slot
        depth += 1
        child = int64(forest.child[g, row, slot])
        if child == NO_CHILD:
            child = add_child(g, row, slot, forest)
            walks.is_new[g] = True
        row = child
    walks.depth[g] = depth
    return row


@kernel
def add_child(g, row, slot, forest):
    """Make the row that an action leads to, in the next free place, and return it."""
    child = int64(forest.used[g])
    forest.used[g] = child + 1
    forest.child[g, row, slot] = child
    forest.seen[g, row] += forest.prior[g, row, slot]
    step(forest.state[g, row], forest.actions[g, row, slot], forest.state[g, child])
    list_actions(g, child, forest)
    return child


@kernel
def choose(g, row, forest, rule, scores, merits):
    """Return the slot of the action that a simulation takes."""
    if not rule.gumbel:
        puct_scores(g, row, forest, rule, scores)
        return first_maximum(scores, forest.n_actions[g, row])
    completed_values(g, row, forest, merits)
    if row == 0:
        halving_merits(g, forest, rule, merits)
    else:
        policy_merits(g, row, forest, merits)
    return first_maximum(merits, forest.n_actions[g, row])


@kernel
def first_maximum(numbers, n):
    """Return the first place of the greatest of n numbers."""
    best = 0
    for i in range(1, n):
        if numbers[i] > numbers[best]:
            best = i
    return best


@kernel
def mover_sign(g, row, forest):
    """Return 1 if black is to move, -1 if white is; float32."""
    return float32(1 - 2 * ((forest.state[g, row, 3] >> PLAYER_SHIFT) & 1))


@kernel
def puct_scores(g, row, forest, rule, scores):
    """Write the value of each action and its bonus for exploration, float32."""
    prior, visits, sums = forest.prior[g, row], forest.visits[g, row], forest.sums[g, row]
    sign = mover_sign(g, row, forest)
    root = np.sqrt(float32(forest.row_visits[g, row]))
    unvisited = float32(0)
    if rule.fpu >= 0:
        unvisited = sign * forest.value[g, row] - rule.fpu * np.sqrt(forest.seen[g, row])
    for i in range(forest.n_actions[g, row]):
        n = float32(visits[i])
        q = sign * sums[i] / n if n > 0 else unvisited
        scores[i] = q + rule.c * prior[i] * root / (float32(1) + n)


@kernel
def completed_values(g, row, forest, values):
    """Write the completed values of a row's actions in units of logits, as `gumbel.scaled_values`."""
    prior, visits, sums = forest.prior[g, row], forest.visits[g, row], forest.sums[g, row]
    n, sign = forest.n_actions[g, row], float64(mover_sign(g, row, forest))
    # First the visited actions: their values, and the mean of these by prior.
    total, most, seen, mean = 0, 0, 0.0, 0.0
    for i in range(n):
        if visits[i] > 0:
            values[i] = sign * sums[i] / visits[i]
            total += visits[i]
            most = max(most, visits[i])
            seen += float64(prior[i])
            mean += prior[i] * values[i]
    mean /= max(seen, SMALLEST_PRIOR)
    mixed = (sign * forest.value[g, row] + total * mean) / (1 + total)
    # Then the others take the mixed value, and all are scaled.
    weight = (VISIT_OFFSET + most) * VALUE_SCALE
    for i in range(n):
        values[i] = weight * (values[i] if visits[i] > 0 else mixed)


@kernel
def halving_merits(g, forest, rule, merits):
    """Turn completed values of a root into scores: -inf for actions without the planned visits."""
    n = forest.n_actions[g, 0]
    wanted = rule.plan[min(n, CONSIDERED), forest.row_visits[g, 0] - 1]
    for i in range(n):
        if forest.visits[g, 0, i] == wanted:
            merits[i] += rule.scores[g, i]
        else:
            merits[i] = -np.inf


@kernel
def policy_merits(g, row, forest, merits):
    """Turn completed values into how far the visits of each action fall behind its improved policy."""
    prior, visits = forest.prior[g, row], forest.visits[g, row]
    n = forest.n_actions[g, row]
    greatest, total = merits[first_maximum(merits, n)], 0
    weight = 0.0
    for i in range(n):
        merits[i] = max(float64(prior[i]), SMALLEST_PRIOR) * np.exp(merits[i] - greatest)
        weight += merits[i]
        total += visits[i]
    for i in range(n):
        merits[i] = merits[i] / weight - visits[i] / (1 + total)


# --- up: with the value of the leaf -----------------------------------------------------------


@kernel
def absorb(n, prior, value, forest, walks, rule):
    """Store the evaluator's answer in new leaves, and add the value of each leaf along its path."""
    for g in range(n):
        leaf = walks.leaf[g]
        if walks.is_new[g]:
            store_evaluation(g, leaf, prior[g], value[g], forest)
        if outcome_of(forest.state[g, leaf]) == GOING:
            back_up(g, forest.value[g, leaf], forest, walks)
        else:
            back_up(g, final_value(forest.state[g, leaf], rule.beta, rule.draw_scale), forest, walks)


@kernel
def back_up(g, value, forest, walks):
    """Count a visit of the leaf and of all that led to it, and add the value to the latter."""
    forest.row_visits[g, walks.leaf[g]] += 1
    for d in range(walks.depth[g]):
        row, slot = walks.row[g, d], walks.slot[g, d]
        forest.visits[g, row, slot] += 1
        forest.sums[g, row, slot] += value
        forest.row_visits[g, row] += 1


# --- reuse: the subtree of an action becomes the tree -----------------------------------------


@kernel
def keep_subtrees(slots, most, forest, is_kept):
    """Move the subtree of an action of each tree to its front; not kept: without rows, or with too many.

    slots: [N], -1 for none. most: rows that may be kept.
    """
    new_row = np.empty(forest.state.shape[1], np.int32)
    for g in range(slots.shape[0]):
        top = int64(forest.child[g, 0, slots[g]]) if slots[g] >= 0 else NO_CHILD
        n = number_subtree(g, top, forest, new_row) if top != NO_CHILD else 0
        is_kept[g] = 0 < n <= most
        if is_kept[g]:
            move_rows(g, top, new_row, forest)
            forest.used[g] = n


@kernel
def number_subtree(g, top, forest, new_row):
    """Number the rows of a subtree from 0 in their order, -1 for all others. Return how many there are.

    A child stands after its parent, so that one pass finds all rows below `top`.
    """
    new_row[:] = -1
    new_row[top] = 0
    n = 0
    for row in range(top, forest.used[g]):
        if new_row[row] >= 0:
            new_row[row] = n
            n += 1
            for slot in range(forest.n_actions[g, row]):
                if forest.child[g, row, slot] != NO_CHILD:
                    new_row[forest.child[g, row, slot]] = 0
    return n


@kernel
def move_rows(g, top, new_row, forest):
    """Move the numbered rows to their new places, all of them nearer to the front."""
    for row in range(top, forest.used[g]):
        to = new_row[row]
        if to >= 0:
            forest.state[g, to] = forest.state[g, row]
            forest.actions[g, to] = forest.actions[g, row]
            forest.prior[g, to] = forest.prior[g, row]
            forest.visits[g, to] = forest.visits[g, row]
            forest.sums[g, to] = forest.sums[g, row]
            forest.n_actions[g, to] = forest.n_actions[g, row]
            forest.row_visits[g, to] = forest.row_visits[g, row]
            forest.value[g, to] = forest.value[g, row]
            forest.seen[g, to] = forest.seen[g, row]
            for slot in range(SLOTS):
                child = forest.child[g, row, slot]
                forest.child[g, to, slot] = new_row[child] if child != NO_CHILD else NO_CHILD
