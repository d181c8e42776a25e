"""The rules of Liuzhou, slow and readable: the reference that every kernel is compared with.

A position is a frozen record of Python sets. Two sides place 18 stones each on 6x6 cells until the board
is full, then step and capture. A *square* is 2x2 cells of one colour, a *line* a whole row or column;
both are *shapes*. Marked stones count in no shape. A stone in a shape of its colour is *protected*.

A cell is a number 0..35: 6 * row + column, from the top left. An action is a number 0..219: 0..35 place
a stone on that cell; 36 + 4 * cell + direction step from that cell up, down, left or right; 180 + cell
select the stone on that cell, to mark or to remove it; 216 sweeps the marked stones off the board;
217..219 are never legal. Every action counts as one move; a turn may hold several.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from forge_core.errors import BadInput

SIDE = 6
N_CELLS = SIDE * SIDE

PLACE, MARK, REMOVAL, MOVE, CAPTURE, FORCED, COUNTER = range(1, 8)
"""Phases: what the player to move does next.

PLACE: place a stone. MARK: mark an opponent's stone for a shape just made. REMOVAL: sweep all marked
stones off the full board. FORCED: as no stone was marked, each side removes one of the other's.
MOVE: step, or remove a stone if no step is possible. COUNTER: remove a stone of the side that could
not step. CAPTURE: remove a stone for a shape just made.
"""
BLACK, WHITE = 1, -1
"""Black places first; white steps first."""

MAX_MOVES = 144
"""A game is drawn after this many moves"""
QUIET_LIMIT = 36
"""A game is drawn after this many actions in a row without a removal; placing and marking do not count"""
FEWEST_STONES = 4
"""A side with fewer stones loses, once the stones are placed"""

UP, DOWN, LEFT, RIGHT = range(4)
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""(rows, columns) of a step up, down, left, right"""

STEP_FROM, SELECT_FROM, SWEEP, N_ACTIONS = 36, 180, 216, 220
"""First action ids of steps and of selections, the id of the sweep, and the number of ids"""

_CORNERS = [(row, column) for row in range(SIDE - 1) for column in range(SIDE - 1)]
SQUARES = [
    frozenset(SIDE * (row + down) + column + right for down in (0, 1) for right in (0, 1))
    for row, column in _CORNERS
]
ROWS = [frozenset(SIDE * row + column for column in range(SIDE)) for row in range(SIDE)]
COLUMNS = [frozenset(SIDE * row + column for row in range(SIDE)) for column in range(SIDE)]
LINES = ROWS + COLUMNS


@dataclass(frozen=True, slots=True)
class State:
    """A position; the default is the start of a game."""

    black: frozenset[int] = frozenset()
    """cells of black's stones, marked ones included"""
    white: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    """cells of marked stones of either colour; empty once they have been swept"""
    phase: int = PLACE
    player: int = BLACK
    """the side to move, BLACK or WHITE; a finished position keeps one"""
    pending: int = 0
    """marks or captures still due, 0..2"""
    forced_done: int = 0
    """forced removals made, 0..2"""
    move_count: int = 0
    """actions taken"""
    quiet: int = 0
    """actions since a stone last left the board, or since placing ended"""

    def stones(self, side: int) -> frozenset[int]:
        """Return the cells of the stones of BLACK or WHITE."""
        return self.black if side == BLACK else self.white

    def with_stones(self, side: int, cells: Set[int]) -> State:
        """Return the position with other stones of one side."""
        if side == BLACK:
            return replace(self, black=frozenset(cells))
        return replace(self, white=frozenset(cells))

    @property
    def empty(self) -> frozenset[int]:
        """Cells without a stone."""
        return frozenset(range(N_CELLS)) - self.black - self.white


# --- shapes -----------------------------------------------------------------------------------


def protected(state: State, side: int) -> frozenset[int]:
    """Return the unmarked stones of a side that stand in a shape."""
    live = state.stones(side) - state.marked
    return frozenset(cell for shape in SQUARES + LINES if shape <= live for cell in shape)


def shape_worth(live: Set[int], cell: int) -> int:
    """Return the marks or captures earned by a stone just put on `cell`: 2 in a line, 1 in a square, else 0.

    live: unmarked stones of the side, including that one. Several shapes do not add up.
    """
    if any(cell in line and line <= live for line in LINES):
        return 2
    return int(any(cell in square and square <= live for square in SQUARES))


# --- legal actions ----------------------------------------------------------------------------


def destination(cell: int, direction: int) -> int | None:
    """Return the cell one step away, or None beyond the edge."""
    row, column = cell // SIDE + DIRECTIONS[direction][0], cell % SIDE + DIRECTIONS[direction][1]
    return SIDE * row + column if 0 <= row < SIDE and 0 <= column < SIDE else None


def steps(state: State) -> list[int]:
    """Return the actions that step a stone of the player to an empty cell, ascending."""
    return [
        STEP_FROM + 4 * cell + direction
        for cell in sorted(state.stones(state.player))
        for direction in range(4)
        if destination(cell, direction) in state.empty
    ]


def candidates(state: State) -> list[int]:
    """Return the legal actions, ascending, as if the game were not over."""
    if state.phase == PLACE:
        return sorted(state.empty)
    if state.phase == REMOVAL:
        return [SWEEP]
    if state.phase == MOVE and (possible := steps(state)):
        return possible
    theirs = state.stones(-state.player) - state.marked
    free = theirs - protected(state, -state.player)
    if not free and state.phase != FORCED:
        free = theirs
    return sorted(SELECT_FROM + cell for cell in free)


def outcome(state: State) -> int | None:
    """Return BLACK or WHITE if that side has won, 0 for a draw, None while the game goes on."""
    if state.phase in (MOVE, CAPTURE, COUNTER):
        if len(state.black) < FEWEST_STONES:
            return WHITE
        if len(state.white) < FEWEST_STONES:
            return BLACK
    if state.move_count >= MAX_MOVES or state.quiet >= QUIET_LIMIT:
        return 0
    return None if candidates(state) else 0


def legal(state: State) -> list[int]:
    """Return the legal actions, ascending; none once the game is over."""
    return candidates(state) if outcome(state) is None else []


# --- steps ------------------------------------------------------------------------------------


def step(state: State, action: int) -> State:
    """Return the position after a legal action; a finished position stays as it is. Raises BadInput."""
    if outcome(state) is not None:
        return state
    if action not in legal(state):
        raise BadInput(f"action {action} is not legal here: use one of {legal(state)}")
    after = _ACTS[state.phase](state, action)
    left = len(after.black | after.white) < len(state.black | state.white)
    stays_quiet = state.phase in (PLACE, MARK) or left
    return replace(after, move_count=state.move_count + 1, quiet=0 if stays_quiet else state.quiet + 1)


def _place(state: State, action: int) -> State:
    side = state.player
    after = state.with_stones(side, state.stones(side) | {action})
    due = shape_worth(after.stones(side) - state.marked, action)
    return replace(after, phase=MARK, pending=due) if due else _end_placing(after)


def _mark(state: State, action: int) -> State:
    after = replace(state, marked=state.marked | {action - SELECT_FROM}, pending=state.pending - 1)
    return after if after.pending else _end_placing(after)


def _end_placing(state: State) -> State:
    """Return the position after a turn of placing: the other side places, or the marked stones leave."""
    if state.empty:
        return replace(state, phase=PLACE, player=-state.player)
    return replace(state, phase=REMOVAL)


def _sweep(state: State, action: int) -> State:
    if not state.marked:
        return replace(state, phase=FORCED, player=WHITE)
    black, white = state.black - state.marked, state.white - state.marked
    return replace(state, black=black, white=white, marked=frozenset(), phase=MOVE, player=WHITE)


def _remove_forced(state: State, action: int) -> State:
    after = replace(_take(state, action), forced_done=state.forced_done + 1)
    if after.forced_done == 1:
        return replace(after, player=BLACK)
    return replace(after, phase=MOVE, player=WHITE)


def _move(state: State, action: int) -> State:
    side, other = state.player, -state.player
    if action >= SELECT_FROM:  # no step was possible
        after = _take(state, action)
        return after if _has_lost(after, other) else replace(after, phase=COUNTER, player=other)
    cell, direction = divmod(action - STEP_FROM, 4)
    to = destination(cell, direction)
    assert to is not None
    after = state.with_stones(side, state.stones(side) - {cell} | {to})
    due = shape_worth(after.stones(side), to)
    return replace(after, phase=CAPTURE, pending=due) if due else replace(after, player=other)


def _capture(state: State, action: int) -> State:
    after, other = replace(_take(state, action), pending=state.pending - 1), -state.player
    if after.pending or _has_lost(after, other):
        return after
    return replace(after, phase=MOVE, player=other)


def _counter(state: State, action: int) -> State:
    after, other = _take(state, action), -state.player
    return after if _has_lost(after, other) else replace(after, phase=MOVE, player=other)


def _take(state: State, action: int) -> State:
    """Return the position without the opponent's stone that `action` selects."""
    return state.with_stones(-state.player, state.stones(-state.player) - {action - SELECT_FROM})


def _has_lost(state: State, side: int) -> bool:
    return len(state.stones(side)) < FEWEST_STONES


_ACTS = {
    PLACE: _place,
    MARK: _mark,
    REMOVAL: _sweep,
    MOVE: _move,
    CAPTURE: _capture,
    FORCED: _remove_forced,
    COUNTER: _counter,
}
"""phase -> (position, legal action) -> the position after it, without the counters"""
