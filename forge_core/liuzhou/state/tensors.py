"""The rules on rows as torch operations without branches, for tensors on any device.

Shapes are fixed and nothing is read back, so the host never waits for a device and everything can be captured
as a graph. Each function is compared with its twin in `kernels`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from forge_core.liuzhou.rules import (
    CAPTURE,
    COUNTER,
    DOWN,
    FORCED,
    MARK,
    MAX_MOVES,
    MOVE,
    N_ACTIONS,
    N_CELLS,
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


def few(words: Tensor) -> Tensor:
    """Return True where a word has fewer than four stones."""
    words = words & (words - 1)
    words = words & (words - 1)
    return words & (words - 1) == 0


def squares(live: Tensor) -> Tensor:
    """Return words of all stones that stand in a square."""
    pairs = live & (live >> 1) & NOT_COLUMN_5
    corners = pairs & (pairs >> 6)
    return corners | (corners << 1) | (corners << 6) | (corners << 7)


def lines(live: Tensor) -> Tensor:
    """Return words of all stones that stand in a whole row or column."""
    across = live & (live >> 1)
    across = across & (across >> 2) & (across >> 4) & COLUMN_0
    down = live & (live >> 6)
    down = down & (down >> 12) & (down >> 24) & ROW_0
    return across * ROW_0 | down * COLUMN_0


def protected(live: Tensor) -> Tensor:
    """Return words of all stones that stand in a shape."""
    return squares(live) | lines(live)


def is_white(meta: Tensor) -> Tensor:
    """Return True where white is the player to move."""
    return (meta >> PLAYER_SHIFT & 1).bool()


def outcomes(rows: Tensor) -> Tensor:
    """Return [N] int64: GOING, BLACK_WON, WHITE_WON or DRAWN."""
    return rows[:, 3] >> OUTCOME_SHIFT & OUTCOME_MASK


def candidates(black: Tensor, white: Tensor, marked: Tensor, meta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return words of legal actions as if no game were over; 0 for a kind that the phase does not allow.

    Words of [N]: cells to place on [N], stones to select [N], origins of steps up, down, left,
    right [N, 4].
    """
    phase, white_moves = meta & PHASE_MASK, is_white(meta)
    own, foe = torch.where(white_moves, white, black), torch.where(white_moves, black, white)
    empty = FULL & ~(black | white)
    moves = phase == MOVE
    steps = torch.stack(
        (
            own & (empty << 6),
            own & (empty >> 6),
            own & (empty << 1) & NOT_COLUMN_0,
            own & (empty >> 1) & NOT_COLUMN_5,
        ),
        -1,
    )
    steps = torch.where(moves[:, None], steps, 0)
    theirs = foe & ~marked
    free = theirs & ~protected(theirs)
    free = torch.where((free == 0) & (phase != FORCED), theirs, free)
    selects = (phase == MARK) | (phase >= CAPTURE) | (moves & (steps.amax(-1) == 0))
    return torch.where(phase == PLACE, empty, 0), torch.where(selects, free, 0), steps


def legal_mask(rows: Tensor) -> Tensor:
    """Return [N, N_ACTIONS] bool: legal actions; none in finished rows."""
    place, select, steps = candidates(*rows.unbind(-1))
    cells = 1 << torch.arange(N_CELLS, device=rows.device)
    others = torch.arange(N_ACTIONS - SWEEP, device=rows.device)
    sweeps = (rows[:, 3] & PHASE_MASK) == REMOVAL
    mask = torch.cat(
        (
            place[:, None] & cells != 0,
            (steps[:, None, :] & cells[:, None] != 0).flatten(1),
            select[:, None] & cells != 0,
            sweeps[:, None] & (others == 0),
        ),
        1,
    )
    return mask & (outcomes(rows) == GOING)[:, None]


def legal_actions(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return uint8 [N, SLOTS], the legal actions ascending, then EMPTY_SLOT; and their numbers [N] int64."""
    mask = legal_mask(rows)
    # Narrow integers: wide ones would cost more memory traffic than everything else.
    placed = mask.cumsum(1, dtype=torch.int16)
    # Illegal actions are written to an extra slot, which is cut off.
    slots = torch.where(mask, placed - 1, SLOTS).to(torch.int64)
    actions = torch.full((len(rows), SLOTS + 1), EMPTY_SLOT, dtype=torch.uint8, device=rows.device)
    ids = torch.arange(N_ACTIONS, dtype=torch.uint8, device=rows.device)
    return actions.scatter(1, slots, ids.expand(len(rows), -1))[:, :SLOTS], placed[:, -1].to(torch.int64)


def step_rows(rows: Tensor, actions: Tensor) -> Tensor:
    """Return the rows after legal actions [N] of any integer type; finished rows stay as they are."""
    black, white, marked, meta = rows.unbind(-1)
    actions = actions.to(torch.int64)
    phase, white_moves = meta & PHASE_MASK, is_white(meta)
    pending = meta >> PENDING_SHIFT & PENDING_MASK
    forced = meta >> FORCED_SHIFT & FORCED_MASK
    count = (meta >> COUNT_SHIFT & COUNT_MASK) + 1
    quiet = (meta >> QUIET_SHIFT & QUIET_MASK) + 1
    own, foe = torch.where(white_moves, white, black), torch.where(white_moves, black, white)

    # The kind of action: exactly one of these holds.
    places, marks, sweeps, forces = phase == PLACE, phase == MARK, phase == REMOVAL, phase == FORCED
    moves = (phase == MOVE) & (actions < SELECT_FROM)
    is_stuck = (phase == MOVE) & ~moves
    captures, counters = phase == CAPTURE, phase == COUNTER
    removes = is_stuck | captures | counters | forces

    # Stones and marks after it.
    origin, direction = (actions - STEP_FROM >> 2).clamp(0, N_CELLS - 1), (actions - STEP_FROM) & 3
    far = torch.where(direction <= DOWN, 6, 1)
    step_to = origin + torch.where(direction & 1 == 0, -far, far)  # up and left are even
    bit = torch.ones_like(black)
    left_cell = torch.where(moves, bit << origin, 0)
    new_cell = torch.where(
        places | moves, bit << torch.where(places, actions, step_to).clamp(0, N_CELLS - 1), 0
    )
    selected = torch.where(marks | removes, bit << (actions - SELECT_FROM).clamp(0, N_CELLS - 1), 0)
    own, foe = own & ~left_cell | new_cell, torch.where(removes, foe & ~selected, foe)
    live = own & ~marked
    in_square, in_line = squares(live) & new_cell != 0, lines(live) & new_cell != 0
    due = torch.where(in_line, 2, in_square.to(torch.int64))
    has_shape = due > 0
    clears = sweeps & (marked != 0)
    own, foe = torch.where(clears, own & ~marked, own), torch.where(clears, foe & ~marked, foe)
    marked = torch.where(sweeps, 0, torch.where(marks, marked | selected, marked))

    # Counters.
    pending = torch.where(has_shape, due, pending - (marks | captures).to(torch.int64))
    forced = forced + forces.to(torch.int64)
    quiet = torch.where(places | marks | removes | clears, 0, quiet)

    # The player and the phase that follow.
    ends_placing = (places & ~has_shape) | (marks & (pending == 0))
    is_full = own | foe == FULL
    goes_on = ~few(foe) & (pending == 0)  # after a removal that does not win
    to_counter, to_move = is_stuck & goes_on, (captures | counters) & goes_on
    next_phase = torch.where(ends_placing, torch.where(is_full, REMOVAL, PLACE), phase)
    next_phase = torch.where(places & has_shape, MARK, next_phase)
    next_phase = torch.where(sweeps, torch.where(clears, MOVE, FORCED), next_phase)
    next_phase = torch.where(moves & has_shape, CAPTURE, next_phase)
    next_phase = torch.where(to_move | (forces & (forced == 2)), MOVE, next_phase)
    next_phase = torch.where(to_counter, COUNTER, next_phase)
    hands_over = (ends_placing & ~is_full) | (moves & ~has_shape) | forces | to_counter | to_move
    next_white = sweeps | (white_moves ^ hands_over)

    # The outcome; black is tested first.
    black, white = torch.where(white_moves, foe, own), torch.where(white_moves, own, foe)
    meta_after = (
        next_phase
        | next_white.to(torch.int64) << PLAYER_SHIFT
        | pending << PENDING_SHIFT
        | forced << FORCED_SHIFT
        | count << COUNT_SHIFT
        | quiet << QUIET_SHIFT
    )
    may_lose = (next_phase == MOVE) | (next_phase == CAPTURE) | (next_phase == COUNTER)
    place, select, steps = candidates(black, white, marked, meta_after)
    has_none = (place | select | steps.amax(-1) == 0) & (next_phase != REMOVAL)
    is_drawn = (count >= MAX_MOVES) | (quiet >= QUIET_LIMIT) | has_none
    result = torch.where(is_drawn, DRAWN, GOING)
    result = torch.where(may_lose & few(white), BLACK_WON, result)
    result = torch.where(may_lose & few(black), WHITE_WON, result)
    after = torch.stack((black, white, marked, meta_after | result << OUTCOME_SHIFT), -1)
    return torch.where((outcomes(rows) == GOING)[:, None], after, rows)
