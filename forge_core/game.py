"""The protocol that every game implements: pure functions over a batch of games.

A state is a frozen record of arrays (or one array) whose first dimension is the batch: each game
is a *row*. Arrays are numpy arrays or torch tensors: `init` decides which, and every function
returns arrays of the same library on the same device. Rows are independent of each other, may be
at different steps and need not end together; `step` leaves finished rows unchanged. All randomness
comes from the seeds passed to `init`; `step` draws nothing.

Letters: N rows, A actions of the game, P seats of the game. Seats are 0..P-1.

Search, environments and players use only these functions, so they work with any game. A seat may
see what `observe` and `describe` return for it, and `legal` when it is to move; nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from forge_core.errors import BadInput

Array = Any
"""A numpy array or a torch tensor."""
State = TypeVar("State")
"""A frozen dataclass of arrays, nested or not, or a single array; batch first."""

NOBODY = -1
"""The value of `to_move` in a finished row."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The arrays that `observe` returns, without the batch dimension."""

    shape: tuple[int, ...]
    dtype: str
    """the name of a dtype that both numpy and torch have: `uint8`, `float32`, ..."""
    low: float
    high: float
    """every entry lies in low..high"""


@dataclass(frozen=True, slots=True)
class Facts:
    """Static facts about a game. Raises BadInput for numbers that no game can have."""

    name: str
    """lower-case letters, digits and underscores: `texas42`"""
    version: int
    """increased when rules, action ids or observations change, but not for a speed-up"""
    n_seats: int
    """P"""
    n_actions: int
    """A: an action is a number 0..A-1 with the same meaning for every seat"""
    max_steps: int
    """maximum number of steps until a row is over"""
    observation: Observation
    return_bound: float
    """every return lies in -return_bound..return_bound"""
    zero_sum: bool
    """the returns of a row add up to 0"""
    hidden: bool
    """True if some seat cannot see the whole state"""

    def __post_init__(self) -> None:
        if not self.name.replace("_", "a").isalnum() or self.name != self.name.lower():
            raise BadInput(f"game name {self.name!r}: use lower-case letters, digits and underscores")
        least = min(self.n_seats, self.n_actions, self.max_steps, *self.observation.shape)
        if least < 1 or not self.return_bound > 0:
            raise BadInput(f"game {self.name}: seats, actions, steps, sizes and return bound must exceed 0")
        if not self.observation.low < self.observation.high:
            raise BadInput(f"game {self.name}: the lower bound of observations must be below the upper bound")


class Game(Protocol[State]):
    """A game: a small frozen object that holds the rules but no position.

    No method changes its arguments; the arrays that it returns may share memory with them.
    """

    @property
    def facts(self) -> Facts:
        """The static facts about the game; always the same record."""
        ...

    def init(self, seeds: Sequence[int], device: str | None = None) -> State:
        """Return N rows before their first step; row i depends on seeds[i] alone.

        seeds: whole numbers of at least 0. device: None lets the game choose numpy or torch, in host
        memory; `auto`, `cpu`, `cuda` or `cuda:N` asks for tensors on that device, with the same
        values. Raises BadInput, DeviceUnavailable.
        """
        ...

    def to_move(self, state: State, /) -> Array:
        """Return [N] int64: the seat to act next, NOBODY in finished rows."""
        ...

    def legal(self, state: State, /) -> Array:
        """Return [N, A] bool: the actions that the seat to move may take.

        A row has at least one legal action until it is over, and none afterwards. The mask depends
        only on what the seat to move may know.
        """
        ...

    def step(self, state: State, actions: Array, /) -> State:
        """Return the rows after the seats to move took `actions`.

        actions: [N] int64, in the library and on the device of the state, all legal. They are not
        checked, because a check would synchronize with the device: see `checked_step`. Finished rows
        do not change; their actions are ignored.
        """
        ...

    def over(self, state: State, /) -> Array:
        """Return [N] bool: True in finished rows."""
        ...

    def returns(self, state: State, /) -> Array:
        """Return [N, P] float32: the result for each seat, in seat order; 0 until the row is over."""
        ...

    def observe(self, state: State, /, seat: int | Array | None = None) -> Array:
        """Return [N, ...] as specified by `facts.observation`: everything a seat knows and nothing else.

        seat: one seat for all rows, or [N] int64; by default the seat to move (seat 0 in finished
        rows). The observation never depends on what the seat has not seen. It numbers seats relative
        to the observer.
        """
        ...

    def action_text(self, action: int) -> str:
        """Return an action as a person would write it; each action has a different text."""
        ...

    def describe(self, state: State, /, row: int = 0, seat: int | None = None) -> str:
        """Return one row as text: what `seat` knows, or the whole state if it is None."""
        ...


def checked_step(game: Game[State], state: State, actions: Any) -> State:
    """Step after checking that every action is legal.

    actions: [N] whole numbers, an array or a sequence; those of finished rows are ignored. Raises
    BadInput that names the first row with an illegal action.
    """
    legal, to_move = game.legal(state), to_numpy(game.to_move(state))
    asked = to_numpy(actions)
    if asked.shape != to_move.shape or (asked.size and not np.issubdtype(asked.dtype, np.integer)):
        raise BadInput(f"actions must contain one whole number for each of the {len(to_move)} games")
    going, known = to_move != NOBODY, (asked >= 0) & (asked < game.facts.n_actions)
    safe = np.where(known, asked, 0).astype(np.int64)
    refused = going & ~(known & to_numpy(legal)[np.arange(len(safe)), safe])
    if refused.any():
        row = int(refused.argmax())
        text = f" ({game.action_text(int(safe[row]))})" if known[row] else ""
        raise BadInput(
            f"game {row}: action {asked[row]}{text} is illegal for seat {to_move[row]}: choose a legal one"
        )
    return game.step(state, match_array(safe, legal))


def choose(legal: Array, draws: Array) -> Array:
    """Return [N] int64: one legal action per row, 0 where none is legal.

    Uniform over the legal actions if `draws`, [N], are uniform in [0, 1).
    """
    placed = legal.cumsum(1)
    return (placed <= (draws * placed[:, -1])[:, None]).sum(1) % legal.shape[1]


# --- states as records of arrays --------------------------------------------------------------


def map_arrays(function: Callable[..., Array], state: State, *others: State) -> State:
    """Apply `function` to the corresponding arrays of the states; return a state of the same form."""
    if is_dataclass(state) and not isinstance(state, type):
        names = [field.name for field in fields(state)]
        changes = {
            name: map_arrays(function, *(getattr(each, name) for each in (state, *others))) for name in names
        }
        return replace(state, **changes)
    return function(state, *others)


def arrays_of(state: Any) -> list[Array]:
    """Return the arrays of a state in the order of its fields."""
    found: list[Array] = []
    map_arrays(lambda array: found.append(array) or array, state)
    return found


def take(state: State, index: Any) -> State:
    """Return the rows at `index`: whole numbers or a mask in the library of the state, or a slice."""
    return map_arrays(lambda array: array[index], state)


def join(states: Sequence[State]) -> State:
    """Concatenate the rows of one or more states of the same game."""
    return map_arrays(lambda *arrays: library(arrays[0]).concatenate(arrays), states[0], *states[1:])


# --- operations that work on both numpy and torch -----------------------------------------------


def library(array: Array) -> Any:
    """Return the module that the array belongs to, `numpy` or `torch`."""
    if isinstance(array, np.ndarray | np.generic):
        return np
    import torch

    return torch


def cast(array: Array, dtype: str) -> Array:
    """Convert the array to another dtype, given by a name that both numpy and torch have."""
    if isinstance(array, np.ndarray | np.generic):
        return array.astype(dtype)
    import torch

    return array.to(getattr(torch, dtype))


def match_array(values: Any, array: Array) -> Array:
    """Convert numbers to an array in the library and on the device of `array`."""
    if isinstance(array, np.ndarray):
        return to_numpy(values)
    import torch

    return torch.as_tensor(values, device=array.device)


def to_numpy(values: Any) -> np.ndarray:
    """Convert an array, a tensor on any device, or a sequence to a numpy array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values)
