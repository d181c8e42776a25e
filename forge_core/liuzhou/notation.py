"""Positions and actions of Liuzhou as text, written and read back.

Cells are a1 (top left) to f6: the letter is the column from the left, the digit the row from the top.
An action is `c3` (place), `c3-c4` (step), `xc4` (select a stone, to mark or remove it) or `sweep`.
A position is one line, `BOARD PHASE PLAYER` and counters that are not 0:

    BBW.../W...../....../....../....../...... place white moves=4
    ..BBBB/.BWW.W/bB..W./...W../.B..W./..B.W. mark black pending=2 moves=35

The board is 36 letters, row after row from the top: B and W are stones, b and w marked ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from forge_core.errors import BadInput
from forge_core.liuzhou import rules
from forge_core.liuzhou.rules import (
    BLACK,
    CAPTURE,
    DIRECTIONS,
    FEWEST_STONES,
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
    SIDE,
    STEP_FROM,
    SWEEP,
    WHITE,
    State,
)

COLUMN_LETTERS = "abcdef"
PHASE_NAMES = dict(enumerate(("place", "mark", "removal", "move", "capture", "forced", "counter"), PLACE))
PLAYER_NAMES = {BLACK: "black", WHITE: "white"}
DIRECTION_NAMES = ("up", "down", "left", "right")
STONES_EACH = N_CELLS // 2

COUNTERS = {"pending": 2, "forced": 2, "moves": MAX_MOVES, "quiet": QUIET_LIMIT}
"""name of a counter in a line -> its highest value"""


# --- cells and actions ------------------------------------------------------------------------


def cell_text(cell: int) -> str:
    """Return `a1` for cell 0, `f6` for cell 35."""
    return f"{COLUMN_LETTERS[cell % SIDE]}{cell // SIDE + 1}"


def action_text(action: int) -> str:
    """Return the text of an action; every id 0..219 has one. Raises BadInput for other ids."""
    if not 0 <= action < N_ACTIONS:
        raise BadInput(f"action {action} does not exist: use 0..{N_ACTIONS - 1}")
    if action < STEP_FROM:
        return cell_text(action)
    if action < SELECT_FROM:
        cell, direction = divmod(action - STEP_FROM, len(DIRECTIONS))
        to = rules.destination(cell, direction)
        return f"{cell_text(cell)}-{DIRECTION_NAMES[direction] if to is None else cell_text(to)}"
    if action < SWEEP:
        return f"x{cell_text(action - SELECT_FROM)}"
    return "sweep" if action == SWEEP else f"unused-{action}"


_ACTIONS = {action_text(action): action for action in range(N_ACTIONS)}


def parse_action(text: str) -> int:
    """Return the id of an action as `action_text` writes it, in either case. Raises BadInput."""
    action = _ACTIONS.get(text.strip().lower())
    if action is None:
        raise BadInput(
            f"{text.strip()!r} is not an action: write c3 to place, c3-c4 to step, xc4 to take, or sweep"
        )
    return action


# --- positions --------------------------------------------------------------------------------


def board_text(state: State) -> str:
    """Return the board as 36 letters, row after row; marked stones in lower case."""
    letters = ["."] * N_CELLS
    for cell in state.black:
        letters[cell] = "B"
    for cell in state.white:
        letters[cell] = "W"
    for cell in state.marked:
        letters[cell] = letters[cell].lower()
    return "".join(letters)


def board_lines(state: State) -> list[str]:
    """Return the rows of the board."""
    letters = board_text(state)
    return [letters[start : start + SIDE] for start in range(0, N_CELLS, SIDE)]


def position_text(state: State) -> str:
    """Return a position as one line, which `parse_position` reads."""
    values = (state.pending, state.forced_done, state.move_count, state.quiet)
    counters = [f"{name}={value}" for name, value in zip(COUNTERS, values, strict=True) if value]
    words = ("/".join(board_lines(state)), PHASE_NAMES[state.phase], PLAYER_NAMES[state.player])
    return " ".join((*words, *counters))


EXAMPLE = "BBW.../W...../....../....../....../...... place white moves=4"
"""a position, for errors"""


def parse_position(text: str) -> State:
    """Return the position of a line; slashes in the board and counters of 0 may be left out.

    Raises BadInput for text that is not a position, and for positions that no game reaches.
    """
    words = text.split()
    if len(words) < 3:
        raise BadInput(
            f"{text.strip()!r} is not a position: write a board, a phase and a player, such as {EXAMPLE!r}"
        )
    board, phase, player = words[0].replace("/", ""), words[1].lower(), words[2].lower()
    if not re.fullmatch(f"[BWbw.]{{{N_CELLS}}}", board):
        raise BadInput(f"board {words[0]!r}: write {N_CELLS} letters, each one of B, W, b, w and .")
    numbers = _parse_counters(words[3:])
    state = State(
        black=frozenset(cell for cell, letter in enumerate(board) if letter in "Bb"),
        white=frozenset(cell for cell, letter in enumerate(board) if letter in "Ww"),
        marked=frozenset(cell for cell, letter in enumerate(board) if letter in "bw"),
        phase=_key_of(PHASE_NAMES, phase, "phase"),
        player=_key_of(PLAYER_NAMES, player, "player"),
        pending=numbers["pending"],
        forced_done=numbers["forced"],
        move_count=numbers["moves"],
        quiet=numbers["quiet"],
    )
    problem = _problem_of(state)
    if problem:
        raise BadInput(f"no game reaches this position: {problem}")
    return state


def _parse_counters(words: list[str]) -> dict[str, int]:
    numbers = dict.fromkeys(COUNTERS, 0)
    for word in words:
        name, _, value = word.partition("=")
        if name not in COUNTERS:
            raise BadInput(
                f"{word!r} is not a counter of a position: use {', '.join(COUNTERS)}, as in moves=12"
            )
        if not re.fullmatch("[0-9]{1,3}", value) or int(value) > COUNTERS[name]:
            raise BadInput(f"{word!r}: use {name}=0 to {name}={COUNTERS[name]}")
        numbers[name] = int(value)
    return numbers


def _key_of(names: Mapping[int, str], name: str, noun: str) -> int:
    for key, known in names.items():
        if known == name:
            return key
    raise BadInput(f"unknown {noun} {name!r}: use {', '.join(names.values())}")


def _problem_of(state: State) -> str:
    """Return the reason why no game reaches a position; an empty string if there is none."""
    phase = PHASE_NAMES[state.phase]
    fewest = min(len(state.black), len(state.white))
    if max(len(state.black), len(state.white)) > STONES_EACH:
        return f"a side has more than {STONES_EACH} stones"
    if state.marked and state.phase > REMOVAL:
        return f"stones are marked in phase {phase}, but marked stones leave before it"
    if state.phase == FORCED and state.forced_done != (state.player == BLACK):
        return "white makes the first forced removal, black the second, with forced=1"
    must_be_full = state.phase == REMOVAL or (state.phase == FORCED and not state.forced_done)
    if state.phase != MARK and must_be_full != (not state.empty):
        return f"in phase {phase}, the board is {'full' if must_be_full else 'not full'}"
    if state.phase == MARK and not 0 < state.pending <= len(state.stones(-state.player) - state.marked):
        return "in phase mark, 1 or 2 marks are pending, and the opponent has that many unmarked stones"
    if state.phase == CAPTURE and not state.pending and fewest >= FEWEST_STONES:
        return "in phase capture, 1 or 2 captures are pending until the game is over"
    if state.pending and state.phase not in (MARK, CAPTURE):
        return f"nothing is pending in phase {phase}"
    if state.phase != FORCED and state.forced_done not in ((0, 2) if state.phase >= MOVE else (0,)):
        return f"forced={state.forced_done} does not occur in phase {phase}"
    return ""


# --- texts for people -------------------------------------------------------------------------


def describe(state: State) -> str:
    """Return the board with its coordinates, and below it the turn or the winner."""
    rows = [f"{number} {' '.join(line)}" for number, line in enumerate(board_lines(state), 1)]
    lines = [f"  {' '.join(COLUMN_LETTERS)}", *rows, turn_text(state)]
    return "\n".join((*lines, f"{state.move_count} moves made, {state.quiet} quiet ones in a row"))


def turn_text(state: State) -> str:
    """Return `white captures 2 stones`, `black has won`, `drawn`, ..."""
    result = rules.outcome(state)
    if result is not None:
        return f"{PLAYER_NAMES[result]} has won" if result else "drawn"
    stones = f"{state.pending} stone{'s' * (state.pending > 1)}"
    texts = {
        PLACE: "places a stone",
        MARK: f"marks {stones}",
        REMOVAL: "sweeps the marked stones off" if state.marked else "has no marked stones to sweep off",
        MOVE: "moves a stone" if rules.steps(state) else "cannot move and removes a stone",
        CAPTURE: f"captures {stones}",
    }
    return f"{PLAYER_NAMES[state.player]} {texts.get(state.phase, 'removes a stone')}"
