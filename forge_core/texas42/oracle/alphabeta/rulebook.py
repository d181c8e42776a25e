"""The rules of one deal as 28-bit masks, and kernels that apply them to a position.

Within a deal, a trick boundary is given by the dominoes still held (28 bits) and the leader. A
position is therefore two integers: the boundary at which its trick began, and the trick so far. Rules,
hands and legal plays are masks, and dominoes keep their bits throughout the game. Bits are ordered by
power: the 21 dominoes with two different pips by id, then the doubles, so within any suit a higher
bit beats a lower one.

    boundary   bits  0..27  dominoes held when the trick began
                    28..29  leader
    trick      bits  0..27  dominoes played
                    28..32  the domino that is winning the trick
                    33..34  its player's offset from the leader
                    35..37  led suit
                    38..40  plays so far, 0..4

Kernels take the rules as a RULES record, and the hands as dealt as field `hands` [4] of the search
record: passing whole records through a recursion costs less than passing arrays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.kernels import kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.texas42.declarations import N_DECLARATIONS, has_trump_power
from forge_core.texas42.dominoes import N_DOMINOES, N_SEATS
from forge_core.texas42.rules import CALLED_SUIT, N_SUITS
from forge_core.texas42.tables import COUNTS, FOLLOWS, HIGH_PIP, LED_SUIT, LOW_PIP, TRICK_RANK

HELD = (1 << N_DOMINOES) - 1
"""The domino bits of a boundary or a trick"""
LEADER = 28
"""First bit of the leader in a boundary"""
HOLDER, HOLDER_OFFSET, LED, PLAYS = 28, 33, 35, 38
"""First bits of the fields of a trick"""

RULES = np.dtype(
    [
        ("bit", np.int64, N_DOMINOES),  # domino id -> its bit; all other fields are indexed by bit
        ("led_suit", np.int64, N_DOMINOES),
        ("follows", np.int64, N_SUITS),  # the dominoes that follow a suit
        ("beats", np.int64, (N_SUITS, N_DOMINOES)),  # the dominoes that beat this one if the suit is led
        ("trumps", np.int64),
        ("fives", np.int64),
        ("tens", np.int64),
    ],
    align=True,
)
"""The rules under one declaration"""


def _rules_by_declaration() -> npt.NDArray:
    """Return [10] RULES."""
    by_power = np.lexsort((np.arange(N_DOMINOES), HIGH_PIP == LOW_PIP))  # bit -> id
    rulebook = np.zeros(N_DECLARATIONS, dtype=RULES)
    for decl in range(N_DECLARATIONS):
        rules = rulebook[decl]
        count, led_suit = COUNTS[by_power], LED_SUIT[decl][by_power]
        follows, rank = FOLLOWS[decl][:, by_power], TRICK_RANK[decl][:, by_power]
        beats = rank[:, None, :] > rank[:, :, None]  # [suit, domino, what beats it]
        rules["bit"] = np.argsort(by_power)
        rules["led_suit"] = led_suit
        rules["follows"] = _masks(follows)
        rules["beats"] = _masks(beats)
        rules["trumps"] = _masks(follows[CALLED_SUIT]) if has_trump_power(decl) else 0
        rules["fives"], rules["tens"] = _masks(count == 5), _masks(count == 10)
    return rulebook


def _masks(members: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Pack booleans along the last axis [..., 28] into masks [...]."""
    return (members.astype(np.int64) << np.arange(N_DOMINOES)).sum(axis=-1)


RULEBOOK = _rules_by_declaration()
"""[10] RULES, by declaration"""


@kernel
def mover(boundary, trick):
    """Return the seat to play."""
    return (boundary >> LEADER) + (trick >> PLAYS) & 3


@kernel
def legal_plays(rules, search, boundary, trick):
    """Return the mover's legal plays: the leader plays anything, the others follow suit if they can."""
    hand = boundary & search.hands[mover(boundary, trick)]
    return hand if trick == 0 else answers(rules, hand, trick >> LED & 7)


@kernel
def answers(rules, hand, suit):
    """Return the dominoes of a hand that may be played to the led suit."""
    following = hand & rules.follows[suit]
    return following if following else hand


@kernel
def play(rules, trick, domino):
    """Return the trick after one more play."""
    if trick == 0:
        return np.int64(1) << domino | domino << HOLDER | rules.led_suit[domino] << LED | 1 << PLAYS
    if beating(rules, trick) >> domino & 1:
        offset = trick >> PLAYS
        trick = trick & ~(127 << HOLDER) | domino << HOLDER | offset << HOLDER_OFFSET
    return (trick | np.int64(1) << domino) + (1 << PLAYS)


@kernel
def beating(rules, trick):
    """Return the dominoes that would take the trick from the one that is winning it."""
    return rules.beats[trick >> LED & 7, trick >> HOLDER & 31]


@kernel
def count_points(rules, dominoes):
    """Return the count points in a set of dominoes."""
    return 5 * popcount(dominoes & rules.fives) + 10 * popcount(dominoes & rules.tens)


@kernel
def points_left(rules, boundary):
    """Return all points still to be won: one per trick, plus the count points held."""
    return (popcount(boundary & HELD) >> 2) + count_points(rules, boundary)


@kernel
def trick_value(rules, dominoes, taker):
    """Return the points of a trick in team 0's frame."""
    points = 1 + count_points(rules, dominoes)
    return -points if taker & 1 else points


@kernel
def close_trick(boundary, trick):
    """Return (boundary, taker) after a complete trick: its dominoes are gone, and its taker leads."""
    taker = (boundary >> LEADER) + (trick >> HOLDER_OFFSET) & 3
    return boundary & HELD & ~trick | taker << LEADER, taker


@kernel
def last_trick(rules, search, boundary):
    """Return V when every seat holds one domino, so that nobody has a choice."""
    taker = boundary >> LEADER
    holding = trailing_zeros(boundary & search.hands[taker])
    suit = rules.led_suit[holding]
    for offset in range(1, N_SEATS):
        seat = (boundary >> LEADER) + offset & 3
        domino = trailing_zeros(boundary & search.hands[seat])
        if rules.beats[suit, holding] >> domino & 1:
            holding, taker = domino, seat
    return trick_value(rules, boundary, taker)
