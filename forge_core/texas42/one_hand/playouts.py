"""Playouts: deals played on by four seats that follow a policy and see only their own hands.

The value of a play is the number of points to come after it, if all seats follow the policy. When at most
`until` dominoes are left to play, the exact value of the rest is taken instead: near the end, hands are
mostly known, and the solver is cheap.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.chunks import map_chunks
from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.one_hand.choose import Policy, new_memory, policy_play
from forge_core.texas42.one_hand.sight import DOMINO_TABLE, note_void, see
from forge_core.texas42.oracle.alphabeta.positions import unpack, unreachable_in_trick, workspace
from forge_core.texas42.oracle.alphabeta.rulebook import (
    HELD,
    PLAYS,
    RULEBOOK,
    close_trick,
    legal_plays,
    mover,
    play,
    trick_value,
)
from forge_core.texas42.oracle.alphabeta.search import enter, fit_table, search_value
from forge_core.texas42.rules import N_SUITS
from forge_core.texas42.state import ILLEGAL

PLAYOUT_VERSION = "y1"
"""Raised when a policy of the same name and weights gives other values, also because it plays otherwise."""
_FEWEST_ROWS, _MOST_ROWS = 16, 1024
"""rows per chunk of a thread: enough to outweigh the call, few enough for Ctrl-C to interrupt"""


def playout_q(
    hands: npt.NDArray[np.int8],
    decls: npt.NDArray,
    states: npt.NDArray[np.int64],
    voids: npt.NDArray[np.uint8],
    bidders: npt.NDArray,
    policy: Policy,
    until: int,
    workers: int | None = None,
) -> npt.NDArray[np.int8]:
    """Return the value of every play in S positions: int8 [S, 7] points in team 0's frame, -128 if illegal.

    hands: [S, 4, 7] as dealt, ascending. decls: [S]. states: [S] packed. voids: [S, 4], by seat: bit s is
    set if the seat has failed to follow suit s (7 = called). bidders: [S] seats. until: number of
    plays left, 0..28, from which on values are exact. workers: threads (default: one per core).

    Raises BadInput for an `until` out of range, and StateUnreachable for a state that breaks the rules.
    """
    check_until(until)
    q = np.full((len(states), HAND_SIZE), ILLEGAL, dtype=np.int8)
    decls, bidders = np.asarray(decls, dtype=np.int64), np.asarray(bidders, dtype=np.int64)

    def answer(rows: slice) -> None:
        broken = playout_rows(
            RULEBOOK,
            workspace(),
            DOMINO_TABLE,
            *new_memory(policy.sizes),
            hands[rows],
            decls[rows],
            states[rows],
            voids[rows],
            bidders[rows],
            policy.index,
            policy.weights,
            until,
            q[rows],
        )
        if broken >= 0:
            raise unreachable_in_trick(states[rows][broken], decls[rows][broken])

    map_chunks(answer, len(states), fewest=_FEWEST_ROWS, most=_MOST_ROWS, workers=workers)
    return q


def exact_rest(
    hands: npt.NDArray[np.int8],
    decls: npt.NDArray[np.int64],
    boundaries: npt.NDArray[np.int64],
    tricks: npt.NDArray[np.int64],
    workers: int | None = None,
) -> npt.NDArray[np.int64]:
    """Return [P]: the exact points to come in P positions, the trick so far included, in team 0's frame.

    hands: [P, 4, 7] as dealt, ascending. boundaries, tricks: see the rulebook. workers: see `playout_q`.
    """
    rest = np.zeros(len(decls), dtype=np.int64)

    def answer(rows: slice) -> None:
        rest_rows(RULEBOOK, workspace(), hands[rows], decls[rows], boundaries[rows], tricks[rows], rest[rows])

    map_chunks(answer, len(decls), fewest=_FEWEST_ROWS, most=_MOST_ROWS, workers=workers)
    return rest


def deal_points(
    hands: npt.NDArray[np.int8], decls: npt.NDArray, policy: Policy, workers: int | None = None
) -> npt.NDArray[np.int8]:
    """Return int8 [D]: points, 0..42, of the team of seat 0, which bids and leads, in whole deals.

    All seats follow the policy. hands: [D, 4, 7], ascending. decls: [D]. workers: threads (default: one
    per core).
    """
    gained, decls = np.zeros(len(hands), dtype=np.int64), np.asarray(decls, dtype=np.int64)

    def play_chunk(rows: slice) -> None:
        memory = new_memory(policy.sizes)
        play_deals(
            RULEBOOK,
            workspace(),
            DOMINO_TABLE,
            *memory,
            hands[rows],
            decls[rows],
            policy.index,
            policy.weights,
            gained[rows],
        )

    map_chunks(play_chunk, len(hands), fewest=_FEWEST_ROWS, most=_MOST_ROWS, workers=workers)
    return ((HAND_POINTS + gained) // 2).astype(np.int8)


def check_until(until: int) -> None:
    """Raise BadInput for a number of plays that is not in 0..28."""
    if not 0 <= until <= N_PLAYS:
        raise BadInput(f"until {until}: use a number of plays, 0..{N_PLAYS}")


@kernel
def playout_rows(
    rulebook,
    workspace,
    table,
    sights,
    memories,
    deals,
    decls,
    states,
    voids,
    bidders,
    policy,
    weights,
    until,
    q,
):
    """Fill q [S, 7]; return the first row whose trick breaks the rules, or -1. See `playout_q`."""
    search, dominoes, sight, memory = workspace[0], table[0], sights[0], memories[0]
    public, barred = np.zeros(N_SEATS, np.int64), np.zeros(N_SEATS, np.int64)
    for row in range(len(states)):
        rules, deal = rulebook[decls[row]], deals[row]
        enter(rules, search, deal, decls[row])
        boundary, trick = unpack(rules, search, deal, states[row])
        if boundary < 0:
            return row
        _bar(rules, voids[row], public)
        seat, legal = mover(boundary, trick), legal_plays(rules, search, boundary, trick)
        for slot in range(HAND_SIZE):
            domino = rules.bit[deal[seat, slot]]
            if not legal >> domino & 1:
                continue
            barred[:] = public
            note_void(rules, trick, domino, seat, barred)
            after = play(rules, trick, domino)
            q[row, slot] = play_on(
                rules,
                search,
                dominoes,
                sight,
                memory,
                boundary,
                after,
                barred,
                bidders[row],
                policy,
                weights[0],
                until,
            )
    return -1


@kernel
def rest_rows(rulebook, workspace, deals, decls, boundaries, tricks, rest):
    """Fill rest [P]; see `exact_rest`. Consecutive rows of one deal share the search's table."""
    search = workspace[0]
    for row in range(len(decls)):
        if boundaries[row] & HELD:
            rules = rulebook[decls[row]]
            enter(rules, search, deals[row], decls[row])
            fit_table(search, boundaries[row])
            rest[row] = search_value(rules, search, boundaries[row], tricks[row], np.int64(0))


@kernel
def play_deals(rulebook, workspace, table, sights, memories, deals, decls, policy, weights, gained):
    """Fill gained [D]: points of team 0 minus those of team 1 in whole deals; all seats follow the policy.

    Seat 0 bids and leads. deals: [D, 4, 7]. decls: [D]. The rest: see `playout_rows`.
    """
    search, dominoes, sight, memory = workspace[0], table[0], sights[0], memories[0]
    barred = np.zeros(N_SEATS, np.int64)
    for row in range(len(decls)):
        rules = rulebook[decls[row]]
        enter(rules, search, deals[row], decls[row])
        barred[:] = 0
        gained[row] = play_on(
            rules,
            search,
            dominoes,
            sight,
            memory,
            np.int64(HELD),
            np.int64(0),
            barred,
            np.int64(0),
            policy,
            weights[0],
            np.int64(0),
        )


@kernel
def _bar(rules, voids, barred):
    """Fill barred [4] with the dominoes that each seat cannot hold. voids: [4] masks of suits."""
    for seat in range(N_SEATS):
        barred[seat] = 0
        for suit in range(N_SUITS):
            if voids[seat] >> suit & 1:
                barred[seat] |= rules.follows[suit]


@kernel
def play_on(rules, search, dominoes, sight, memory, boundary, trick, barred, bidder, policy, weights, until):
    """Return the points to come, the trick so far included, in team 0's frame. Changes barred [4]."""
    gained = np.int64(0)
    while True:
        if trick >> PLAYS == N_SEATS:
            boundary, taker = close_trick(boundary, trick)
            gained += trick_value(rules, trick, taker)
            trick = np.int64(0)
        remaining = boundary & HELD & ~trick
        n_left = popcount(remaining)
        if n_left == 0:
            return gained
        if n_left <= until:
            fit_table(search, boundary)
            return gained + search_value(rules, search, boundary, trick, np.int64(0))
        # One play: the policy sees the mover's sight only; a forced play needs no policy.
        seat, domino = mover(boundary, trick), np.int64(0)
        legal = legal_plays(rules, search, boundary, trick)
        if legal & (legal - 1):
            see(rules, sight, remaining, search.hands[seat], trick, barred, seat, bidder)
            domino = policy_play(rules, dominoes, sight, policy, weights, memory)
        else:
            domino = trailing_zeros(legal)
        note_void(rules, trick, domino, seat, barred)
        trick = play(rules, trick, domino)
