"""Arrays of rollouts, in records that kernels read.

Letters: T tables, P seats, M plays of a seat in a round, N requests, C plays collected, R rounds collected,
B and D entries of an observation, H entries of the hidden hands (0 unless a critic sees them).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from forge_core.learning.threads import Pieces
from forge_core.skull_king.actions import MOST_CARDS
from forge_core.skull_king.bots import LEARNER
from forge_core.skull_king.state import layout as at

PAST = LEARNER - 1
"""in place of a player by rules: a seat played by an older copy of the network that learns"""

TABLES = ("bid_tables", "play_tables")
"""arrays of Requests that hold numbers of tables"""

U8, I64, U64 = npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.uint64]
F32 = npt.NDArray[np.float32]


class Tables(NamedTuple):
    """The tables, each with a round in play."""

    rows: I64
    """[T, WIDTH]"""
    players: I64
    """[T, P] the player of each seat: LEARNER, PAST, or a rule player"""
    keys: U64
    """[T] of the draws at a table"""
    draws: I64
    """[T] draws used so far"""
    deal_keys: U64
    """[T] of the deals at a table"""
    rounds: I64
    """[T] rounds dealt so far"""


class Staged(NamedTuple):
    """Decisions of learners in rounds that are not over."""

    n: I64
    """[T, P] plays staged"""
    play: U8
    """[T, P, M, D] observations of plays"""
    hidden: U8
    """[T, P, M, H] hands of the others"""
    action: I64
    """[T, P, M]"""
    log_prob: F32
    """[T, P, M] of the action"""
    value: F32
    """[T, P, M] as predicted"""
    bid: U8
    """[T, P, B] observation of the bid"""
    bid_log_prob: F32
    """[T, P] of the bid"""


class Requests(NamedTuple):
    """Decisions that wait for a network, at most one per table."""

    n: I64
    """[2] bids and plays that wait"""
    bid_tables: I64
    """[T] tables of the bids"""
    bid: U8
    """[T, B]"""
    play_tables: I64
    """[T] tables of the plays"""
    play: U8
    """[T, D]"""
    hidden: U8
    """[T, H]"""


class Collected(NamedTuple):
    """Plays and bids of finished rounds, of learners only."""

    n: I64
    """[2] rounds and plays collected"""
    play: U8
    """[C, D]"""
    hidden: U8
    """[C, H]"""
    action: I64
    """[C]"""
    log_prob: F32
    """[C] of the action when it was chosen"""
    advantage: F32
    """[C] generalised advantage estimate, in POINTS_PER_VALUE"""
    target: F32
    """[C] target of the value, in POINTS_PER_VALUE"""
    tricks: I64
    """[C] own tricks at the end of the round"""
    bid: U8
    """[R, B]"""
    bid_made: I64
    """[R]"""
    bid_log_prob: F32
    """[R] of the bid when it was made"""
    bid_tricks: I64
    """[R] own tricks at the end of the round"""
    bid_points: F32
    """[R] own points of the round"""
    bid_opponents: I64
    """[R] the player of the next seat"""


R = TypeVar("R", Tables, Staged)
W = TypeVar("W", Requests, Collected)


def slice_tables(record: R, begin: int, end: int) -> R:
    """Return the record of tables begin..end - 1, which shares the memory."""
    return record._make(array[begin:end] for array in record)


def slice_requests(requests: Requests, bids: slice, plays: slice) -> Requests:
    """Return the record of some bids and plays that wait, which shares the memory. slices: with both ends."""
    parts = {
        name: array[bids if is_of_bids(name) else plays]
        for name, array in requests._asdict().items()
        if name != "n"
    }
    return requests._replace(n=np.array([bids.stop - bids.start, plays.stop - plays.start]), **parts)


def append_all(whole: W, parts: Sequence[W], firsts: Sequence[int], pieces: Pieces) -> None:
    """Append the entries of several records, in order, to those of another; each copy is a piece of work.

    firsts: [parts] added to the numbers of tables.
    """
    counts = np.array([part.n for part in parts])
    begins = whole.n + counts.cumsum(0) - counts
    pieces.run([partial(_copy_into, whole, *each) for each in zip(begins, parts, firsts, strict=True)])
    whole.n[:] += counts.sum(0)


def _copy_into(whole: W, begins: I64, part: W, first: int) -> None:
    for name, array in part._asdict().items():
        if name != "n":
            kind = 0 if is_of_bids(name) else 1
            begin, n = begins[kind], part.n[kind]
            getattr(whole, name)[begin : begin + n] = array[:n] + first if name in TABLES else array[:n]


def is_of_bids(name: str) -> bool:
    """Return True for arrays with an entry per bid, counted by n[0]; others have one per play."""
    return name.startswith("bid")


def new_tables(n: int, seats: int, keys: U64, deal_keys: U64) -> Tables:
    """Return tables without rounds in play."""
    return Tables(
        rows=np.zeros((n, at.WIDTH), np.int64),
        players=np.zeros((n, seats), np.int64),
        keys=keys,
        draws=np.zeros(n, np.int64),
        deal_keys=deal_keys,
        rounds=np.zeros(n, np.int64),
    )


def new_staged(n: int, seats: int, widths: tuple[int, int, int]) -> Staged:
    """Return empty memory. widths: B, D and H."""
    b, d, h = widths
    shape = (n, seats, MOST_CARDS)
    return Staged(
        n=np.zeros((n, seats), np.int64),
        play=np.zeros((*shape, d), np.uint8),
        hidden=np.zeros((*shape, h), np.uint8),
        action=np.zeros(shape, np.int64),
        log_prob=np.zeros(shape, np.float32),
        value=np.zeros(shape, np.float32),
        bid=np.zeros((n, seats, b), np.uint8),
        bid_log_prob=np.zeros((n, seats), np.float32),
    )


def new_requests(n: int, widths: tuple[int, int, int]) -> Requests:
    """Return empty memory for one request per table. widths: B, D and H."""
    b, d, h = widths
    return Requests(
        n=np.zeros(2, np.int64),
        bid_tables=np.zeros(n, np.int64),
        bid=np.zeros((n, b), np.uint8),
        play_tables=np.zeros(n, np.int64),
        play=np.zeros((n, d), np.uint8),
        hidden=np.zeros((n, h), np.uint8),
    )


def new_collected(plays: int, rounds: int, widths: tuple[int, int, int]) -> Collected:
    """Return empty memory. widths: B, D and H."""
    b, d, h = widths
    return Collected(
        n=np.zeros(2, np.int64),
        play=np.zeros((plays, d), np.uint8),
        hidden=np.zeros((plays, h), np.uint8),
        action=np.zeros(plays, np.int64),
        log_prob=np.zeros(plays, np.float32),
        advantage=np.zeros(plays, np.float32),
        target=np.zeros(plays, np.float32),
        tricks=np.zeros(plays, np.int64),
        bid=np.zeros((rounds, b), np.uint8),
        bid_made=np.zeros(rounds, np.int64),
        bid_log_prob=np.zeros(rounds, np.float32),
        bid_tricks=np.zeros(rounds, np.int64),
        bid_points=np.zeros(rounds, np.float32),
        bid_opponents=np.zeros(rounds, np.int64),
    )
