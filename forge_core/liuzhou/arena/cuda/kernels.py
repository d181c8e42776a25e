"""The two kernels of a simulation. A program is a tree; loops over depth run inside it.

Arrays are those of `TensorTrees`, rows flat: tree g begins at row g * size. Arrays of a walk: path_row,
path_slot int32 [G, size], depth int32 [G], leaf int64 [G] (a flat row), is_new int32 [G], and the evaluator's
input, leaf_state int64 [G, 4] and leaf_actions uint8 [G, SLOTS].
"""

# Kernels are written in Triton's language, whose types are not Python's:
# pyright: reportArgumentType=false, reportOperatorIssue=false

from __future__ import annotations

import triton
import triton.language as tl

from forge_core.liuzhou.arena import gumbel
from forge_core.liuzhou.arena.cuda.rules import (
    BLACK_WON,
    DRAWN,
    GOING,
    count_stones,
    legal_bits,
    mover_sign,
    next_words,
    outcome_of,
)
from forge_core.liuzhou.state import layout

EMPTY_SLOT = tl.constexpr(layout.EMPTY_SLOT)
SMALLEST_PRIOR = tl.constexpr(gumbel.SMALLEST_PRIOR)
VISIT_OFFSET, VALUE_SCALE = tl.constexpr(gumbel.VISIT_OFFSET), tl.constexpr(gumbel.VALUE_SCALE)


# --- choices ----------------------------------------------------------------------------------
# Blocks of SLOTS numbers, one per action of a row.


@triton.jit
def puct_merits(sign, visits, sums, prior, value, row_visits, seen, c, fpu):
    """Return each action's value plus its exploration bonus, float32."""
    root = tl.sqrt_rn(row_visits.to(tl.float32))
    unvisited = tl.where(fpu >= 0, sign * value - fpu * tl.sqrt_rn(seen), 0.0)
    n = visits.to(tl.float32)
    q = tl.where(n > 0, tl.div_rn(sign * sums, tl.maximum(n, 1.0)), unvisited)
    return q + tl.div_rn(c * prior * root, 1.0 + n)


@triton.jit
def completed_values(sign, visits, sums, prior, value):
    """Return the completed values of actions in units of logits, float64, like `gumbel.scaled_values`."""
    n, weight, sign = visits.to(tl.float64), prior.to(tl.float64), sign.to(tl.float64)
    q = sign * sums.to(tl.float64) / tl.maximum(n, 1.0)
    total = tl.sum(n, 0)
    seen = tl.sum(tl.where(n > 0, weight, 0.0), 0)
    mean = tl.sum(weight * q, 0) / tl.maximum(seen, SMALLEST_PRIOR)  # q is 0 where nothing was visited
    mixed = (sign * value.to(tl.float64) + total * mean) / (1.0 + total)
    return (VISIT_OFFSET + tl.max(n, 0)) * VALUE_SCALE * tl.where(n > 0, q, mixed)


@triton.jit
def policy_merits(values, visits, prior, is_legal):
    """Return how far the visits of each action fall behind its improved policy, float64."""
    values = tl.where(is_legal, values, float("-inf"))
    weights = tl.maximum(prior.to(tl.float64), SMALLEST_PRIOR) * tl.exp(values - tl.max(values, 0))
    n = visits.to(tl.float64)
    return weights / tl.sum(weights, 0) - n / (1.0 + tl.sum(n, 0))


# --- down: to a leaf --------------------------------------------------------------------------


@triton.jit
def walk(
    state,
    actions,
    prior,
    child,
    visits,
    sums,
    row_visits,
    value,
    seen,
    used,
    scores,
    plan,
    path_row,
    path_slot,
    depth,
    leaf,
    is_new,
    leaf_state,
    leaf_actions,
    c,
    fpu,
    size,
    plan_size,
    SLOTS: tl.constexpr,
    IDS: tl.constexpr,
    GUMBEL: tl.constexpr,
):
    """Walk down each tree to a leaf, make its state, and list its actions.

    fpu: if below 0, unvisited actions count as 0. IDS: a power of two, at least the number of action ids.
    """
    g = tl.program_id(0).to(tl.int64)
    first = g * size
    slots = tl.arange(0, SLOTS)
    row, slot = first, tl.zeros((), tl.int64)
    steps = tl.zeros((), tl.int32)
    found_new = tl.zeros((), tl.int32)
    meta = tl.load(state + row * 4 + 3)
    is_walking = outcome_of(meta) == GOING
    while is_walking:
        # Read the row, one lane for every two actions, and take the best action.
        at = row * SLOTS + slots
        is_legal = tl.load(actions + at) != EMPTY_SLOT
        of_visits, of_sums, of_prior = tl.load(visits + at), tl.load(sums + at), tl.load(prior + at)
        own_value, own_visits = tl.load(value + row), tl.load(row_visits + row)
        sign = mover_sign(meta)
        if GUMBEL:
            merits = completed_values(sign, of_visits, of_sums, of_prior, own_value)
            if row == first:
                wanted = tl.load(plan + g * plan_size + own_visits - 1)
                merits += tl.load(scores + g * SLOTS + slots)
                is_legal = is_legal & (of_visits == wanted)
            else:
                merits = policy_merits(merits, of_visits, of_prior, is_legal)
        else:
            own_seen = tl.load(seen + row)
            merits = puct_merits(sign, of_visits, of_sums, of_prior, own_value, own_visits, own_seen, c, fpu)
        merits = tl.where(is_legal, merits, float("-inf"))
        slot = tl.argmax(merits, 0, tie_break_left=True).to(tl.int64)
        tl.store(path_row + g * size + steps, (row - first).to(tl.int32))
        tl.store(path_slot + g * size + steps, slot.to(tl.int32))
        # Continue with the child, if there is one; otherwise this is the last row.
        below = tl.load(child + row * SLOTS + slot).to(tl.int64)
        steps += 1
        found_new = (below == 0).to(tl.int32)
        row = tl.where(below == 0, row, first + below)
        meta = tl.load(state + row * 4 + 3)
        is_walking = (below != 0) & (outcome_of(meta) == GOING)

    # The state of the leaf: the last row after the last action. A finished row stays as it is. (No variable
    # of the loop may hold the previous row: Triton 3.6 gives it the value from before the loop.)
    action = tl.load(actions + row * SLOTS + slot).to(tl.int64)
    words = state + row * 4
    black, white, marked, meta = next_words(
        tl.load(words), tl.load(words + 1), tl.load(words + 2), tl.load(words + 3), action
    )
    new_row = first + tl.load(used + g)
    new = found_new == 1
    store_state(state + new_row * 4, black, white, marked, meta, new)
    store_state(leaf_state + g * 4, black, white, marked, meta, True)

    # Its legal actions, ascending: the number of legal ids below an id is its slot.
    ids = tl.arange(0, IDS)
    bits = legal_bits(black, white, marked, meta, ids)
    places, n = tl.cumsum(bits, 0) - bits, tl.sum(bits, 0)
    empty = tl.full((SLOTS,), EMPTY_SLOT, tl.uint8)
    listed = leaf_actions + g * SLOTS
    tl.store(listed + places, ids.to(tl.uint8), mask=bits == 1)
    tl.store(listed + slots, empty, mask=slots >= n)
    if new:
        listed = actions + new_row * SLOTS
        tl.store(listed + places, ids.to(tl.uint8), mask=bits == 1)
        tl.store(listed + slots, empty, mask=slots >= n)
    tl.store(depth + g, steps)
    tl.store(is_new + g, found_new)
    tl.store(leaf + g, tl.where(new, new_row, row))


@triton.jit
def store_state(words, black, white, marked, meta, mask):
    """Store the four words of a row where mask is True."""
    tl.store(words, black, mask=mask)
    tl.store(words + 1, white, mask=mask)
    tl.store(words + 2, marked, mask=mask)
    tl.store(words + 3, meta, mask=mask)


# --- up: with the value of the leaf -----------------------------------------------------------


@triton.jit
def absorb(
    state,
    prior,
    child,
    visits,
    sums,
    row_visits,
    value,
    seen,
    parent,
    used,
    path_row,
    path_slot,
    depth,
    leaf,
    is_new,
    leaf_prior,
    leaf_value,
    beta,
    draw_scale,
    size,
    SLOTS: tl.constexpr,
    LANES: tl.constexpr,
):
    """Store the evaluator's answer in new leaves, and add the value of each leaf along its path.

    leaf_prior float32 [G, SLOTS] and leaf_value float32 [G], black's frame: ignored in finished leaves.
    """
    g = tl.program_id(0).to(tl.int64)
    first = g * size
    slots = tl.arange(0, SLOTS)
    row, steps, new = tl.load(leaf + g), tl.load(depth + g), tl.load(is_new + g) == 1
    path = g * size
    result = tl.load(leaf_value + g)
    if new:
        at = row * SLOTS + slots
        tl.store(prior + at, tl.load(leaf_prior + g * SLOTS + slots))
        tl.store(child + at, tl.zeros((SLOTS,), tl.int16))
        tl.store(visits + at, tl.zeros((SLOTS,), tl.int32))
        tl.store(sums + at, tl.zeros((SLOTS,), tl.float32))
        tl.store(value + row, result)
        tl.store(row_visits + row, 1)
        tl.store(seen + row, 0.0)
        # The row above now has a child, and one more visited action.
        above = tl.load(path_row + path + steps - 1)
        edge = (first + above) * SLOTS + tl.load(path_slot + path + steps - 1)
        tl.store(parent + row, above.to(tl.int16))
        tl.store(child + edge, (row - first).to(tl.int16))
        tl.store(seen + first + above, tl.load(seen + first + above) + tl.load(prior + edge))
        tl.store(used + g, row - first + 1)
    else:
        tl.store(row_visits + row, tl.load(row_visits + row) + 1)
    meta = tl.load(state + row * 4 + 3)
    if outcome_of(meta) != GOING:
        black, white = tl.load(state + row * 4), tl.load(state + row * 4 + 1)
        lead = (count_stones(black) - count_stones(white)).to(tl.float32)
        drawn = beta * tl.minimum(1.0, tl.maximum(-1.0, tl.div_rn(lead, draw_scale)))
        won = tl.where(outcome_of(meta) == BLACK_WON, 1.0, -1.0)
        result = tl.where(outcome_of(meta) == DRAWN, drawn, won)
    # A path visits no row twice: many steps of it are added at once, without atomic operations.
    lanes = tl.arange(0, LANES)
    for begin in range(0, steps, LANES):
        on_path = begin + lanes < steps
        passed = first + tl.load(path_row + path + begin + lanes, mask=on_path, other=0)
        edges = passed * SLOTS + tl.load(path_slot + path + begin + lanes, mask=on_path, other=0)
        tl.store(visits + edges, tl.load(visits + edges, mask=on_path, other=0) + 1, mask=on_path)
        tl.store(sums + edges, tl.load(sums + edges, mask=on_path, other=0.0) + result, mask=on_path)
        tl.store(row_visits + passed, tl.load(row_visits + passed, mask=on_path, other=0) + 1, mask=on_path)
