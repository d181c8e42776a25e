"""The features of the one-hand network: 32 of the situation, and 32 of each legal play.

All are computed from a sight, so from what one hand can know. Words used below: dominoes *follow* a suit
as the rules say; a domino *beats* another in its suit; an opponent *may hold* an unseen domino unless it
has failed to follow a suit of it; a play *stands* if no opponent still to play can beat it, provided that
those who may be able to follow suit do so, and *stands surely* if it stands whatever they play. The play's
own suit is the one it would lead. Counts are divided by a constant, so that most features lie in 0..1.
"""

from __future__ import annotations

import numpy as np

from forge_core.kernels import kernel
from forge_core.lanes import popcount, trailing_zeros
from forge_core.texas42.one_hand.sight import opponents_to_come, stands
from forge_core.texas42.oracle.alphabeta.rulebook import (
    HELD,
    HOLDER,
    HOLDER_OFFSET,
    LED,
    PLAYS,
    beating,
    count_points,
)

FEATURES_VERSION = "f1"
"""Raised when a feature changes; a network reads only features of the version it was trained on."""

CONTEXT = {
    "first": "1 if the mover leads",
    "second": "1 if one play was made in the trick",
    "third": "1 if two plays were made",
    "fourth": "1 if three plays were made",
    "bids": "1 if the mover is the bidder",
    "partner_bids": "1 if its partner is",
    "next_bids": "1 if the next seat is",
    "hand": "dominoes in the hand / 7",
    "has_trumps": "1 if the declaration has trumps",
    "own_trumps": "trumps in the hand / 4",
    "unseen_trumps": "unseen trumps / 4",
    "next_no_trumps": "1 if there are trumps, and the next seat may hold none",
    "partner_no_trumps": "the same for the partner",
    "last_no_trumps": "the same for the last seat",
    "no_trumps_unseen": "1 if no trump is unseen",
    "unseen_count": "count points unseen / 20",
    "own_count": "count points in the hand / 20",
    "partner_holds": "1 if the partner's domino is winning the trick",
    "partner_stands": "1 if it is, and it stands",
    "partner_sure": "1 if it is, and it stands surely",
    "trick_count": "count points in the trick / 10",
    "trumped": "1 if the winning domino is a trump",
    "follows": "1 if the mover follows suit",
    "threats": "unseen dominoes that beat the winning one / 4",
    "trumps_led": "1 if trumps were led",
    "partner_can_win": "1 if the partner plays after the mover, and may hold a follower that beats the lead",
    "unseen_tens": "unseen dominoes of 10 points / 2",
    "own_tens": "dominoes of 10 points in the hand / 2",
    "leads_standing": "leading: legal plays that stand / 4",
    "leads_sure": "leading: legal plays that stand surely / 4",
    "exposed_count": "leading: count points of the plays that do not stand / 10",
    "spare": "always 0",
}
"""the features of the situation: name -> meaning; those of the trick are 0 if the mover leads"""
# fmt: off
(
    FIRST, SECOND, THIRD, FOURTH, BIDS, PARTNER_BIDS, NEXT_BIDS, HAND, HAS_TRUMPS, OWN_TRUMPS,
    UNSEEN_TRUMPS, NEXT_NO_TRUMPS, PARTNER_NO_TRUMPS, LAST_NO_TRUMPS, NO_TRUMPS_UNSEEN, UNSEEN_COUNT,
    OWN_COUNT, PARTNER_HOLDS, PARTNER_STANDS, PARTNER_SURE, TRICK_COUNT, TRUMPED, FOLLOWS, THREATS,
    TRUMPS_LED, PARTNER_CAN_WIN, UNSEEN_TENS, OWN_TENS, LEADS_STANDING, LEADS_SURE, EXPOSED_COUNT, SPARE,
) = range(len(CONTEXT))
# fmt: on
"""the column of each of them"""

PLAY = {
    "trump": "1 if it is a trump",
    "double": "1 if it is a double",
    "five": "1 if it counts 5 points",
    "ten": "1 if it counts 10 points",
    "rank": "sum of its pips (a double: 14) / 14",
    "better_unseen": "unseen dominoes of its own suit that beat it / 4",
    "best_of_suit": "1 if there are none",
    "led_stands": "1 if it would stand if it were led",
    "led_sure": "1 if it would stand surely if it were led",
    "suit_in_hand": "dominoes of its suit in the hand, itself included / 4",
    "alone": "1 if it is the only one",
    "suit_unseen": "unseen dominoes of its suit / 4",
    "lower_unseen": "unseen dominoes of its suit that do not beat it / 4",
    "better_in_hand": "dominoes in the hand that beat it in its suit / 4",
    "wins": "following: 1 if it takes the trick from the domino that is winning",
    "stands": "following: 1 if it takes the trick and stands",
    "sure": "following: 1 if it takes the trick and stands surely",
    "next_beats": "following: dominoes the next seat may hold that beat it / 4; 0 if it does not take the "
    "trick or no opponent is to come",
    "trumps_in": "following: 1 if it is a trump that does not follow suit",
    "gives": "following: its count / 10, if the partner is winning and it does not take over",
    "takes": "following: its count and that of the trick / 10, if it takes the trick",
    "discard": "following: 1 if it neither follows suit nor is a trump",
    "partner_beats": "leading: 1 if the partner may hold a follower that beats it",
    "suit_count": "leading: count points of the unseen dominoes of its suit / 10",
    "partner_void": "1 if the partner may hold none of its suit",
    "next_void": "1 if the next seat may hold none",
    "last_void": "1 if the last seat may hold none",
    "low_in_hand": "dominoes of its low pip's suit in the hand / 4",
    "low_better": "unseen dominoes of that suit that beat it there / 4",
    "low_best": "1 if there are none",
    "draws_ten": "1 if an unseen domino of its suit counts 10 points",
    "suit_gone": "1 if no domino of its suit is unseen",
}
"""the features of a legal play: name -> meaning; `low_*` are 0 for trumps and doubles"""
# fmt: off
(
    TRUMP, DOUBLE, FIVE, TEN, RANK, BETTER_UNSEEN, BEST_OF_SUIT, LED_STANDS, LED_SURE, SUIT_IN_HAND,
    ALONE, SUIT_UNSEEN, LOWER_UNSEEN, BETTER_IN_HAND, WINS, STANDS, SURE, NEXT_BEATS, TRUMPS_IN, GIVES,
    TAKES, DISCARD, PARTNER_BEATS, SUIT_COUNT, PARTNER_VOID, NEXT_VOID, LAST_VOID, LOW_IN_HAND,
    LOW_BETTER, LOW_BEST, DRAWS_TEN, SUIT_GONE,
) = range(len(PLAY))
# fmt: on
"""the column of each of them"""

N_CONTEXT, N_PLAY = 32, 32
assert len(CONTEXT) == N_CONTEXT and len(PLAY) == N_PLAY


@kernel
def fill_features(rules, dominoes, sight, context, plays, order):
    """Fill context [32] and plays [7, 32] float32, and order [7] with the bits of the legal plays.

    Returns the number of legal plays; later rows are left as they are. Columns: CONTEXT and PLAY.
    """
    _fill_context(rules, sight, context)
    n = n_standing = n_sure = exposed = np.int64(0)
    legal = sight.legal
    while legal:
        domino = trailing_zeros(legal)
        legal &= legal - 1
        row = plays[n]
        order[n] = domino
        n += 1
        _fill_domino(rules, dominoes, sight, domino, row)
        if sight.trick:
            _fill_answer(rules, dominoes, sight, domino, row)
        else:
            _fill_lead(rules, sight, domino, row)
            if row[LED_STANDS] == 0:
                exposed += dominoes.count[domino]
            n_standing += row[LED_STANDS] != 0
            n_sure += row[LED_STANDS] != 0 and row[LED_SURE] != 0
    context[LEADS_STANDING] = n_standing / 4
    context[LEADS_SURE] = n_sure / 4
    context[EXPOSED_COUNT] = exposed / 10
    return n


@kernel
def _fill_context(rules, sight, context):
    """Fill context [32] but for leads_standing, leads_sure and exposed_count."""
    context[:] = 0
    # Place in the trick, and who bids.
    context[FIRST + (sight.trick >> PLAYS)] = 1
    context[BIDS] = sight.bidder == 0
    context[PARTNER_BIDS] = sight.bidder == 2
    context[NEXT_BIDS] = sight.bidder == 1
    # Trumps and count, in the hand and unseen.
    trumps = rules.trumps
    context[HAND] = popcount(sight.hand) / 7
    context[HAS_TRUMPS] = trumps != 0
    context[OWN_TRUMPS] = popcount(sight.hand & trumps) / 4
    context[UNSEEN_TRUMPS] = popcount(sight.unseen & trumps) / 4
    context[NEXT_NO_TRUMPS] = trumps != 0 and sight.next & trumps == 0
    context[PARTNER_NO_TRUMPS] = trumps != 0 and sight.partner & trumps == 0
    context[LAST_NO_TRUMPS] = trumps != 0 and sight.last & trumps == 0
    context[NO_TRUMPS_UNSEEN] = sight.unseen & trumps == 0
    context[UNSEEN_COUNT] = count_points(rules, sight.unseen) / 20
    context[OWN_COUNT] = count_points(rules, sight.hand) / 20
    context[UNSEEN_TENS] = popcount(sight.unseen & rules.tens) / 2
    context[OWN_TENS] = popcount(sight.hand & rules.tens) / 2
    # The trick so far.
    trick = sight.trick
    if trick == 0:
        return
    place, suit, holder = trick >> PLAYS, trick >> LED & 7, trick >> HOLDER & 31
    following, winning, n_opponents = rules.follows[suit], beating(rules, trick), opponents_to_come(trick)
    partner_holds = place >= 2 and trick >> HOLDER_OFFSET & 3 == place - 2
    context[PARTNER_HOLDS] = partner_holds
    context[PARTNER_STANDS] = partner_holds and stands(rules, sight, suit, holder, n_opponents, False)
    context[PARTNER_SURE] = partner_holds and stands(rules, sight, suit, holder, n_opponents, True)
    context[TRICK_COUNT] = count_points(rules, trick & HELD) / 10
    context[TRUMPED] = rules.trumps >> holder & 1
    context[FOLLOWS] = sight.legal & following != 0
    context[THREATS] = popcount(winning & sight.unseen) / 4
    context[TRUMPS_LED] = following & ~rules.trumps == 0
    context[PARTNER_CAN_WIN] = place == 1 and sight.partner & winning & following != 0


@kernel
def _fill_domino(rules, dominoes, sight, domino, row):
    """Fill the features of a play that do not depend on the trick."""
    suit = rules.led_suit[domino]
    following, better = rules.follows[suit], rules.beats[suit, domino]
    is_trump = rules.trumps >> domino & 1
    # The domino itself.
    row[TRUMP] = is_trump
    row[DOUBLE] = dominoes.is_double[domino]
    row[FIVE] = dominoes.count[domino] == 5
    row[TEN] = dominoes.count[domino] == 10
    row[RANK] = dominoes.rank[domino] / 14
    # Its own suit: who is left in it, and above it.
    n_better = popcount(better & sight.unseen & following)
    row[BETTER_UNSEEN] = n_better / 4
    row[BEST_OF_SUIT] = n_better == 0
    row[LED_STANDS] = stands(rules, sight, suit, domino, 2, False)
    row[LED_SURE] = stands(rules, sight, suit, domino, 2, True)
    n_own = popcount(sight.hand & following)
    row[SUIT_IN_HAND] = n_own / 4
    row[ALONE] = n_own == 1
    row[SUIT_UNSEEN] = popcount(sight.unseen & following) / 4
    row[LOWER_UNSEEN] = popcount(sight.unseen & following & ~better) / 4
    row[BETTER_IN_HAND] = popcount(sight.hand & better) / 4
    row[PARTNER_VOID] = sight.partner & following == 0
    row[NEXT_VOID] = sight.next & following == 0
    row[LAST_VOID] = sight.last & following == 0
    row[DRAWS_TEN] = sight.unseen & following & rules.tens != 0
    row[SUIT_GONE] = sight.unseen & following == 0
    # The suit of its low pip, which it follows but does not lead.
    row[LOW_IN_HAND] = row[LOW_BETTER] = row[LOW_BEST] = 0
    if not is_trump and not dominoes.is_double[domino]:
        low_suit = dominoes.low_pip[domino]
        n_low = popcount(sight.unseen & rules.follows[low_suit] & rules.beats[low_suit, domino])
        row[LOW_IN_HAND] = popcount(sight.hand & rules.follows[low_suit]) / 4
        row[LOW_BETTER] = n_low / 4
        row[LOW_BEST] = n_low == 0


@kernel
def _fill_lead(rules, sight, domino, row):
    """Fill the features of a lead, partner_beats and suit_count; those of an answer are 0."""
    suit = rules.led_suit[domino]
    row[WINS : DISCARD + 1] = 0
    row[PARTNER_BEATS] = sight.partner & rules.follows[suit] & rules.beats[suit, domino] != 0
    row[SUIT_COUNT] = count_points(rules, sight.unseen & rules.follows[suit]) / 10


@kernel
def _fill_answer(rules, dominoes, sight, domino, row):
    """Fill the features of an answer, wins..discard; those of a lead are 0."""
    trick, count, is_trump = sight.trick, dominoes.count[domino], rules.trumps >> domino & 1
    place, suit, n_opponents = trick >> PLAYS, trick >> LED & 7, opponents_to_come(trick)
    partner_holds = place >= 2 and trick >> HOLDER_OFFSET & 3 == place - 2
    wins = beating(rules, trick) >> domino & 1 == 1
    follows = rules.follows[suit] >> domino & 1 == 1
    row[WINS] = wins
    row[STANDS] = wins and stands(rules, sight, suit, domino, n_opponents, False)
    row[SURE] = wins and stands(rules, sight, suit, domino, n_opponents, True)
    row[NEXT_BEATS] = popcount(rules.beats[suit, domino] & sight.next) / 4 if wins and n_opponents else 0
    row[TRUMPS_IN] = is_trump and not follows
    row[GIVES] = count / 10 if partner_holds and not wins else 0
    row[TAKES] = (count + count_points(rules, trick & HELD)) / 10 if wins else 0
    row[DISCARD] = not follows and not is_trump
    row[PARTNER_BEATS] = row[SUIT_COUNT] = 0
