"""Liuzhou as a `forge_core.game.Game`: N games at once, each at its own step.

A state is one array, rows [N, 4] int64. Seat 0 is black, seat 1 white.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forge_core.device import resolve_device
from forge_core.game import NOBODY, Array, Facts, Observation, cast, library, to_numpy
from forge_core.liuzhou import notation
from forge_core.liuzhou.rules import MAX_MOVES, N_ACTIONS
from forge_core.liuzhou.state import (
    BLACK_WON,
    GOING,
    START,
    WHITE_WON,
    layout,
    legal_mask,
    outcomes,
    planes,
    step_rows,
    unpack,
)
from forge_core.liuzhou.state.planes import SHAPE
from forge_core.splits import check_seed

LIUZHOU_VERSION = 0
"""Raised when actions, observations or results change"""

FACTS = Facts(
    name="liuzhou",
    version=LIUZHOU_VERSION,
    n_seats=2,
    n_actions=N_ACTIONS,
    max_steps=MAX_MOVES,
    observation=Observation(SHAPE, "float32", 0, 1),
    return_bound=1,
    zero_sum=True,
    hidden=False,
)


@dataclass(frozen=True, slots=True)
class Liuzhou:
    """The game of Liuzhou. Returns are 1 for the winner, -1 for the loser and 0 for a draw."""

    @property
    def facts(self) -> Facts:
        """220 actions, and at most 144 steps."""
        return FACTS

    def init(self, seeds: Sequence[int], device: str | None = None) -> Array:
        """Return N games before the first action; numpy arrays if device is None.

        All games begin alike: the seeds are checked, but only their number matters. Raises BadInput,
        DeviceUnavailable.
        """
        for seed in seeds:
            check_seed(seed)
        rows = np.tile(START, (len(seeds), 1))
        if device is None:
            return rows
        import torch

        return torch.tensor(rows, device=resolve_device(device))

    def to_move(self, state: Array) -> Array:
        """Return [N] int64: 0 for black, 1 for white, NOBODY in finished games."""
        return library(state).where(self.over(state), NOBODY, _players(state))

    def legal(self, state: Array) -> Array:
        """Return [N, 220] bool."""
        return legal_mask(state)

    def step(self, state: Array, actions: Array) -> Array:
        """Return the rows after legal actions [N]."""
        return step_rows(state, actions)

    def over(self, state: Array) -> Array:
        """Return [N] bool: games that were won or drawn."""
        return outcomes(state) != GOING

    def returns(self, state: Array) -> Array:
        """Return [N, 2] float32: the returns of black and white."""
        result = outcomes(state)
        black, white = cast(result == BLACK_WON, "float32"), cast(result == WHITE_WON, "float32")
        return library(state).stack((black - white, white - black), -1)

    def observe(self, state: Array, seat: int | Array | None = None) -> Array:
        """Return [N, 20, 6, 6] float32, the planes of `state.planes` from the side of `seat`."""
        if seat is None:
            seat = library(state).where(self.over(state), 0, _players(state))
        return planes(state, seat + 0 * state[:, 3])

    def action_text(self, action: int) -> str:
        """Return `c3`, `c3-c4`, `xc4`, `sweep`. Raises BadInput for an invalid id."""
        return notation.action_text(action)

    def describe(self, state: Array, row: int = 0, seat: int | None = None) -> str:
        """Return the board and whose turn it is, as lines of text; every seat sees the same."""
        return notation.describe(unpack(to_numpy(state[row])))


LIUZHOU = Liuzhou()


def _players(rows: Array) -> Array:
    """Return [N] int64: the seat of the player; finished rows keep theirs."""
    return rows[:, 3] >> layout.PLAYER_SHIFT & 1
