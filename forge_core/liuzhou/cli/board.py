"""A position as text on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_core.liuzhou.notation import COLUMN_LETTERS, board_lines, turn_text
from forge_core.liuzhou.rules import BLACK, SELECT_FROM, SIDE, STEP_FROM, SWEEP, WHITE, destination, protected

if TYPE_CHECKING:
    from rich.console import Console

    from forge_core.liuzhou.rules import State

_STYLES = {"B": "bold blue", "b": "blue", "W": "bold yellow", "w": "yellow", ".": "dim"}
LEGEND = "(B) protected   b marked   >B last action"


def print_board(out: Console, state: State, last: int | None = None) -> None:
    """Print the board with its coordinates, and the turn. last: the action that led to it."""
    from rich.text import Text

    safe = protected(state, BLACK) | protected(state, WHITE)
    last_cell = None if last is None else target_of(last)
    out.print("   " + "  ".join(COLUMN_LETTERS), style="dim")
    for row, letters in enumerate(board_lines(state)):
        line = Text(f"{row + 1} ", style="dim")
        for cell, letter in enumerate(letters, start=SIDE * row):
            before, after = ("(", ")") if cell in safe else (" ", " ")
            line.append(">" if cell == last_cell else before, style="bold" if cell == last_cell else "dim")
            line.append(letter, style=_STYLES[letter])
            line.append(after, style="dim")
        line.rstrip()
        out.print(line, soft_wrap=True)
    counts = f"stones: black {len(state.black)}, white {len(state.white)}; actions: {state.move_count}"
    out.print(f"{turn_text(state)} ({counts})", soft_wrap=True)


def target_of(action: int) -> int | None:
    """Return the cell that an action fills or selects; None for the sweep."""
    if action < STEP_FROM:
        return action
    if action < SELECT_FROM:
        return destination(*divmod(action - STEP_FROM, 4))
    return action - SELECT_FROM if action < SWEEP else None
