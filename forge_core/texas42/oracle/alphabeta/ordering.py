"""The order in which the search tries plays: the better the first guess, the more it can cut off."""

from __future__ import annotations

import numpy as np

from forge_core.kernels import kernel
from forge_core.lanes import highest_bit, popcount, trailing_zeros
from forge_core.texas42.dominoes import N_DOMINOES
from forge_core.texas42.oracle.alphabeta.rulebook import (
    HOLDER_OFFSET,
    LEADER,
    LED,
    PLAYS,
    answers,
    beating,
    legal_plays,
)


@kernel
def pick_lead(rules, search, boundary, legal):
    """Return the lead to try next: the one that the fewest opposing answers beat.

    Ties go to the highest bit, the strongest domino.
    """
    leader = boundary >> LEADER
    left, right = boundary & search.hands[leader + 1 & 3], boundary & search.hands[leader + 3 & 3]
    fewest, pick = np.int64(N_DOMINOES), np.int64(0)
    while legal:  # from the highest bit down, so that ties keep the first
        domino = highest_bit(legal)
        legal ^= np.int64(1) << domino
        suit = rules.led_suit[domino]
        beaten_by = rules.beats[suit, domino]
        n = popcount((answers(rules, left, suit) | answers(rules, right, suit)) & beaten_by)
        if n < fewest:
            fewest, pick = n, domino
    return pick


@kernel
def pick_answer(rules, search, boundary, trick, legal):
    """Return the answer to try next: the most count if the team is certain of the trick, else the least.

    Among the players still to come, only the next one is an opponent.
    """
    place = trick >> PLAYS
    wins = beating(rules, trick)
    # The plays of that opponent, if it has yet to play.
    threats = np.int64(0)
    if place < 3:
        threats = legal_plays(rules, search, boundary, trick + (1 << PLAYS))
    # The partner is winning the trick and will keep it: add count without taking over.
    partner_holds = (trick >> HOLDER_OFFSET ^ place) & 1 == 0
    if partner_holds and threats & wins == 0:
        return _most_count(rules, legal & ~wins if legal & ~wins else legal)
    # Otherwise, play a winner that the opponent cannot beat, with as much count as possible; if
    # there is none, play the least valuable domino.
    winning, safe = legal & wins, np.int64(0)
    while winning:
        domino = trailing_zeros(winning)
        winning &= winning - 1
        if rules.beats[trick >> LED & 7, domino] & threats == 0:
            safe |= np.int64(1) << domino
    return _most_count(rules, safe) if safe else _least_count(rules, legal)


@kernel
def _most_count(rules, dominoes):
    """Return the domino with the most count; ties go to the weakest."""
    for counting in (rules.tens, rules.fives):
        if dominoes & counting:
            return trailing_zeros(dominoes & counting)
    return trailing_zeros(dominoes)


@kernel
def _least_count(rules, dominoes):
    """Return the domino with the least count; ties go to the weakest."""
    for costly in (rules.tens | rules.fives, rules.tens):
        if dominoes & ~costly:
            return trailing_zeros(dominoes & ~costly)
    return trailing_zeros(dominoes)
