"""A game on record: its positions and its actions.

As text, the form of `forge liuzhou play --out` and of `forge liuzhou film`:

    black: search:sims=256,model=runs/a/model
    white: human
    d3 c4 d4 c3 ... c3-c4 xb2

The lines before the actions are optional. `start:` gives a first position other than the usual one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.liuzhou.analysis import Analysis
from forge_core.liuzhou.files import Games
from forge_core.liuzhou.notation import action_text, parse_action, parse_position, position_text
from forge_core.liuzhou.rules import legal, step
from forge_core.liuzhou.state import START, outcomes, pack, unpack
from forge_core.liuzhou.state.layout import PLAYER_SHIFT

_LINE = re.compile(r"(black|white|start)\s*:\s*(.*)")
ACTIONS_PER_LINE = 12


@dataclass(frozen=True, slots=True, eq=False)
class GameRecord:
    """A game of T actions, finished or not."""

    rows: npt.NDArray[np.int64]
    """[T + 1, 4] the position before each action, and the last one"""
    actions: tuple[int, ...]
    """[T]"""
    players: tuple[str, str] = ("", "")
    """names of black and white; empty where unknown"""

    @classmethod
    def replay(
        cls, actions: Sequence[int], start: Any = START, players: tuple[str, str] = ("", "")
    ) -> GameRecord:
        """Return the game with these actions. Raises BadInput for an action that the rules do not allow."""
        state, rows = unpack(start), [np.asarray(start, dtype=np.int64)]
        for number, action in enumerate(actions, start=1):
            if action not in legal(state):
                raise BadInput(
                    f"action {number}, {action_text(action)}, is against the rules: correct the game"
                )
            state = step(state, action)
            rows.append(pack(state))
        return cls(np.stack(rows), tuple(actions), players)

    @property
    def is_over(self) -> bool:
        """True if the last position is finished."""
        return bool(outcomes(self.rows[-1:])[0])

    def to_text(self) -> str:
        """Return the game as text; see the module."""
        lines = [
            f"{side}: {name}" for side, name in zip(("black", "white"), self.players, strict=True) if name
        ]
        if not np.array_equal(self.rows[0], START):
            lines.append(f"start: {position_text(unpack(self.rows[0]))}")
        words = [action_text(action) for action in self.actions]
        lines += [
            " ".join(words[first : first + ACTIONS_PER_LINE])
            for first in range(0, len(words), ACTIONS_PER_LINE)
        ]
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str) -> GameRecord:
        """Return the game of a text; see the module. Raises BadInput."""
        found, words = {"black": "", "white": "", "start": ""}, []
        for line in text.splitlines():
            if named := _LINE.fullmatch(line.strip()):
                found[named[1]] = named[2].strip()
            else:
                words += line.split()
        start = pack(parse_position(found["start"])) if found["start"] else START
        actions = [parse_action(word) for word in words]
        return cls.replay(actions, start, (found["black"], found["white"]))


def stored_game(games: Games) -> tuple[GameRecord, list[Analysis | None]]:
    """Return one game of a self-play file, and the search results of each position.

    games: the positions of one game.
    """
    found: list[Analysis | None] = [
        Analysis.of_policy(row, policy, value) if taught else Analysis(value, ())
        for row, policy, value, taught in zip(
            games.rows, games.policy, _in_mover_frame(games).tolist(), games.taught.tolist(), strict=True
        )
    ]
    record = GameRecord.replay(games.action.tolist(), games.rows[0], ("self-play", "self-play"))
    return record, [*found, None]


def _in_mover_frame(games: Games) -> npt.NDArray[np.float32]:
    is_white = games.rows[:, 3] >> PLAYER_SHIFT & 1
    return np.where(is_white == 1, -games.value, games.value)
