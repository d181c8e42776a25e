"""Players that count stones: after their action, or after the opponent's best reply to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.arena.players import Keys, View
from forge_core.game import Array
from forge_core.kernels import kernel
from forge_core.liuzhou.players.choice import as_actions, choose_best, rows_of
from forge_core.liuzhou.state import SLOTS, legal_actions
from forge_core.liuzhou.state.kernels import count_stones, legal_list, outcome_of, step
from forge_core.liuzhou.state.layout import (
    BLACK_WON,
    DRAWN,
    GOING,
    PENDING_MASK,
    PENDING_SHIFT,
    PLAYER_SHIFT,
)

WIN = 1000
"""worth of a won game in stones: more than any number of stones on the board"""


@dataclass(frozen=True, slots=True)
class GreedyPlayer:
    """Takes the action after which its lead in stones is greatest, counting stones still due to it.

    With `reply`, the lead after the opponent's best answer by the same count. Ties are broken at random.
    """

    reply: bool = False

    @property
    def name(self) -> str:
        """`greedy` or `reply`."""
        return "reply" if self.reply else "greedy"

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {"player": self.name}

    def act(self, view: View, legal: Array, keys: Keys) -> Array:
        """See Player."""
        rows = rows_of(view)
        actions, _ = legal_actions(rows)
        worth = np.zeros(actions.shape, dtype=np.int64)
        stones_after(rows, self.reply, worth)
        return as_actions(choose_best(actions, worth, keys), legal)


@kernel
def stone_lead(row, is_white):
    """Return a side's lead in unmarked stones, as if all marks and captures due had been made.

    A won game is worth WIN, a lost one -WIN, on top.
    """
    marked, meta = row[2], row[3]
    lead = count_stones(row[0] & ~marked) - count_stones(row[1] & ~marked)  # of black
    due = (meta >> PENDING_SHIFT) & PENDING_MASK
    lead += -due if (meta >> PLAYER_SHIFT) & 1 else due
    outcome = outcome_of(row)
    if outcome != GOING and outcome != DRAWN:
        lead += WIN if outcome == BLACK_WON else -WIN
    return -lead if is_white else lead


@kernel
def stones_after(rows, reply, worth):
    """Write the stone lead of the player to move after each of its legal actions, ascending.

    rows: [N, 4] int64. reply: take the lead after the opponent's best answer, where it is to move next.
    worth: [N, SLOTS] int64; slots without an action stay as they are.
    """
    actions, replies = np.empty(SLOTS, np.int64), np.empty(SLOTS, np.int64)
    after, answered = np.empty(4, np.int64), np.empty(4, np.int64)
    for n in range(rows.shape[0]):
        is_white = (rows[n, 3] >> PLAYER_SHIFT) & 1
        for slot in range(legal_list(rows[n], actions)):
            step(rows[n], actions[slot], after)
            least = stone_lead(after, is_white)
            if reply and (after[3] >> PLAYER_SHIFT) & 1 != is_white:
                # The opponent has an answer unless the game is over; it takes the one worst for the player.
                n_replies = legal_list(after, replies)
                for answer in range(n_replies):
                    step(after, replies[answer], answered)
                    lead = stone_lead(answered, is_white)
                    least = lead if answer == 0 else min(least, lead)
            worth[n, slot] = least
