"""Calls as kernels, which a browser can run: a RuleBidder's P(make), and the best call, as in `bidders.call`.

bidders and advice are the readable versions; tests compare the two.
"""

from __future__ import annotations

import numpy as np

from forge_core.kernels import kernel
from forge_core.texas42.auction import LOWEST_BID, MARK, MARKS_TO_WIN, PASS
from forge_core.texas42.bidding.advice import GRAIN, win_chance
from forge_core.texas42.bidding.bidders import RULE_WEIGHTS
from forge_core.texas42.bidding.field import MEASURED_FIELD
from forge_core.texas42.bidding.table import BIDS
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.eq.declared import count_hand

_DEALER = N_SEATS - 1
_NOBODY = -1
"""the place of the highest bidder before any bid"""
_N_COUNTS = HAND_SIZE + 1
_ROUNDING = 1.5 * 2.0**52
"""adding and subtracting it rounds a number below 2^51 to a whole number, ties to even, as `np.round` does"""

FIELD = np.dtype(
    [
        ("shares", np.float64, len(BIDS)),  # as in field.Field
        ("made_then", np.float64, len(BIDS)),
        ("made_by_anyone", np.float64),
        ("wins", np.float64, (MARKS_TO_WIN + 1, MARKS_TO_WIN + 1)),  # `win_chance` by own and other marks
    ],
    align=True,
)
"""The statistics of other players' hands, and the chances to win the game"""


def _field() -> np.ndarray:
    """Return [1] FIELD."""
    record = np.zeros(1, dtype=FIELD)
    for name in ("shares", "made_then", "made_by_anyone"):
        record[name] = getattr(MEASURED_FIELD, name)
    marks = range(MARKS_TO_WIN + 1)
    record["wins"] = [[win_chance(own, other) for other in marks] for own in marks]
    return record


def _rule_table() -> np.ndarray:
    """Return [8, 8, 13] float64: P(make) of each bid by the numbers of trumps and of sure winners."""
    trumps, sure = np.indices((_N_COUNTS, _N_COUNTS))
    features = np.stack([np.ones_like(trumps), trumps, sure, trumps * sure], axis=-1)
    share = 1 / (1 + np.exp(-features @ np.array(RULE_WEIGHTS).T))
    return np.minimum.accumulate(share, axis=-1)


FIELD_RECORD = _field()
"""[1] FIELD"""
RULE_TABLE = _rule_table()
"""[8, 8, 13] float64: the P(make) of `bidders.RuleBidder`, by trumps and sure winners"""


@kernel
def fill_rule_p_make(table, trumps, led_suit, beaten_by, hand, p_make):
    """Fill p_make [10, 13] of a hand [7] as RuleBidder does. trumps: TRUMPS; then two tables of the set."""
    for decl in range(N_DECLARATIONS):
        n_trumps, n_sure = count_hand(trumps, led_suit, beaten_by, hand, decl)
        p_make[decl] = table[n_trumps, n_sure]


@kernel
def fill_best_call(field, p_make, calls, own_marks, other_marks, forced, best):
    """Fill best [2] with the call that `advice.choose` makes, and its declaration (-1 for a pass).

    field: FIELD. p_make: [10, 13]; NaN for declarations that were not played out. calls: [0..3] earlier
    calls. own_marks, other_marks: 0..6. forced: 1 if the dealer must bid after three passes, else 0.
    """
    place = len(calls)
    high, holder = np.int64(PASS), np.int64(_NOBODY)
    for k in range(place):
        if calls[k] > high:
            high, holder = calls[k], np.int64(k)
    marks = own_marks, other_marks
    # The worth of a pass; a dealer who must bid has no such choice.
    worth_of_pass = -np.inf
    if not (forced and place == _DEALER and high == PASS):
        stands, otherwise = _follow(field, marks, place, forced, high, holder, place + 1)
        worth_of_pass = otherwise + stands * _worth_of(field, marks, place, high, holder, False)
    # Bids in ascending order; among equals, the lowest bid and the first declaration are kept.
    best[0], best[1] = PASS, -1
    highest = _rounded(worth_of_pass / GRAIN)
    bid = _raise(high)
    while True:
        at_stake = max(1, bid // MARK)
        if_made = _wins(field, own_marks + at_stake, other_marks)
        if_set = _wins(field, own_marks, other_marks + at_stake)
        stands, if_outbid = _follow(field, marks, place, forced, bid, place, place + 1)
        for decl in range(N_DECLARATIONS):
            p = p_make[decl, _index(bid)]
            if_it_stands = p * if_made + (1 - p) * if_set
            if if_it_stands > worth_of_pass + GRAIN:  # False for NaN
                grains = _rounded((stands * if_it_stands + if_outbid) / GRAIN)
                if grains > highest:
                    highest = grains
                    best[0], best[1] = bid, decl
        if bid >= MARK and (bid > MARK or high >= MARK):
            return
        bid = bid + MARK if bid == MARK else bid + 1


@kernel
def _follow(field, marks, place, forced, high, holder, to_come):
    """Return two chances: that `high` stands, and that it is outbid but the caller's team wins the game.

    place: that of the caller. to_come: the first place that has yet to call.
    """
    if to_come > _DEALER:
        return 1.0, 0.0
    if holder != _NOBODY and (holder - to_come) & 1 == 0:  # the partner's bid
        return _follow(field, marks, place, forced, high, holder, to_come + 1)
    raised = _raise(high)
    must = forced and to_come == _DEALER and high == PASS
    raises = 1.0 if must else field.shares[_index(raised)]
    stands, otherwise = _follow(field, marks, place, forced, high, holder, to_come + 1)
    raise_stands, raise_outbid = _follow(field, marks, place, forced, raised, to_come, to_come + 1)
    after_raise = raise_stands * _worth_of(field, marks, place, raised, to_come, must) + raise_outbid
    return (1 - raises) * stands, (1 - raises) * otherwise + raises * after_raise


@kernel
def _worth_of(field, marks, place, bid, holder, must):
    """Return the chance to win the game if another place's bid stands, or if all have passed."""
    own_marks, other_marks = marks
    if holder == _NOBODY:
        return _wins(field, own_marks, other_marks)
    made = field.made_by_anyone if must else field.made_then[_index(bid)]
    to_us = made if (holder - place) & 1 == 0 else 1 - made
    at_stake = max(1, bid // MARK)
    return to_us * _wins(field, own_marks + at_stake, other_marks) + (1 - to_us) * _wins(
        field, own_marks, other_marks + at_stake
    )


@kernel
def _wins(field, own_marks, other_marks):
    """Return the chance to win the game from a score; marks beyond seven count as seven."""
    return field.wins[min(own_marks, MARKS_TO_WIN), min(other_marks, MARKS_TO_WIN)]


@kernel
def _raise(high):
    """Return the lowest bid that outbids `high`."""
    if high >= MARK:
        return high + MARK
    return max(np.int64(LOWEST_BID), high + 1)


@kernel
def _index(bid):
    """Return the index of a bid in BIDS; two marks have the index of one."""
    return min(bid, MARK) - LOWEST_BID


@kernel
def _rounded(number):
    """Return a number of grains, rounded."""
    return number + _ROUNDING - _ROUNDING
