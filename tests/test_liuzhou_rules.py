"""The rules of Liuzhou by sets: recorded games, and what must hold in every position."""

from __future__ import annotations

import numpy as np
import pytest
from liuzhou_games import position, recorded_games

from forge_core.errors import BadInput
from forge_core.liuzhou import rules
from forge_core.liuzhou.rules import (
    BLACK,
    COUNTER,
    FORCED,
    MARK,
    MOVE,
    PLACE,
    REMOVAL,
    SELECT_FROM,
    STEP_FROM,
    SWEEP,
    WHITE,
    State,
    legal,
    outcome,
    protected,
    shape_worth,
    step,
)

EMPTY: frozenset[int] = frozenset()


@pytest.mark.parametrize("game", recorded_games(), ids=lambda game: str(game["seed"]))
def test_recorded_games(game):
    states = [position(ply) for ply in (*game["plies"], game["final"])]
    assert states[0] == State()
    for before, ply, after in zip(states, game["plies"], states[1:], strict=False):
        assert outcome(before) is None
        assert legal(before) == ply["legal"]
        assert step(before, ply["action"]) == after
    assert outcome(states[-1]) == game["winner"]
    assert legal(states[-1]) == []
    assert step(states[-1], 0) == states[-1]


def test_shapes_and_what_they_earn():
    square, row, column = {0, 1, 6, 7}, set(range(12, 18)), set(range(3, 36, 6))
    assert shape_worth(square, 7) == 1
    assert shape_worth(row, 13) == shape_worth(column, 33) == 2
    assert shape_worth(square | {2, 8}, 1) == 1, "two squares earn no more than one"
    assert shape_worth(row | column, 15) == 2, "two lines earn no more than one"
    assert shape_worth({5, 6, 11, 12}, 6) == 0, "a square does not wrap around the edge"
    state = State(frozenset(square | {20}), frozenset(row), frozenset({12}))
    assert protected(state, BLACK) == square
    assert protected(state, WHITE) == EMPTY, "a marked stone counts in no shape"


def test_a_shape_while_placing_marks_stones():
    state = State(frozenset({0, 1, 6}), frozenset({20, 21, 30}), player=BLACK, move_count=6)
    after = step(state, 7)
    assert (after.phase, after.pending, after.player) == (MARK, 1, BLACK)
    assert legal(after) == [SELECT_FROM + cell for cell in (20, 21, 30)]
    after = step(after, SELECT_FROM + 21)
    assert (after.phase, after.player, after.marked) == (PLACE, WHITE, {21})
    assert 21 not in legal(after), "a marked stone stays on its cell until placing ends"


def full_board() -> tuple[frozenset[int], frozenset[int]]:
    """18 stones of each side without a shape."""
    board = (np.arange(36) // 6 + np.arange(36) % 6) % 2
    return frozenset(np.flatnonzero(board == 0).tolist()), frozenset(np.flatnonzero(board == 1).tolist())


def test_a_full_board_without_marks_forces_removals():
    black, white = full_board()
    state = step(State(black, white - {1}, player=WHITE, move_count=35), 1)
    assert (state.phase, state.player, state.quiet, legal(state)) == (REMOVAL, WHITE, 0, [SWEEP])
    state = step(state, SWEEP)
    assert (state.phase, state.player, state.quiet) == (FORCED, WHITE, 1)
    state = step(state, min(legal(state)))
    assert (state.phase, state.player, state.forced_done, len(state.black)) == (FORCED, BLACK, 1, 17)
    state = step(state, min(legal(state)))
    assert (state.phase, state.player, state.forced_done, len(state.white)) == (MOVE, WHITE, 2, 17)


def test_marked_stones_leave_and_white_moves_first():
    black, white = full_board()
    marked = frozenset({min(black), max(white)})
    after = step(State(black, white, marked, REMOVAL, player=BLACK, move_count=40), SWEEP)
    assert (after.phase, after.player, after.quiet) == (MOVE, WHITE, 0)
    assert after.empty == marked and after.marked == EMPTY


def test_a_side_that_cannot_step_takes_a_stone_and_gives_one_back():
    white = frozenset({0, 1, 6, 7})
    black = frozenset({2, 8, 12, 13, 30})
    state = State(black, white, phase=MOVE, player=WHITE, move_count=60)
    assert legal(state) == [SELECT_FROM + cell for cell in sorted(black)]
    after = step(state, SELECT_FROM + 2)
    assert (after.phase, after.player, after.quiet) == (COUNTER, BLACK, 0)
    assert legal(after) == [SELECT_FROM + cell for cell in sorted(white)], "all stand in a shape: any may go"
    end = step(after, SELECT_FROM)
    assert outcome(end) == BLACK and end.phase == COUNTER and end.player == BLACK


def test_a_win_takes_precedence_over_a_draw():
    white, black = frozenset({0, 1, 6, 13, 30}), frozenset({20, 27, 34, 9})
    state = State(black, white, phase=MOVE, player=WHITE, move_count=142, quiet=0)
    step_up = STEP_FROM + 4 * 13 + rules.UP
    captures = step(state, step_up)
    assert (captures.phase, captures.pending, captures.move_count) == (rules.CAPTURE, 1, 143)
    assert outcome(step(captures, SELECT_FROM + 20)) == WHITE
    late = step(State(black, white, phase=MOVE, player=WHITE, move_count=100, quiet=35), step_up)
    assert (late.phase, outcome(late)) == (rules.CAPTURE, 0), "drawn before its capture"


def test_an_illegal_action_is_refused():
    with pytest.raises(BadInput, match="action 36 is not legal here"):
        step(State(), 36)


def test_black_is_tested_first():
    few = frozenset({0, 2, 4})
    assert outcome(State(few, few, phase=MOVE)) == WHITE
    assert outcome(State(few, few | {7}, phase=MOVE)) == WHITE
    assert outcome(State(few | {7}, few, phase=MOVE)) == BLACK
