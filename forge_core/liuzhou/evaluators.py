"""Evaluators: a prior for each legal action of a position, and the value of the position.

An evaluator is called with rows int64 [N, 4] and their legal actions uint8 [N, SLOTS], as
`state.legal_actions` lists them. It returns the priors float32 [N, SLOTS], 0 in empty slots, and the
values float32 [N] in BLACK's frame: 1 if black wins, -1 if white wins. Arguments and results are numpy
arrays, or tensors on one device. A search also asks about finished rows, which have no actions, and ignores
the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numba import float32

from forge_core.errors import BadInput
from forge_core.game import Array
from forge_core.kernels import kernel
from forge_core.liuzhou.state.kernels import (
    count_stones,
    draw_below,
    legal_list,
    outcome_of,
    step,
    xorshift,
)
from forge_core.liuzhou.state.layout import (
    BLACK_WON,
    EMPTY_SLOT,
    GOING,
    OUTCOME_MASK,
    OUTCOME_SHIFT,
    SLOTS,
    WHITE_WON,
)


class Evaluator(Protocol):
    """Evaluates positions; see the module for shapes and frames.

    An evaluator whose attribute `capturable` is True only launches work on the device of its arguments
    and never waits for it: on CUDA a search then captures it in a graph.
    """

    def __call__(self, rows: Array, actions: Array) -> tuple[Array, Array]:
        """Return priors float32 [N, SLOTS] and values float32 [N], in black's frame."""
        ...


def evaluate(evaluator: Evaluator, rows: Array, actions: Array) -> tuple[Array, Array]:
    """Return the evaluator's answer. Raises BadInput if it has the wrong shape or type."""
    prior, value = evaluator(rows, actions)
    for answer, shape in ((prior, actions.shape), (value, actions.shape[:1])):
        if answer.shape != shape or "float32" not in str(answer.dtype):
            raise BadInput(
                f"the evaluator returned {tuple(answer.shape)} {answer.dtype} for {len(rows)} rows: it must "
                f"return priors float32 [N, {SLOTS}] and values float32 [N]"
            )
    return prior, value


def array_module(array: Array) -> Any:
    """Return the module numpy or torch, whose functions take such an array."""
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


@dataclass(frozen=True, slots=True)
class Uniform:
    """Equal priors, and the value 0: a search then counts only the results of finished games."""

    capturable = True

    def __call__(self, rows: Array, actions: Array) -> tuple[Array, Array]:
        """Return priors and values; see the module."""
        xp = array_module(rows)
        return equal_priors(actions), xp.zeros_like(rows[:, 3], dtype=xp.float32)


@dataclass(frozen=True, slots=True)
class FakeNet:
    """Priors and values that are a hash of the row: exact, and the same in every implementation.

    The priors are whole numbers 1..255 divided by their sum; the value is a multiple of 1/64. Tests and the
    golden searches use it.
    """

    salt: int = 0
    """added to the word of black's stones: a different salt gives a different network"""
    flat: bool = False
    """equal priors, and the value 0"""

    capturable = True

    def __call__(self, rows: Array, actions: Array) -> tuple[Array, Array]:
        """Return priors and values; see the module."""
        xp = array_module(rows)
        key = position_keys(rows, self.salt)
        value = xp.asarray(_top_bits(mix_words(key ^ 0xABCDEF)) % 129 - 64, dtype=xp.float32) / 64
        if self.flat:
            return equal_priors(actions), 0 * value
        weights = 1 + _top_bits(mix_words(key[:, None] ^ (actions + 1))) % 255
        weights = weights * (actions != EMPTY_SLOT)
        return _shares(weights), value


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Equal priors, and as the value the mean result of games played out at random.

    Equal rows get equal values: the random numbers are a function of `key` and the row. Draw a key from a
    keyed stream, and a new one whenever new random games are wanted. The games are played on the CPU: tensors
    on another device are copied there and back. Raises BadInput for numbers out of range.
    """

    key: int
    """64 bits that determine the random numbers"""
    playouts: int = 1
    """games per position"""
    beta: float = 0.0
    """a drawn game counts beta * lead / draw_scale, as in SearchSettings"""
    draw_scale: float = 14.0
    """in stones"""

    capturable = False

    def __post_init__(self) -> None:
        if self.playouts < 1:
            raise BadInput(f"playouts {self.playouts}: use at least 1")
        if not 0 <= self.beta <= 1:
            raise BadInput(f"beta {self.beta}: use 0 to 1")
        if not self.draw_scale > 0:
            raise BadInput(f"draw scale {self.draw_scale}: use more than 0 stones")

    def __call__(self, rows: Array, actions: Array) -> tuple[Array, Array]:
        """Return priors and values; see the module."""
        on_host = rows if isinstance(rows, np.ndarray) else rows.cpu().numpy()
        values = np.empty(len(on_host), np.float32)
        key = int(np.uint64(self.key % 2**64).view(np.int64))
        keys = position_keys(on_host, key).view(np.uint64) | np.uint64(1)  # xorshift needs a state not 0
        play_out(on_host, keys, self.playouts, np.float32(self.beta), np.float32(self.draw_scale), values)
        if rows is not on_host:
            import torch

            return equal_priors(actions), torch.from_numpy(values).to(rows.device)
        return equal_priors(actions), values


# --- finished games ---------------------------------------------------------------------------


@kernel
def final_value(row, beta, draw_scale):
    """Return the value of a finished row in black's frame, float32. beta, draw_scale: float32."""
    result = outcome_of(row)
    if result == BLACK_WON:
        return float32(1)
    if result == WHITE_WON:
        return float32(-1)
    lead = float32(count_stones(row[0]) - count_stones(row[1])) / draw_scale
    return beta * min(float32(1), max(float32(-1), lead))


def final_values(rows: Array, beta: float, draw_scale: float) -> Array:
    """Return the values [N] float32 of finished rows in black's frame; other rows get meaningless ones."""
    xp = array_module(rows)
    result = rows[:, 3] >> OUTCOME_SHIFT & OUTCOME_MASK
    lead = xp.asarray(count_bits(rows[:, 0]) - count_bits(rows[:, 1]), dtype=xp.float32)
    drawn = float(np.float32(beta)) * xp.clip(lead / float(np.float32(draw_scale)), -1, 1)
    won = (result == BLACK_WON) * 1 - (result == WHITE_WON) * 1
    return xp.where(won == 0, drawn, xp.asarray(won, dtype=xp.float32))


def count_bits(words: Array) -> Array:
    """Return the number of bits of words below 2**36, by adding ever wider fields."""
    words = words - (words >> 1 & 0x555555555)
    words = (words & 0x333333333) + (words >> 2 & 0x333333333)
    words = (words & 0xF0F0F0F0F) + (words >> 4 & 0xF0F0F0F0F)
    words = words + (words >> 8)
    words = words + (words >> 16)
    return (words + (words >> 32)) & 63


# --- keys and priors --------------------------------------------------------------------------


def position_keys(rows: Array, salt: int) -> Array:
    """Return a hash [N] int64 of each row (without its outcome) and a salt."""
    key = mix_words(rows[:, 0] + salt)
    key = mix_words(key ^ rows[:, 1])
    key = mix_words(key ^ rows[:, 2])
    return mix_words(key ^ (rows[:, 3] & ((1 << OUTCOME_SHIFT) - 1)))


def mix_words(words: Array) -> Array:
    """Return int64 words mixed by the finaliser of splitmix64.

    Products wrap around; the masks make shifts of signed words logical ones.
    """
    words = (words ^ (words >> 30 & (1 << 34) - 1)) * (0xBF58476D1CE4E5B9 - 2**64)
    words = (words ^ (words >> 27 & (1 << 37) - 1)) * (0x94D049BB133111EB - 2**64)
    return words ^ (words >> 31 & (1 << 33) - 1)


def equal_priors(actions: Array) -> Array:
    """Return the same prior for each legal action [N, SLOTS] float32."""
    return _shares((actions != EMPTY_SLOT) * 1)


def _shares(weights: Array) -> Array:
    """Return whole numbers [N, SLOTS] divided by their sums, float32; 0 in rows without any."""
    xp = array_module(weights)
    totals = weights.sum(1)
    totals = xp.asarray(totals + (totals == 0), dtype=xp.float32)
    return xp.asarray(weights, dtype=xp.float32) / totals[:, None]


def _top_bits(words: Array) -> Array:
    """Return the upper 24 bits of int64 words."""
    return words >> 40 & (1 << 24) - 1


# --- random games -----------------------------------------------------------------------------


@kernel
def play_out(rows, keys, playouts, beta, draw_scale, values):
    """Write the mean value of random games from each row. keys: uint64 [N], not 0. values: float32 [N]."""
    current, actions = np.empty(4, np.int64), np.empty(SLOTS, np.uint8)
    for n in range(rows.shape[0]):
        random_state, total = keys[n], float32(0)
        for _ in range(playouts):
            current[:] = rows[n]
            random_state = play_to_the_end(current, actions, random_state)
            total += final_value(current, beta, draw_scale)
        values[n] = total / float32(playouts)


@kernel
def play_to_the_end(row, actions, random_state):
    """Take random actions in `row` [4] until the game is over. Return the generator's next state.

    actions: [SLOTS], scratch.
    """
    while outcome_of(row) == GOING:
        n = legal_list(row, actions)
        random_state = xorshift(random_state)
        step(row, actions[draw_below(random_state, n)], row)
    return random_state
