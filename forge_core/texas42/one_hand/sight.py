"""A sight: the knowledge of one seat as 28-bit masks of dominoes, in the bit order of the rulebook.

The mover must be told apart from the seats that play after it: `next` and `last` are its opponents (the
seats 1 and 3 places clockwise), `partner` is the seat between them.
"""

from __future__ import annotations

import numpy as np

from forge_core.kernels import kernel
from forge_core.texas42.dominoes import N_DOMINOES, N_SEATS
from forge_core.texas42.oracle.alphabeta.rulebook import (
    HELD,
    LEADER,
    LED,
    PLAYS,
    RULEBOOK,
    answers,
    close_trick,
    play,
)
from forge_core.texas42.tables import COUNTS, HIGH_PIP, LOW_PIP

SIGHT = np.dtype(
    [
        ("hand", np.int64),  # dominoes that the mover holds
        ("legal", np.int64),  # those that it may play
        ("unseen", np.int64),  # dominoes in the three other hands
        ("next", np.int64),  # unseen dominoes that the next seat may hold: it has not shown out of their suit
        ("partner", np.int64),  # the same for the partner
        ("last", np.int64),  # the same for the other opponent
        ("trick", np.int64),  # the trick so far, as in the rulebook
        ("bidder", np.int64),  # the bidder's offset from the mover, clockwise: 0 is the mover, 2 its partner
    ],
    align=True,
)
"""The knowledge of one seat"""

DOMINOES = np.dtype(
    [
        ("id", np.int64, N_DOMINOES),
        ("rank", np.int64, N_DOMINOES),  # sum of the pips; 14 for a double
        ("count", np.int64, N_DOMINOES),  # points: 0, 5 or 10
        ("is_double", np.int64, N_DOMINOES),
        ("low_pip", np.int64, N_DOMINOES),
    ],
    align=True,
)
"""Facts about the dominoes that hold under any declaration, by bit of the rulebook"""


def _dominoes() -> np.ndarray:
    """Return [1] DOMINOES."""
    ids = RULEBOOK["bit"][0].argsort()
    high, low = HIGH_PIP[ids].astype(np.int64), LOW_PIP[ids].astype(np.int64)
    table = np.zeros(1, dtype=DOMINOES)
    table["id"] = ids
    table["rank"] = np.where(high == low, 14, high + low)
    table["count"] = COUNTS[ids]
    table["is_double"] = high == low
    table["low_pip"] = low
    return table


DOMINO_TABLE = _dominoes()
"""[1] DOMINOES"""


@kernel
def see(rules, sight, remaining, hand, trick, barred, seat, bidder):
    """Fill the sight of the seat to move.

    remaining: dominoes not yet played. hand: dominoes dealt to the mover. barred: [4], by seat, the
    dominoes of suits that the seat has failed to follow.
    """
    sight.hand = hand & remaining
    sight.unseen = remaining & ~hand
    sight.next = sight.unseen & ~barred[seat + 1 & 3]
    sight.partner = sight.unseen & ~barred[seat + 2 & 3]
    sight.last = sight.unseen & ~barred[seat + 3 & 3]
    sight.legal = sight.hand
    if trick:
        sight.legal = answers(rules, sight.hand, trick >> LED & 7)
    sight.trick = trick
    sight.bidder = bidder - seat & 3


@kernel
def note_void(rules, trick, domino, seat, barred):
    """Update barred [4] with a play: a seat that does not follow the led suit holds none of it."""
    if trick:
        following = rules.follows[trick >> LED & 7]
        if not following >> domino & 1:
            barred[seat] |= following


@kernel
def replay(rules, plays, players, barred):
    """Return (boundary, trick) after public plays, and fill barred [4]; see the rulebook and `see`.

    plays: [t] domino ids. players: [t] seats. The leader in the boundary is correct once a play was made.
    """
    barred[:] = 0
    boundary, trick = np.int64(HELD), np.int64(0)
    for t in range(len(plays)):
        domino = rules.bit[plays[t]]
        if trick == 0:
            boundary = boundary & HELD | np.int64(players[t]) << LEADER
        note_void(rules, trick, domino, players[t], barred)
        trick = play(rules, trick, domino)
        if trick >> PLAYS == N_SEATS:
            boundary, _ = close_trick(boundary, trick)
            trick = np.int64(0)
    return boundary, trick


@kernel
def opponents_to_come(trick):
    """Return how many opponents play after the mover in this trick, 0..2."""
    place = trick >> PLAYS
    if place == 0:
        return 2
    return 1 if place < 3 else 0


@kernel
def stands(rules, sight, suit, domino, n_opponents, whatever):
    """Return True if no opponent still to play can beat a domino in a trick where `suit` was led.

    n_opponents: the number of opponents still to play, the next one first. Assumes that an opponent who may
    be able to follow suit does so; with `whatever`, that it may play anything it may hold.
    """
    threats = np.int64(0)
    if n_opponents >= 1:
        threats = sight.next if whatever else answers(rules, sight.next, suit)
    if n_opponents == 2:
        threats |= sight.last if whatever else answers(rules, sight.last, suit)
    return rules.beats[suit, domino] & threats == 0
