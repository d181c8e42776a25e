"""Recorded and random games of Liuzhou, for the tests."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from forge_core.liuzhou.rules import MAX_MOVES, State
from forge_core.liuzhou.state import GOING, START, legal_actions, outcomes, step_rows
from forge_core.streams import mix, stream, uniform

GOLDEN = Path(__file__).parent / "golden" / "liuzhou_games.json"


@cache
def recorded_games() -> list[dict[str, Any]]:
    """The golden games, as the file holds them."""
    return json.loads(GOLDEN.read_text())["games"]


@cache
def searched_positions() -> list[dict[str, Any]]:
    """The golden positions with all their legal actions and the rows after them."""
    return json.loads((GOLDEN.parent / "liuzhou_search.json").read_text())["cases"]


def position(recorded: dict[str, Any]) -> State:
    """A position of the golden file."""
    black, white = (frozenset(i for i, x in enumerate(recorded["board"]) if x == side) for side in "BW")
    return State(
        black=black,
        white=white,
        marked=frozenset(recorded["marks_black"]) | frozenset(recorded["marks_white"]),
        phase=recorded["phase"],
        player=recorded["player"],
        pending=recorded["marks_rem"] + recorded["caps_rem"],
        forced_done=recorded["forced_done"],
        move_count=recorded["move_count"],
        quiet=recorded["no_capture"],
    )


@cache
def random_plies(n_games: int, key: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows [N, 4] of random games, the actions [N] taken there, and the rows [N, 4] after them.

    In every other game each player chooses among four random actions one that makes a shape, if there is
    one, so that the games reach captures, counter removals and wins.
    """
    rows = np.tile(START, (n_games, 1))
    seeds = mix(stream(key, "liuzhou games").integers(2**63), np.arange(n_games))
    found = []
    for time in range(MAX_MOVES):
        actions, counts = legal_actions(rows)
        chosen, after = np.zeros(len(rows), np.int64), rows
        for attempt in range(4):
            slots = (uniform(mix(seeds, 4 * time + attempt)) * counts).astype(np.int64)
            asked = actions[np.arange(len(rows)), slots].astype(np.int64)
            then = step_rows(rows, asked)
            goes_on = (then[:, 3] ^ rows[:, 3]) & 8 == 0  # the same player
            taken = (seeds % 2 == 1) & goes_on if attempt else np.ones(len(rows), bool)
            chosen, after = np.where(taken, asked, chosen), np.where(taken[:, None], then, after)
        found.append((rows, chosen, after))
        going = outcomes(after) == GOING
        rows, seeds = after[going], seeds[going]
    before, taken, later = (np.concatenate(part) for part in zip(*found, strict=True))
    return before, taken, later
