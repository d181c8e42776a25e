"""The rules on rows, compiled: kernels of one row for use inside other kernels, and loops over batches.

Nothing is checked here: actions must be legal, and arrays large enough.
"""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from forge_core.kernels import inlined, kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.liuzhou.rules import (
    CAPTURE,
    COUNTER,
    DOWN,
    FORCED,
    MARK,
    MAX_MOVES,
    MOVE,
    PLACE,
    QUIET_LIMIT,
    REMOVAL,
    SELECT_FROM,
    STEP_FROM,
    SWEEP,
)
from forge_core.liuzhou.state.layout import (
    BLACK_WON,
    COLUMN_0,
    COUNT_MASK,
    COUNT_SHIFT,
    DRAWN,
    EMPTY_SLOT,
    FORCED_MASK,
    FORCED_SHIFT,
    FULL,
    GOING,
    NOT_COLUMN_0,
    NOT_COLUMN_5,
    OUTCOME_MASK,
    OUTCOME_SHIFT,
    PENDING_MASK,
    PENDING_SHIFT,
    PHASE_MASK,
    PLAYER_SHIFT,
    QUIET_MASK,
    QUIET_SHIFT,
    ROW_0,
    SLOTS,
    WHITE_WON,
)

PLACES, STEPS, SELECTS, SWEEPS = range(4)
"""The kinds of action for which `candidates` returns words"""
MAY_LOSE = 1 << MOVE | 1 << CAPTURE | 1 << COUNTER
"""The phases, as bits, in which a side with fewer than four stones has lost"""


# --- words of cells ---------------------------------------------------------------------------


@inlined
def few(word):
    """Return True if a word has fewer than four stones: clearing the lowest three leaves none."""
    word &= word - 1
    word &= word - 1
    return word & (word - 1) == 0


@inlined
def count_stones(word):
    """Return the number of stones in a word."""
    return popcount(word)


@inlined
def squares(live):
    """Return the word of all stones that stand in a square of `live`."""
    pairs = live & (live >> 1) & NOT_COLUMN_5
    corners = pairs & (pairs >> 6)
    return corners | (corners << 1) | (corners << 6) | (corners << 7)


@inlined
def lines(live):
    """Return the word of all stones that stand in a whole row or column of `live`."""
    # Three shifts put the AND of six cells on the first one.
    across = live & (live >> 1)
    across = across & (across >> 2) & (across >> 4) & COLUMN_0
    down = live & (live >> 6)
    down = down & (down >> 12) & (down >> 24) & ROW_0
    return across * ROW_0 | down * COLUMN_0


@inlined
def protected(live):
    """Return the word of all stones that stand in a shape. live: unmarked stones of one side."""
    return squares(live) | lines(live)


@inlined
def shape_worth(live, bit):
    """Return 2 if the stone `bit` stands in a line of `live`, else 1 if in a square, else 0."""
    if lines(live) & bit:
        return 2
    return 1 if squares(live) & bit else 0


@inlined
def outcome_of(row):
    """Return GOING, BLACK_WON, WHITE_WON or DRAWN."""
    return (row[3] >> OUTCOME_SHIFT) & OUTCOME_MASK


@inlined
def moves_made(row):
    """Return the number of actions taken since the start."""
    return (row[3] >> COUNT_SHIFT) & COUNT_MASK


# --- legal actions ----------------------------------------------------------------------------


@inlined
def candidates(black, white, marked, meta):
    """Return the kind of action and four words: legal actions as if the game were not over.

    PLACES: cells, 0, 0, 0. STEPS: origins of steps up, down, left, right. SELECTS: stones, 0, 0, 0.
    SWEEPS: 1, 0, 0, 0.
    """
    phase = meta & PHASE_MASK
    if phase == PLACE:
        return PLACES, FULL & ~(black | white), 0, 0, 0
    if phase == REMOVAL:
        return SWEEPS, 1, 0, 0, 0
    is_white = (meta >> PLAYER_SHIFT) & 1
    own, foe = (white, black) if is_white else (black, white)
    if phase == MOVE:
        empty = FULL & ~(black | white)
        up, down = own & (empty << 6), own & (empty >> 6)
        left, right = own & (empty << 1) & NOT_COLUMN_0, own & (empty >> 1) & NOT_COLUMN_5
        if up | down | left | right:
            return STEPS, up, down, left, right
    theirs = foe & ~marked
    free = theirs & ~protected(theirs)
    if free == 0 and phase != FORCED:
        free = theirs
    return SELECTS, free, 0, 0, 0


@inlined
def legal_list(row, out):
    """Write the legal actions to `out`, ascending, and return their number; the other slots stay.

    row: [4] int64. out: at least 52 slots of any integer type that holds 219.
    """
    if outcome_of(row) != GOING:
        return 0
    kind, up, down, left, right = candidates(row[0], row[1], row[2], row[3])
    if kind == SWEEPS:
        out[0] = SWEEP
        return 1
    n = 0
    if kind == STEPS:
        origins = up | down | left | right
        while origins:
            cell = trailing_zeros(origins)
            origins &= origins - 1
            action = STEP_FROM + 4 * cell
            if (up >> cell) & 1:
                out[n] = action
                n += 1
            if (down >> cell) & 1:
                out[n] = action + 1
                n += 1
            if (left >> cell) & 1:
                out[n] = action + 2
                n += 1
            if (right >> cell) & 1:
                out[n] = action + 3
                n += 1
        return n
    first = SELECT_FROM if kind == SELECTS else 0
    cells = up
    while cells:
        out[n] = first + trailing_zeros(cells)
        cells &= cells - 1
        n += 1
    return n


# --- steps ------------------------------------------------------------------------------------


@inlined
def step(row, action, out):
    """Write the row after a legal action to `out`, which may be `row`; a finished row stays as it is.

    row, out: [4] int64.
    """
    black, white, marked, meta = next_words(row[0], row[1], row[2], row[3], action)
    out[0] = black
    out[1] = white
    out[2] = marked
    out[3] = meta


@inlined
def next_words(black, white, marked, meta, action):
    """Return the four words of a row after a legal action; those of a finished row stay as they are."""
    if (meta >> OUTCOME_SHIFT) & OUTCOME_MASK:
        return black, white, marked, meta
    action = int64(action)
    phase = meta & PHASE_MASK
    is_white = (meta >> PLAYER_SHIFT) & 1
    pending = (meta >> PENDING_SHIFT) & PENDING_MASK
    forced = (meta >> FORCED_SHIFT) & FORCED_MASK
    count = ((meta >> COUNT_SHIFT) & COUNT_MASK) + 1
    quiet = ((meta >> QUIET_SHIFT) & QUIET_MASK) + 1
    own, foe = (white, black) if is_white else (black, white)
    next_phase, next_white = phase, is_white

    if phase == PLACE:
        bit = 1 << action
        own |= bit
        quiet = 0
        due = shape_worth(own & ~marked, bit)
        if due:
            next_phase, pending = MARK, due
        elif own | foe == FULL:
            next_phase = REMOVAL
        else:
            next_white = 1 - is_white
    elif phase == REMOVAL:
        next_white = 1  # white continues, whoever filled the board
        if marked:
            own &= ~marked
            foe &= ~marked
            marked = 0
            quiet = 0
            next_phase = MOVE
        else:
            next_phase = FORCED
    elif phase == MOVE and action < SELECT_FROM:
        origin, direction = (action - STEP_FROM) >> 2, (action - STEP_FROM) & 3
        far = 6 if direction <= DOWN else 1
        # Up and left are even, and lead to a lower cell.
        bit = 1 << (origin - far if direction & 1 == 0 else origin + far)
        own = own & ~(1 << origin) | bit
        due = shape_worth(own, bit)
        if due:
            next_phase, pending = CAPTURE, due
        else:
            next_white = 1 - is_white
    elif phase == MARK:
        marked |= 1 << (action - SELECT_FROM)
        quiet = 0
        pending -= 1
        if pending == 0 and own | foe == FULL:
            next_phase = REMOVAL
        elif pending == 0:
            next_phase, next_white = PLACE, 1 - is_white
    else:
        foe &= ~(1 << (action - SELECT_FROM))
        quiet = 0
        if phase == CAPTURE:
            pending -= 1
        if phase == FORCED:
            forced += 1
            next_white = 1 - is_white
            if forced == 2:
                next_phase = MOVE
        elif not few(foe) and pending == 0:  # outside CAPTURE nothing is pending
            next_phase = COUNTER if phase == MOVE else MOVE
            next_white = 1 - is_white

    black, white = (foe, own) if is_white else (own, foe)
    result = GOING
    may_lose = (MAY_LOSE >> next_phase) & 1
    if may_lose and few(black):
        result = WHITE_WON
    elif may_lose and few(white):
        result = BLACK_WON
    elif count >= MAX_MOVES or quiet >= QUIET_LIMIT:
        result = DRAWN
    meta = (
        next_phase
        | (next_white << PLAYER_SHIFT)
        | (pending << PENDING_SHIFT)
        | (forced << FORCED_SHIFT)
        | (count << COUNT_SHIFT)
        | (quiet << QUIET_SHIFT)
    )
    if result == GOING:
        _, a, b, c, d = candidates(black, white, marked, meta)
        if a | b | c | d == 0:  # never seen; the rules call it a draw
            result = DRAWN
    return black, white, marked, meta | (result << OUTCOME_SHIFT)


# --- batches ----------------------------------------------------------------------------------


@kernel
def step_batch(rows, actions, out):
    """Write the rows after legal actions. rows, out: [N, 4] int64. actions: [N]."""
    for n in range(rows.shape[0]):
        step(rows[n], actions[n], out[n])


@kernel
def legal_batch(rows, actions, counts):
    """Write lists of legal actions [N, SLOTS], EMPTY_SLOT after the last one, and their numbers [N]."""
    for n in range(rows.shape[0]):
        counts[n] = legal_list(rows[n], actions[n])
        for slot in range(counts[n], SLOTS):
            actions[n, slot] = EMPTY_SLOT


@kernel
def mask_batch(rows, mask):
    """Set the entries of legal actions. rows: [N, 4] int64. mask: [N, N_ACTIONS] bool, all False before."""
    actions = np.empty(SLOTS, np.int64)
    for n in range(rows.shape[0]):
        for slot in range(legal_list(rows[n], actions)):
            mask[n, actions[slot]] = True


@kernel
def words_batch(rows, out):
    """Write the kind and the four words of `candidates`. rows: [N, 4] int64. out: [N, 5] int64."""
    for n in range(rows.shape[0]):
        kind, a, b, c, d = candidates(rows[n, 0], rows[n, 1], rows[n, 2], rows[n, 3])
        out[n, 0] = kind
        out[n, 1] = a
        out[n, 2] = b
        out[n, 3] = c
        out[n, 4] = d


# --- random play ------------------------------------------------------------------------------


@inlined
def xorshift(state):
    """Return the next state of a generator (xorshift64 of Marsaglia). state: uint64, not 0."""
    state ^= state << uint64(13)
    state ^= state >> uint64(7)
    state ^= state << uint64(17)
    return state


@inlined
def draw_below(state, n):
    """Return a number 0..n-1 by the upper bits of a generator's state."""
    return int64((state >> uint64(11)) % uint64(n))
