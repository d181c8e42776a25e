"""The rules on batches of rows: numpy arrays by compiled kernels, tensors by torch operations.

Each function returns arrays of the library and on the device of its rows, leaves its arguments as they are,
and treats each row independently. Rows are [N, WIDTH] int64, see `layout`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forge_core.errors import BadInput
from forge_core.game import Array, cast, to_numpy
from forge_core.skull_king import actions
from forge_core.skull_king.round import illegal_text
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.state import batch, inputs
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state import observe as kernels


def start_rows(keys: Array, rounds: Array, options: at.Options) -> Array:
    """Return rows of new games that begin at rounds [N]. keys: [N], uint64, or int64 as a tensor."""
    if not isinstance(keys, np.ndarray):
        from forge_core.skull_king.state import dealing_tensors

        return dealing_tensors.start_rows(keys, rounds, options)
    rows = np.zeros((len(keys), at.WIDTH), np.int64)
    batch.start_batch(rows, keys, np.ascontiguousarray(rounds, np.int64), options)
    return rows


def legal_mask(rows: Array, options: at.Options) -> Array:
    """Return [N, 102] bool: the legal actions of the actors; none once the round is over."""
    if not isinstance(rows, np.ndarray):
        return _tensors().legal_mask(_checked(rows), options)
    rows = _checked(rows)
    mask = np.zeros((len(rows), actions.N_ACTIONS), np.bool_)
    batch.mask_batch(rows, options, np.empty(at.MOST_ACTIONS, np.int64), mask)
    return mask


def step_rows(rows: Array, taken: Array, options: at.Options) -> Array:
    """Return the rows after legal actions [N]. Rounds that end are scored; rows without a round in play stay.

    Actions are not checked, since a check would wait for the device: `round.Round` explains illegal ones.
    """
    rows = _checked(rows)
    check_count(taken, len(rows), "row")
    if not isinstance(rows, np.ndarray):
        return _tensors().step_rows(rows, taken, options)
    after = rows.copy()
    batch.step_batch(after, np.ascontiguousarray(taken, np.int64), options, np.empty(len(rows), np.bool_))
    return after


def go_on(rows: Array, options: at.Options) -> Array:
    """Return the rows after the next round was dealt where one was scored; after the last, a game is over."""
    rows = _checked(rows)
    if isinstance(rows, np.ndarray):
        after = rows.copy()
        batch.go_on_batch(after, options)
        return after
    import torch

    from forge_core.skull_king.state import dealing_tensors

    scored = rows[:, at.PHASE] == actions.SCORED
    is_last = rows[:, at.ROUND] >= int(options[at.O_LAST_ROUND])
    after = torch.where((scored & ~is_last)[:, None], dealing_tensors.next_rounds(rows, options), rows)
    after[:, at.PHASE] = torch.where(scored & is_last, actions.OVER, after[:, at.PHASE])
    return after


def observe(rows: Array, seats: Array, options: at.Options, rules: Rules) -> tuple[Array, Array, Array]:
    """Return (bid, play, is_bid) for seats [N]: uint8 [N, B] and [N, D], see `inputs`; bool [N].

    Where is_bid, `play` is all zeros, elsewhere `bid` is.
    """
    rows = _checked(rows)
    if not isinstance(rows, np.ndarray):
        from forge_core.skull_king.state import observe_tensors as tensors

        parts = tensors.bid_inputs(rows, seats, options), tensors.play_inputs(rows, seats, options)
        return *parts, tensors.is_bidding(rows)
    n_seats = int(options[at.O_SEATS])
    bid = np.zeros((len(rows), inputs.bid_blocks(rules, n_seats).width), np.uint8)
    play = np.zeros((len(rows), inputs.play_blocks(rules, n_seats).width), np.uint8)
    bidding, listed = np.empty(len(rows), np.bool_), np.empty(at.MOST_ACTIONS, np.int64)
    seats = np.ascontiguousarray(seats, np.int64)
    kernels.observe_batch(rows, seats, options, bid, play, bidding, listed)
    return bid, play, bidding


def to_move(rows: Array) -> Array:
    """Return [N] int64: the seat of the next decision, NOBODY where no round is in play."""
    from forge_core.game import library

    return library(rows).where(rows[:, at.PHASE] < actions.SCORED, rows[:, at.ACTOR], at.NOBODY)


def points(rows: Array, column: int, seats: int) -> Array:
    """Return [N, P] int16 of a block of columns, such as SCORE or DELTA."""
    return cast(rows[:, column : column + seats], "int16")


def _checked(rows: Array) -> Array:
    """Return rows [N, WIDTH], arrays as contiguous int64. Raises BadInput for another shape."""
    if rows.ndim != 2 or rows.shape[1] != at.WIDTH:
        raise BadInput(f"rows of shape {tuple(rows.shape)}: use [N, {at.WIDTH}] int64")
    return np.ascontiguousarray(rows, np.int64) if isinstance(rows, np.ndarray) else rows


def _tensors():
    """Import the twin in torch, which numpy rows do not need."""
    from forge_core.skull_king.state import tensors

    return tensors


def check_count(taken: Array, n: int, unit: str) -> None:
    """Raise BadInput unless there are n actions, one per unit: kernels would read past the end of fewer."""
    if tuple(np.shape(taken)) != (n,):
        raise BadInput(f"actions of shape {tuple(np.shape(taken))} for {n} {unit}s: give one per {unit}")


def check_legal(rows: Array, legal: Array, taken: Array, name_of: Callable[[int], str]) -> None:
    """Raise BadInput for the first of N actions that is illegal, with its card or action and its seat.

    legal: [N, N_ACTIONS], see `legal_mask`. name_of: how the error names a row, given its index.
    """
    allowed, asked = to_numpy(legal), to_numpy(taken)
    known = (asked >= 0) & (asked < actions.N_ACTIONS)
    refused = ~known | ~allowed[np.arange(len(asked)), np.where(known, asked, 0)]
    if refused.any():
        which = int(refused.argmax())
        row = to_numpy(rows[which])
        seat = int(row[at.ACTOR])
        hand = at.cards_of(row[at.NUMBERS + seat], row[at.SPECIALS + seat])
        raise BadInput(f"{name_of(which)}: {illegal_text(int(asked[which]), seat, int(row[at.PHASE]), hand)}")
