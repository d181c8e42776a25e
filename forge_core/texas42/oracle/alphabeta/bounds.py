"""Bounds on the value of a boundary without search: the points that each team is certain to win."""

from __future__ import annotations

import numpy as np

from forge_core.kernels import kernel
from forge_core.lanes import highest_bit, popcount, trailing_zeros
from forge_core.texas42.oracle.alphabeta.rulebook import HELD, LEADER, count_points, points_left


@kernel
def static_bounds(rules, search, boundary):
    """Return (low, high) with low <= V <= high; every remaining point goes to one team or the other."""
    left = points_left(rules, boundary)
    sure_0, sure_1 = _sure_points(rules, search, boundary)
    return 2 * sure_0 - left, left - 2 * sure_1


@kernel
def _sure_points(rules, search, boundary):
    """Return the points that (team 0, team 1) are certain to win."""
    sure_0 = sure_1 = np.int64(0)
    # The seat with the highest trump: each of its trumps that ranks above everyone else's trumps
    # wins a trick whenever it is played.
    trumps = boundary & rules.trumps
    if trumps:
        seat = 0
        while not search.hands[seat] >> highest_bit(trumps) & 1:
            seat += 1
        lower = trumps & ~search.hands[seat]
        top = trumps & -2 << highest_bit(lower) if lower else trumps
        points = popcount(top) + count_points(rules, top)
        if seat & 1:
            sure_1 = points
        else:
            sure_0 = points
    # The leader can also lead, one after another, all its dominoes that no other hand can beat. The
    # two sets may overlap, so count the larger one for a team, not their sum.
    leader = boundary >> LEADER
    hand = boundary & search.hands[leader]
    others = boundary & HELD & ~hand
    unbeaten = np.int64(0)
    while hand:
        domino = trailing_zeros(hand)
        hand &= hand - 1
        if rules.beats[rules.led_suit[domino], domino] & others == 0:
            unbeaten |= np.int64(1) << domino
    points = popcount(unbeaten) + count_points(rules, unbeaten)
    if leader & 1:
        return sure_0, max(sure_1, points)
    return max(sure_0, points), sure_1
