"""The rules for one row as Triton device functions without branches: twins of those in `state.tensors`.

Arguments and results are scalars; words are int64. The functions are inlined where they are called.
"""

# Kernels are written in Triton's language, whose types are not Python's:
# pyright: reportArgumentType=false, reportOperatorIssue=false

from __future__ import annotations

import triton
import triton.language as tl

from forge_core.liuzhou import rules
from forge_core.liuzhou.state import layout

# Constants of the rules, in the form that kernels can read.
PLACE, MARK, REMOVAL, MOVE, CAPTURE, FORCED, COUNTER = map(tl.constexpr, range(1, 8))
STEP_FROM, SELECT_FROM = tl.constexpr(rules.STEP_FROM), tl.constexpr(rules.SELECT_FROM)
SWEEP, N_CELLS = tl.constexpr(rules.SWEEP), tl.constexpr(rules.N_CELLS)
MAX_MOVES, QUIET_LIMIT = tl.constexpr(rules.MAX_MOVES), tl.constexpr(rules.QUIET_LIMIT)
FULL, ROW_0, COLUMN_0 = map(tl.constexpr, (layout.FULL, layout.ROW_0, layout.COLUMN_0))
NOT_COLUMN_0, NOT_COLUMN_5 = map(tl.constexpr, (layout.NOT_COLUMN_0, layout.NOT_COLUMN_5))
PHASE_MASK, PLAYER_SHIFT = tl.constexpr(layout.PHASE_MASK), tl.constexpr(layout.PLAYER_SHIFT)
PENDING_SHIFT, PENDING_MASK = tl.constexpr(layout.PENDING_SHIFT), tl.constexpr(layout.PENDING_MASK)
FORCED_SHIFT, FORCED_MASK = tl.constexpr(layout.FORCED_SHIFT), tl.constexpr(layout.FORCED_MASK)
COUNT_SHIFT, COUNT_MASK = tl.constexpr(layout.COUNT_SHIFT), tl.constexpr(layout.COUNT_MASK)
QUIET_SHIFT, QUIET_MASK = tl.constexpr(layout.QUIET_SHIFT), tl.constexpr(layout.QUIET_MASK)
OUTCOME_SHIFT, OUTCOME_MASK = tl.constexpr(layout.OUTCOME_SHIFT), tl.constexpr(layout.OUTCOME_MASK)
GOING, BLACK_WON, WHITE_WON, DRAWN = map(tl.constexpr, range(4))


@triton.jit
def outcome_of(meta):
    """Return GOING, BLACK_WON, WHITE_WON or DRAWN."""
    return (meta >> OUTCOME_SHIFT) & OUTCOME_MASK


@triton.jit
def mover_sign(meta):
    """Return 1.0 if black is to move, -1.0 if white is; float32."""
    return 1.0 - 2.0 * ((meta >> PLAYER_SHIFT) & 1).to(tl.float32)


@triton.jit
def count_stones(word):
    """Return the number of stones in a word, by adding ever wider fields."""
    word = word - ((word >> 1) & 0x555555555)
    word = (word & 0x333333333) + ((word >> 2) & 0x333333333)
    word = (word + (word >> 4)) & 0xF0F0F0F0F
    word += word >> 8
    word += word >> 16
    return (word + (word >> 32)) & 63


@triton.jit
def few(word):
    """Return True if a word has fewer than four stones: clearing the lowest three leaves none."""
    word = word & (word - 1)
    word = word & (word - 1)
    return (word & (word - 1)) == 0


@triton.jit
def squares(live):
    """Return the word of all stones that stand in a square."""
    pairs = live & (live >> 1) & NOT_COLUMN_5
    corners = pairs & (pairs >> 6)
    return corners | (corners << 1) | (corners << 6) | (corners << 7)


@triton.jit
def lines(live):
    """Return the word of all stones that stand in a whole row or column."""
    across = live & (live >> 1)
    across = across & (across >> 2) & (across >> 4) & COLUMN_0
    down = live & (live >> 6)
    down = down & (down >> 12) & (down >> 24) & ROW_0
    return (across * ROW_0) | (down * COLUMN_0)


@triton.jit
def candidates(black, white, marked, meta):
    """Return words of legal actions as if the game were not over; 0 for a kind that the phase does not allow.

    Cells to place on, stones to select, and origins of steps up, down, left and right.
    """
    phase = meta & PHASE_MASK
    is_white = ((meta >> PLAYER_SHIFT) & 1) == 1
    own, foe = tl.where(is_white, white, black), tl.where(is_white, black, white)
    empty = FULL & ~(black | white)
    movable = tl.where(phase == MOVE, own, 0)
    up, down = movable & (empty << 6), movable & (empty >> 6)
    left, right = movable & (empty << 1) & NOT_COLUMN_0, movable & (empty >> 1) & NOT_COLUMN_5
    theirs = foe & ~marked
    free = theirs & ~(squares(theirs) | lines(theirs))
    free = tl.where((free == 0) & (phase != FORCED), theirs, free)
    is_stuck = (phase == MOVE) & ((up | down | left | right) == 0)
    selects = (phase == MARK) | (phase >= CAPTURE) | is_stuck
    return tl.where(phase == PLACE, empty, 0), tl.where(selects, free, 0), up, down, left, right


@triton.jit
def next_words(black, white, marked, meta, action):
    """Return the four words of a row after a legal action; those of a finished row stay as they are."""
    phase = meta & PHASE_MASK
    is_white = ((meta >> PLAYER_SHIFT) & 1) == 1
    pending = (meta >> PENDING_SHIFT) & PENDING_MASK
    forced = (meta >> FORCED_SHIFT) & FORCED_MASK
    count = ((meta >> COUNT_SHIFT) & COUNT_MASK) + 1
    quiet = ((meta >> QUIET_SHIFT) & QUIET_MASK) + 1
    own, foe = tl.where(is_white, white, black), tl.where(is_white, black, white)

    # The kind of action: exactly one of these holds.
    places, marks, sweeps, forces = phase == PLACE, phase == MARK, phase == REMOVAL, phase == FORCED
    moves = (phase == MOVE) & (action < SELECT_FROM)
    is_stuck = (phase == MOVE) & ~moves
    captures, counters = phase == CAPTURE, phase == COUNTER
    removes = is_stuck | captures | counters | forces

    # Stones and marks after it. Shifts are kept within the board, also where their result is not used.
    last = N_CELLS - 1
    origin = tl.minimum(tl.maximum((action - STEP_FROM) >> 2, 0), last)
    direction = (action - STEP_FROM) & 3
    far = tl.where(direction <= 1, 6, 1)
    to = tl.where(places, action, origin + tl.where((direction & 1) == 0, -far, far))
    target = tl.minimum(tl.maximum(action - SELECT_FROM, 0), last)
    one = tl.full((), 1, tl.int64)
    left_cell = tl.where(moves, one << origin, 0)
    new_cell = tl.where(places | moves, one << tl.minimum(tl.maximum(to, 0), last), 0)
    selected = tl.where(marks | removes, one << target, 0)
    own = (own & ~left_cell) | new_cell
    foe = tl.where(removes, foe & ~selected, foe)
    live = own & ~marked
    due = tl.where((lines(live) & new_cell) != 0, 2, tl.where((squares(live) & new_cell) != 0, 1, 0))
    has_shape = due > 0
    clears = sweeps & (marked != 0)
    own, foe = tl.where(clears, own & ~marked, own), tl.where(clears, foe & ~marked, foe)
    marked_after = tl.where(sweeps, 0, tl.where(marks, marked | selected, marked))

    # Counters.
    pending = tl.where(has_shape, due, pending - (marks | captures).to(tl.int64))
    forced = forced + forces.to(tl.int64)
    quiet = tl.where(places | marks | removes | clears, 0, quiet)

    # The player and the phase that follow.
    ends_placing = (places & ~has_shape) | (marks & (pending == 0))
    is_full = (own | foe) == FULL
    goes_on = ~few(foe) & (pending == 0)  # after a removal that does not win
    to_counter, to_move = is_stuck & goes_on, (captures | counters) & goes_on
    next_phase = tl.where(ends_placing, tl.where(is_full, REMOVAL, PLACE), phase)
    next_phase = tl.where(places & has_shape, MARK, next_phase)
    next_phase = tl.where(sweeps, tl.where(clears, MOVE, FORCED), next_phase)
    next_phase = tl.where(moves & has_shape, CAPTURE, next_phase)
    next_phase = tl.where(to_move | (forces & (forced == 2)), MOVE, next_phase)
    next_phase = tl.where(to_counter, COUNTER, next_phase)
    hands_over = (ends_placing & ~is_full) | (moves & ~has_shape) | forces | to_counter | to_move
    next_white = sweeps | (is_white ^ hands_over)

    # The outcome; black is tested first.
    black_after, white_after = tl.where(is_white, foe, own), tl.where(is_white, own, foe)
    meta_after = (
        next_phase
        | (next_white.to(tl.int64) << PLAYER_SHIFT)
        | (pending << PENDING_SHIFT)
        | (forced << FORCED_SHIFT)
        | (count << COUNT_SHIFT)
        | (quiet << QUIET_SHIFT)
    )
    may_lose = (next_phase == MOVE) | (next_phase == CAPTURE) | (next_phase == COUNTER)
    place, select, up, down, left, right = candidates(black_after, white_after, marked_after, meta_after)
    has_none = ((place | select | up | down | left | right) == 0) & (next_phase != REMOVAL)
    result = tl.where((count >= MAX_MOVES) | (quiet >= QUIET_LIMIT) | has_none, DRAWN, GOING)
    result = tl.where(may_lose & few(white_after), BLACK_WON, result)
    result = tl.where(may_lose & few(black_after), WHITE_WON, result)
    meta_after |= result.to(tl.int64) << OUTCOME_SHIFT
    is_going = outcome_of(meta) == GOING
    return (
        tl.where(is_going, black_after, black),
        tl.where(is_going, white_after, white),
        tl.where(is_going, marked_after, marked),
        tl.where(is_going, meta_after, meta),
    )


@triton.jit
def legal_bits(black, white, marked, meta, ids):
    """Return 1 for the ids of legal actions, 0 for others, int32. ids: consecutive numbers from 0."""
    place, select, up, down, left, right = candidates(black, white, marked, meta)
    last = N_CELLS - 1
    origin = tl.minimum(tl.maximum((ids - STEP_FROM) >> 2, 0), last)
    direction = (ids - STEP_FROM) & 3
    steps = tl.where(direction < 2, tl.where(direction == 0, up, down), tl.where(direction == 2, left, right))
    target = tl.minimum(tl.maximum(ids - SELECT_FROM, 0), last)
    sweep = tl.where((meta & PHASE_MASK) == REMOVAL, tl.where(ids == SWEEP, 1, 0), 0)
    bits = tl.where(ids < SWEEP, select >> target, sweep)
    bits = tl.where(ids < SELECT_FROM, steps >> origin, bits)
    bits = tl.where(ids < STEP_FROM, place >> tl.minimum(ids, last), bits)
    return tl.where(outcome_of(meta) == GOING, bits & 1, 0).to(tl.int32)
