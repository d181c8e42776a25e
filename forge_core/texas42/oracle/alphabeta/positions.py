"""Q of many positions at once: checks the arguments and spreads the rows over threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import SupportsInt

import numpy as np
import numpy.typing as npt

from forge_core.chunks import map_chunks
from forge_core.errors import BadInput, StateUnreachable
from forge_core.kernels import kernel
from forge_core.texas42.deals import check_deal, check_leader
from forge_core.texas42.declarations import N_DECLARATIONS, check_declaration
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.oracle.alphabeta.rulebook import HELD, LEADER, RULEBOOK, legal_plays, play
from forge_core.texas42.oracle.alphabeta.search import SEARCH, enter, search_plays, search_reached
from forge_core.texas42.state import (
    ILLEGAL,
    IN_TRICK_BIT,
    LEADER_BIT,
    PLAYED_BIT,
    check_states,
    initial_state,
)

_FEWEST_ROWS, _MOST_ROWS = 16, 1024
"""Rows per chunk of a thread: enough to outweigh the call, few enough for Ctrl-C to interrupt"""

_threads = threading.local()


def root_q(
    hands: Sequence | npt.NDArray,
    decls: int | Sequence[int] | npt.NDArray,
    leaders: int | Sequence[int] | npt.NDArray | None = 0,
    states: npt.ArrayLike | None = None,
    workers: int | None = None,
) -> npt.NDArray[np.int8]:
    """Return Q of every play in N positions: int8 [N, 7] by slot of the mover.

    Q counts future points in team 0's frame; -128 marks an illegal slot, and all slots of a terminal state.
    hands: [N][4][7] domino ids, or [4][7] for all rows. decls: 0..9 and leaders: 0..3, each [N] or one
    for all. states: int64 [N], any positions (slots refer to the initial hands); `leaders` is then
    ignored. workers: threads (default: one per core). Consecutive rows with the same deal and
    declaration share the search's table.

    Raises BadInput for an invalid deal, declaration, leader or number of workers, or for mismatched lengths;
    StateUnreachable for a malformed state, or one whose trick breaks the rules.
    """
    return _answers(hands, decls, leaders, states, None, workers)


def root_reached(
    hands: Sequence | npt.NDArray,
    decls: int | Sequence[int] | npt.NDArray,
    states: npt.ArrayLike,
    bounds: npt.ArrayLike,
    workers: int | None = None,
) -> npt.NDArray[np.int8]:
    """Return int8 [N, 7]: 1 if Q of the play is at least the row's bound, 0 if not, -128 if it is illegal.

    bounds: integers [N], in points of team 0's frame. The rest, and the errors raised, as in `root_q`; this
    takes a fraction of the time, most of all for bounds near the largest possible value.
    """
    return _answers(hands, decls, None, states, bounds, workers)


def _answers(hands, decls, leaders, states, bounds, workers: int | None) -> npt.NDArray[np.int8]:
    """Return Q, or with `bounds` the flags of `root_reached`."""
    deals = _checked_deals(hands)
    decl = _checked_each(decls, N_DECLARATIONS, check_declaration)
    if states is None:
        state = initial_state() | _checked_each(leaders, N_SEATS, check_leader) << LEADER_BIT
    else:
        state = check_states(states)
    bound = np.zeros(1, dtype=np.int64) if bounds is None else np.atleast_1d(np.asarray(bounds, np.int64))
    lengths = {len(deals), len(decl), len(state), len(bound)} - {1}
    if len(lengths) > 1:
        raise BadInput(
            f"{len(deals)} deals, {len(decl)} declarations, {len(state)} positions: give one of each per row"
        )
    n_rows = lengths.pop() if lengths else 1
    decl, state, bound = (np.broadcast_to(column, n_rows).copy() for column in (decl, state, bound))
    q = np.full((n_rows, HAND_SIZE), ILLEGAL, dtype=np.int8)

    def answer(rows: slice) -> None:
        deals_of_rows = deals if len(deals) == 1 else deals[rows]
        asked = (decl[rows], state[rows], bound[rows] if bounds is not None else bound[:0])
        broken = _answer_rows(RULEBOOK, workspace(), deals_of_rows, *asked, q[rows])
        if broken >= 0:
            raise unreachable_in_trick(state[rows][broken], decl[rows][broken])

    map_chunks(answer, n_rows, fewest=_FEWEST_ROWS, most=_MOST_ROWS, workers=workers)
    return q


def unreachable_in_trick(state: SupportsInt, decl: SupportsInt) -> StateUnreachable:
    """Return the error for a packed state whose trick breaks the rules; see `unpack`."""
    return StateUnreachable(
        f"state {int(state)} cannot occur (a play in its trick is illegal under declaration {int(decl)}): "
        "use states of this deal and declaration"
    )


def _checked_deals(hands: Sequence | npt.NDArray) -> npt.NDArray[np.int8]:
    """Return deals as [N or 1, 4, 7] int8, ascending within each hand. Raises BadInput if invalid."""
    try:
        deals = np.asarray(hands)
    except ValueError as ragged:
        raise BadInput("hands have different lengths: give [4][7] or [N][4][7] domino ids") from ragged
    if deals.shape == (0,):
        return np.zeros((0, N_SEATS, HAND_SIZE), dtype=np.int8)
    if deals.ndim == 2:
        return check_deal(hands)[None]
    if deals.shape[1:] != (N_SEATS, HAND_SIZE) or not np.issubdtype(deals.dtype, np.integer):
        raise BadInput(f"hands of shape {deals.shape}, {deals.dtype}: give [4][7] or [N][4][7] domino ids")
    in_set = (deals >= 0) & (deals < N_DOMINOES)
    dealt = np.bitwise_or.reduce(1 << (deals & 31).astype(np.int64), axis=(1, 2))
    fits = in_set.all(axis=(1, 2)) & (dealt == HELD)
    if not fits.all():
        row = int(np.flatnonzero(~fits)[0])
        try:
            check_deal(deals[row])
        except BadInput as error:
            raise BadInput(f"deal {row}: {error}") from None
    return np.sort(deals.astype(np.int8), axis=2)


def _checked_each(numbers, n: int, check) -> npt.NDArray[np.int64]:
    """Return one number, or one per row, each in 0..n-1, as int64 [N or 1].

    `check` raises the error for the first number out of range.
    """
    array = np.atleast_1d(np.asarray(numbers))
    if array.shape == (0,):
        return np.zeros(0, dtype=np.int64)
    if array.ndim > 1 or not np.issubdtype(array.dtype, np.integer):
        raise BadInput(f"{numbers!r}: give one integer in 0..{n - 1} per row, or one for all")
    bad = (array < 0) | (array >= n)
    if bad.any():
        check(array[bad][0].item())
    return array.astype(np.int64)


def workspace() -> npt.NDArray:
    """Return this thread's SEARCH record, as an array of length one."""
    if not hasattr(_threads, "search"):
        _threads.search = np.zeros(1, dtype=SEARCH)
    return _threads.search


@kernel
def _answer_rows(rulebook, workspace, deals, decls, states, bounds, q):
    """Fill q [N, 7]; return the first row whose trick breaks the rules, or -1.

    rulebook: [10] RULES. workspace: [1] SEARCH. deals: [N or 1, 4, 7]. decls, states: [N]. bounds: [N] to
    fill q with the flags of `root_reached`, [0] for values.
    """
    # Rows are handled in order: `enter` keeps the table while deal and declaration stay the same.
    search = workspace[0]
    for row in range(len(states)):
        rules, deal = rulebook[decls[row]], deals[row % len(deals)]
        enter(rules, search, deal, decls[row])
        boundary, trick = unpack(rules, search, deal, states[row])
        if boundary < 0:
            return row
        if len(bounds):
            search_reached(rules, search, boundary, trick, deal, bounds[row], q[row])
        else:
            search_plays(rules, search, boundary, trick, deal, q[row])
    return -1


@kernel
def unpack(rules, search, deal, state):
    """Convert a packed state to (boundary, trick); (-1, 0) if a play in its trick breaks the rules."""
    # First, the boundary: all dominoes still held, plus those played since.
    leader, n_plays = state >> LEADER_BIT & 3, state >> IN_TRICK_BIT & 3
    boundary = leader << LEADER
    for seat in range(N_SEATS):
        for slot in range(HAND_SIZE):
            if state >> (HAND_SIZE * seat + slot) & 1:
                boundary |= np.int64(1) << rules.bit[deal[seat, slot]]
    for place in range(n_plays):
        slot = state >> (PLAYED_BIT + 3 * place) & 7
        boundary |= np.int64(1) << rules.bit[deal[(leader + place) & 3, slot]]
    # Then, the trick: make its plays one by one from that boundary, checking each against the rules.
    trick = np.int64(0)
    for place in range(n_plays):
        slot = state >> (PLAYED_BIT + 3 * place) & 7
        domino = rules.bit[deal[(leader + place) & 3, slot]]
        if not legal_plays(rules, search, boundary, trick) >> domino & 1:
            return np.int64(-1), np.int64(0)
        trick = play(rules, trick, domino)
    return boundary, trick
