"""The rules of `players.heuristic` as a kernel; tests compare the two."""

from __future__ import annotations

import numpy as np

from forge_core.kernels import kernel
from forge_core.lanes import trailing_zeros
from forge_core.texas42.dominoes import N_DOMINOES
from forge_core.texas42.one_hand.sight import opponents_to_come, stands
from forge_core.texas42.oracle.alphabeta.rulebook import HOLDER, HOLDER_OFFSET, LED, PLAYS, beating

HEURISTIC_VERSION = "h1"
"""Increased when the plays of the heuristic player change"""
_NOTHING = -(1 << 60)
"""worth less than any play"""


@kernel
def heuristic_play(rules, dominoes, sight):
    """Return the play (a bit number) of the heuristic player; among equals, the lowest domino id."""
    trick, n_opponents = sight.trick, opponents_to_come(sight.trick)
    suit = trick >> LED & 7
    # First, the trick so far: whether the partner is winning it, and for good.
    partner_holds = partner_wins = False
    winning = np.int64(0)
    if trick:
        partner_holds = trick >> HOLDER_OFFSET & 3 == (trick >> PLAYS) - 2
        partner_wins = stands(rules, sight, suit, trick >> HOLDER & 31, n_opponents, False)
        winning = beating(rules, trick)
    # Then, the worth of each legal play; the best one is kept.
    best, best_id, choice = np.int64(_NOTHING), np.int64(N_DOMINOES), np.int64(0)
    legal = sight.legal
    while legal:
        domino = trailing_zeros(legal)
        legal &= legal - 1
        own_suit = rules.led_suit[domino]
        is_high = stands(rules, sight, own_suit, domino, 2, False)
        dear = 50 * (rules.trumps >> domino & 1) + (20 if is_high else 0) + dominoes.rank[domino]
        count = 100 * dominoes.count[domino]
        worth = -count - dear  # keep count and good dominoes
        if trick == 0:
            if is_high:  # cash what cannot be beaten
                is_sure = stands(rules, sight, own_suit, domino, 2, True)
                worth = (20_000 if is_sure else 10_000) + dear
        elif partner_holds:  # give count to a trick that the partner wins
            worth = (count if partner_wins else -count) - dear
        elif winning >> domino & 1 and stands(rules, sight, suit, domino, n_opponents, False):
            worth = 10_000 + count - dear  # win the trick cheaply
        domino_id = dominoes.id[domino]
        if worth > best or (worth == best and domino_id < best_id):
            best, best_id, choice = worth, domino_id, domino
    return choice
