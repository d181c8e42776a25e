"""Skull King as a `forge_core.game.Game`: N games of ten rounds at once, each at its own step.

A state is one array, rows [N, WIDTH] int64 (see `state.layout`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from forge_core.device import resolve_device
from forge_core.errors import BadInput
from forge_core.game import NOBODY, Array, Facts, Observation, cast, library, to_numpy
from forge_core.skull_king import actions, notation
from forge_core.skull_king.actions import N_ACTIONS, OVER
from forge_core.skull_king.deals import game_keys
from forge_core.skull_king.rules import N_ROUNDS, Rules, check_seats
from forge_core.skull_king.state import doors, inputs
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.view import hide_rows
from forge_core.splits import check_seed

SKULL_KING_VERSION = 0
"""Raised when actions, observations or results change"""
RETURN_BOUND = 5_000
"""More than a seat wins or loses in ten rounds: 55 tricks at 20 points, all bonuses and bets each round"""
MOST_ABILITY_STEPS = 5
"""Decisions that abilities add to a round at most: two discards, a leader, a bet, a move of the bid"""
DEAL_SEED = 0
"""Seed of the stream of deals; the seed of a game is its number in that stream"""


@dataclass(frozen=True)
class SkullKingGame:
    """The game of Skull King at a table of `seats`. Returns are the scores after the last round."""

    seats: int = 4
    rules: Rules = field(default_factory=Rules)
    rounds: int = N_ROUNDS
    """rounds of a game; fewer than ten make a short one"""

    def __post_init__(self) -> None:
        check_seats(self.seats)
        if not 1 <= self.rounds <= N_ROUNDS:
            raise BadInput(f"rounds={self.rounds}: use 1..{N_ROUNDS}")

    @cached_property
    def options(self) -> at.Options:
        """The rules as kernels read them."""
        return at.options_of(self.rules, self.seats, self.rounds)

    @cached_property
    def facts(self) -> Facts:
        """102 actions; 65 decisions per seat at four seats, and those of options."""
        blocks = (inputs.bid_blocks(self.rules, self.seats), inputs.play_blocks(self.rules, self.seats))
        plays = sum(self.rules.cards_dealt(round, self.seats) for round in range(1, self.rounds + 1))
        bids = self.rounds * (1 + self.rules.cannonball)
        abilities = self.rounds * MOST_ABILITY_STEPS * self.rules.abilities
        return Facts(
            name="skull_king",
            version=SKULL_KING_VERSION,
            n_seats=self.seats,
            n_actions=N_ACTIONS,
            max_steps=self.seats * (plays + bids) + abilities,
            observation=Observation((sum(each.width for each in blocks),), "uint8", 0, 1),
            return_bound=RETURN_BOUND,
            zero_sum=False,
            hidden=True,
        )

    def init(self, seeds: Sequence[int], device: str | None = None) -> Array:
        """Return N games before the first bid; numpy arrays if device is None.

        Raises BadInput for an invalid seed, DeviceUnavailable for a missing device.
        """
        for seed in seeds:
            check_seed(seed)
        keys = game_keys(DEAL_SEED, np.array(seeds, dtype=np.uint64))
        if device is None:
            return doors.start_rows(keys, np.ones(len(keys), np.int64), self.options)
        import torch

        there = torch.tensor(keys.view(np.int64), device=resolve_device(device))
        return doors.start_rows(there, torch.ones_like(there), self.options)

    def to_move(self, state: Array) -> Array:
        """Return [N] int64: the seat of the next decision, NOBODY in finished games."""
        return doors.to_move(state)

    def legal(self, state: Array) -> Array:
        """Return [N, 102] bool."""
        return doors.legal_mask(state, self.options)

    def step(self, state: Array, taken: Array) -> Array:
        """Return the games after legal actions [N]. A round that ends is scored, and the next one dealt."""
        return doors.go_on(doors.step_rows(state, taken, self.options), self.options)

    def over(self, state: Array) -> Array:
        """Return [N] bool: the last round was scored."""
        return state[:, at.PHASE] == OVER

    def returns(self, state: Array) -> Array:
        """Return [N, P] float32: the scores of finished games, 0 before."""
        scores = cast(doors.points(state, at.SCORE, self.seats), "float32")
        return scores * cast(self.over(state), "float32")[:, None]

    def observe(self, state: Array, seat: int | Array | None = None) -> Array:
        """Return uint8 [N, B + D]: the blocks of `state.inputs`, those of `bid` before those of `play`.

        One of the two is all zeros.
        """
        bid, play, _ = doors.observe(state, self._observer(state, seat), self.options, self.rules)
        return library(bid).concatenate((bid, play), 1)

    def view(self, state: Array, seat: int | Array | None = None) -> Array:
        """Return rows [N, WIDTH] as a seat may know them, by default the seat to move."""
        return hide_rows(state, self._observer(state, seat))

    def _observer(self, state: Array, seat: int | Array | None) -> Array:
        if seat is None:
            to_move = self.to_move(state)
            return library(state).where(to_move == NOBODY, 0, to_move)
        return seat + 0 * state[:, at.PHASE]

    def action_text(self, action: int) -> str:
        """Return `R14`, `bid 2`, ... Raises BadInput for an invalid id."""
        return actions.action_text(action)

    def describe(self, state: Array, row: int = 0, seat: int | None = None) -> str:
        """Return the table as lines of text: what `seat` knows, or all hands if it is None."""
        one = state[row : row + 1]
        known = one if seat is None else hide_rows(one, seat + 0 * one[:, at.PHASE])
        return notation.describe(to_numpy(known)[0], self.seats, self.rules, seat)
