"""Kernels of the search on a CPU, and the records that they work on.

Trees are records of type ROW, [G, R]: row r of tree g is at [g, r], the root at [g, ROOT], and a new leaf
takes the tree's next free row. A simulation has two passes around the evaluator: `walk` goes down to a leaf,
makes its row and lists its actions, and `absorb` stores the answer and adds its value along the path. All
values are in BLACK's frame; arithmetic is in float32, in the order of reference.py.
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
"""marks an action without a child: row 0 is the root, which is never a child"""
ROOT = int64(0)
"""the root's row; typed, because numba would compile each kernel again for a literal 0"""

ROW = np.dtype(
    [
        ("state", np.int64, 4),
        ("value", np.float32),  # from the evaluator
        ("seen", np.float32),  # priors of the visited actions, added in the order of their first visits
        ("row_visits", np.int32),  # including the row's own evaluation
        ("n_actions", np.int32),
        ("actions", np.uint8, SLOTS),  # legal actions, ascending, then EMPTY_SLOT
        ("child", np.int16, SLOTS),  # the row that an action leads to, or NO_CHILD
        ("prior", np.float32, SLOTS),
        ("visits", np.int32, SLOTS),
        ("sums", np.float32, SLOTS),  # sum of the values passed back through an action
    ],
    align=True,
)
"""A row of a tree: a position, its value and visits, and fields with a number per action.

The 1,008 bytes that a simulation reads are contiguous: separate arrays would be in separate pages.
"""


class Walks(NamedTuple):
    """The last walk down each of G trees."""

    leaf: np.ndarray
    """int64 [G]: the row it ended in"""
    is_new: np.ndarray
    """bool [G]: the row was made by this walk"""
    depth: np.ndarray
    """int64 [G]: actions taken"""
    row: np.ndarray
    """int16 [G, R]: the rows in which they were taken"""
    slot: np.ndarray
    """uint8 [G, R]: the slots of these actions"""
    leaf_state: np.ndarray
    """int64 [G, 4]: the positions to evaluate"""
    leaf_actions: np.ndarray
    """uint8 [G, SLOTS]"""


class Rule(NamedTuple):
    """The settings by which a walk chooses actions."""

    c: np.float32
    fpu: np.float32
    """below 0: unvisited actions count as 0"""
    beta: np.float32
    draw_scale: np.float32
    is_gumbel: bool
    plan: np.ndarray
    """int32 [CONSIDERED + 1, sims], see `plan_of_halving`"""
    scores: np.ndarray
    """float64 [G, SLOTS]: logits and noise of the roots; with gumbel only"""


# --- the start of a search --------------------------------------------------------------------


@kernel
def start_roots(states, is_kept, trees, used):
    """Set up the root of each tree that keeps no subtree, and list its actions.

    used: int64 [G], rows in use of each tree.
    """
    for g in range(states.shape[0]):
        if not is_kept[g]:
            copy(states[g], trees[g, ROOT].state)
            list_actions(trees[g, ROOT])
            used[g] = 1


@kernel
def store_roots(is_kept, prior, value, trees):
    """Store the evaluator's answer for each root that was set up."""
    for g in range(is_kept.shape[0]):
        if not is_kept[g]:
            store_evaluation(trees[g, ROOT], prior[g], value[g])
            trees[g, ROOT].row_visits = 1


@kernel
def list_actions(row):
    """List the legal actions of a row; all slots are written, since rows are reused."""
    n = legal_list(row.state, row.actions)
    row.n_actions = n
    for slot in range(n, SLOTS):
        row.actions[slot] = EMPTY_SLOT


@kernel
def store_evaluation(row, prior, value):
    """Reset a row to no visits, with these priors and this value; all slots are written."""
    row.value = value
    row.seen = 0
    row.row_visits = 0
    for slot in range(SLOTS):
        row.child[slot] = NO_CHILD
        row.prior[slot] = prior[slot]
        row.visits[slot] = 0
        row.sums[slot] = 0


@kernel
def copy(numbers, to):
    """Copy an array [n] into another of the same length and type."""
    for i in range(numbers.shape[0]):
        to[i] = numbers[i]


# --- down: to a leaf --------------------------------------------------------------------------


@kernel
def walk(n, trees, used, walks, rule):
    """Walk down each of n trees to a leaf, make it if it is new, and copy it to where evaluators read it."""
    scores, merits = np.empty(SLOTS, np.float32), np.empty(SLOTS, np.float64)
    for g in range(n):
        leaf = walk_down(g, trees, used, walks, rule, scores, merits)
        walks.leaf[g] = leaf
        copy(trees[g, leaf].state, walks.leaf_state[g])
        copy(trees[g, leaf].actions, walks.leaf_actions[g])


@kernel
def walk_down(g, trees, used, walks, rule, scores, merits):
    """Take the best action until it leads to a new row or to the end of the game. Return the row."""
    row, depth = ROOT, 0
    walks.is_new[g] = False
    while outcome_of(trees[g, row].state) == GOING and not walks.is_new[g]:
        if not rule.is_gumbel:
            slot = choose_by_puct(trees[g, row], rule.c, rule.fpu, scores)
        elif row == ROOT:
            slot = choose_by_halving(trees[g, row], rule.plan, rule.scores[g], merits)
        else:
            slot = choose_by_policy(trees[g, row], merits)
        walks.row[g, depth] = row
        walks.slot[g, depth] = slot
        depth += 1
        child = int64(trees[g, row].child[slot])
        if child == NO_CHILD:
            child = used[g]
            used[g] += 1
            make_child(trees[g, row], slot, child, trees[g, child])
            walks.is_new[g] = True
        row = child
    walks.depth[g] = depth
    return row


@kernel
def make_child(parent, slot, number, child):
    """Make the row that an action leads to. number: the child's."""
    parent.child[slot] = number
    parent.seen += parent.prior[slot]
    step(parent.state, parent.actions[slot], child.state)
    list_actions(child)


@kernel
def first_maximum(numbers, n):
    """Return the index of the greatest of n numbers, the first if tied."""
    best = 0
    for i in range(1, n):
        if numbers[i] > numbers[best]:
            best = i
    return best


@kernel
def mover_sign(row):
    """Return 1 if black is to move, -1 if white is; float32."""
    return float32(1 - 2 * ((row.state[3] >> PLAYER_SHIFT) & 1))


@kernel
def choose_by_puct(row, c, fpu, scores):
    """Return the slot with the greatest sum of value and exploration bonus. scores: [SLOTS], scratch."""
    sign, root = mover_sign(row), np.sqrt(float32(row.row_visits))
    unvisited = float32(0)
    if fpu >= 0:
        unvisited = sign * row.value - fpu * np.sqrt(row.seen)
    for slot in range(row.n_actions):
        n = float32(row.visits[slot])
        q = sign * row.sums[slot] / n if n > 0 else unvisited
        scores[slot] = q + c * row.prior[slot] * root / (float32(1) + n)
    return first_maximum(scores, row.n_actions)


@kernel
def complete_values(row, values):
    """Write the completed values of a row's actions in units of logits, like `gumbel.scaled_values`."""
    sign = float64(mover_sign(row))
    # First the visited actions: their values, and the mean of these by prior.
    total, most, seen, mean = 0, 0, 0.0, 0.0
    for slot in range(row.n_actions):
        if row.visits[slot] > 0:
            values[slot] = sign * row.sums[slot] / row.visits[slot]
            total += row.visits[slot]
            most = max(most, row.visits[slot])
            seen += float64(row.prior[slot])
            mean += row.prior[slot] * values[slot]
    mean /= max(seen, SMALLEST_PRIOR)
    mixed = (sign * row.value + total * mean) / (1 + total)
    # Then the others take the mixed value, and all are scaled.
    weight = (VISIT_OFFSET + most) * VALUE_SCALE
    for slot in range(row.n_actions):
        values[slot] = weight * (values[slot] if row.visits[slot] > 0 else mixed)


@kernel
def choose_by_halving(root, plan, scores, merits):
    """Return the best slot of a root among those with as many visits as its plan requires.

    scores: [SLOTS], logits and noise. merits: [SLOTS], scratch.
    """
    complete_values(root, merits)
    wanted = plan[min(root.n_actions, CONSIDERED), root.row_visits - 1]
    for slot in range(root.n_actions):
        merits[slot] = merits[slot] + scores[slot] if root.visits[slot] == wanted else -np.inf
    return first_maximum(merits, root.n_actions)


@kernel
def choose_by_policy(row, merits):
    """Return the slot whose share of the visits falls behind its improved policy the most.

    merits: [SLOTS], scratch.
    """
    complete_values(row, merits)
    greatest = merits[first_maximum(merits, row.n_actions)]
    weight, total = 0.0, 0
    for slot in range(row.n_actions):
        merits[slot] = max(float64(row.prior[slot]), SMALLEST_PRIOR) * np.exp(merits[slot] - greatest)
        weight += merits[slot]
        total += row.visits[slot]
    for slot in range(row.n_actions):
        merits[slot] = merits[slot] / weight - row.visits[slot] / (1 + total)
    return first_maximum(merits, row.n_actions)


# --- up: with the value of the leaf -----------------------------------------------------------


@kernel
def absorb(n, prior, value, trees, walks, rule):
    """Store the evaluator's answer in new leaves, and add the value of each leaf along its path."""
    for g in range(n):
        leaf = walks.leaf[g]
        if walks.is_new[g]:
            store_evaluation(trees[g, leaf], prior[g], value[g])
        leaf_value = trees[g, leaf].value
        if outcome_of(trees[g, leaf].state) != GOING:
            leaf_value = final_value(trees[g, leaf].state, rule.beta, rule.draw_scale)
        trees[g, leaf].row_visits += 1
        for d in range(walks.depth[g]):
            add_value(trees[g, walks.row[g, d]], walks.slot[g, d], leaf_value)


@kernel
def add_value(row, slot, value):
    """Count a visit to a row and to one of its actions, and add the value that was passed back."""
    row.visits[slot] += 1
    row.sums[slot] += value
    row.row_visits += 1


# --- reuse: the subtree of an action becomes the tree -----------------------------------------


@kernel
def keep_subtrees(slots, most, trees, used, is_kept):
    """Move one action's subtree to the front of each tree; drop it if it has no rows or too many.

    slots: int64 [N], -1 for none. most: the largest number of rows that is kept.
    """
    new_row = np.empty(trees.shape[1], np.int64)
    for g in range(slots.shape[0]):
        top = int64(NO_CHILD)
        if slots[g] >= 0:
            top = int64(trees[g, ROOT].child[slots[g]])
        n = number_subtree(trees[g], used[g], top, new_row) if top != NO_CHILD else 0
        is_kept[g] = 0 < n <= most
        if is_kept[g]:
            move_rows(trees[g], used[g], new_row)
            used[g] = n


@kernel
def number_subtree(tree, used, top, new_row):
    """Number the rows of a subtree from 0 in their order, -1 for all others. Return how many there are.

    A child comes after its parent, so one pass finds all rows below `top`.
    """
    for r in range(used):
        new_row[r] = -1
    new_row[top] = 0
    n = 0
    for r in range(top, used):
        if new_row[r] >= 0:
            new_row[r] = n
            n += 1
            mark_children(tree[r], new_row)
    return n


@kernel
def mark_children(row, new_row):
    """Mark the children of a row as rows to be numbered."""
    for slot in range(row.n_actions):
        if row.child[slot] != NO_CHILD:
            new_row[row.child[slot]] = 0


@kernel
def move_rows(tree, used, new_row):
    """Move the numbered rows to their new places, all of them nearer to the front."""
    for r in range(used):
        if new_row[r] >= 0:
            tree[new_row[r]] = tree[r]
            rename_children(tree[new_row[r]], new_row)


@kernel
def rename_children(row, new_row):
    """Give the children of a row their new numbers."""
    for slot in range(SLOTS):
        if row.child[slot] != NO_CHILD:
            row.child[slot] = new_row[row.child[slot]]
