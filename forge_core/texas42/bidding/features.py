"""The features of the bid-value network: those of the situation, and those of each option.

A *decision* is a call, or the declaration after the auction, by a seat that knows its own hand, the calls so
far and the score. An *option* is a call together with a declaration, or a pass. All features are computed
from what the seat knows. A domino *walks* if it is not a trump and no unseen domino of its suit beats it; it
is *exposed* if it is not a trump and such dominoes exist. Numbers are divided by constants, so that most
features lie in 0..1.
Letters: N decisions, K options of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.texas42.auction import LOWEST_BID, MARK, MARKS_TO_WIN, NO_CALL, PASS
from forge_core.texas42.bidding.calls import RULE_TABLE
from forge_core.texas42.bidding.chances import MEASURED_CHANCES, chances_after
from forge_core.texas42.bidding.table import BIDS
from forge_core.texas42.declarations import DOUBLES_TRUMP, N_DECLARATIONS, NOTRUMP
from forge_core.texas42.declaring import count_sure
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.eq.declared import TRUMPS
from forge_core.texas42.tables import (
    BEATEN_BY,
    CALLED_PLACE,
    COUNTS,
    FOLLOWING,
    HIGH_PIP,
    LED_SUIT,
    LOW_PIP,
    Bytes,
)

BID_FEATURES_VERSION = "b1"
"""Raised when a feature changes; a network reads only features of the version it was trained on."""

SITUATION = {
    "first": "1 if the caller's place is the first",
    "second": "1 if it is the second",
    "third": "1 if it is the third",
    "dealer": "1 if it is the last",
    "declaring": "1 if the auction is over",
    "must_bid": "1 if passing is illegal",
    "forced": "1 if the dealer must bid after three passes",
    "next_passed": "1 if the next seat has passed",
    "partner_passed": "the same for the partner",
    "last_passed": "the same for the seat before the caller",
    "next_bid": "(points that the next seat's bid needs - 29) / 13; 0 without a bid",
    "partner_bid": "the same for the partner",
    "last_bid": "the same for the seat before the caller",
    "no_bid": "1 if nobody has bid",
    "next_holds": "1 if the next seat has the highest bid",
    "partner_holds": "the same for the partner",
    "last_holds": "the same for the seat before the caller",
    "high": "(points that the highest bid needs - 29) / 13; 0 without a bid",
    "high_marks": "marks that the highest bid puts at stake, beyond one",
    "to_come": "seats that have yet to call / 3",
    "own_marks": "marks of the caller's team / 7",
    "other_marks": "marks of the other team / 7",
    "chance": "chance to win the game at this score",
    "stake": "chance to win with one more mark for us - chance with one more for them",
    "gain": "change of the chance to win by one more mark for us / stake",
    "doubles": "doubles in the hand / 7",
    "tens": "dominoes of 10 points in the hand / 2",
    "fives": "dominoes of 5 points in the hand / 3",
    "voids": "pips that no domino of the hand shows / 7",
    "sure": "sure winners without trumps / 7",
    "most_trumps": "the most trumps under any declaration / 7",
    "best_30": "P(make) of a bid of 30 by RuleBidder, best declaration",
    "best_36": "the same for a bid of 36",
    "best_42": "the same for a bid of 42",
    "second_30": "P(make) of a bid of 30 by RuleBidder, second-best declaration",
}
"""the features of the situation: name -> meaning"""

_OF_BID = {
    "pass": "1 if the option is a pass",
    "needs": "(points that the bid needs - 30) / 12",
    "needs_all": "1 if it needs all 42 points",
    "marks": "marks that it puts at stake, beyond one",
    "raise": "points above the lowest legal bid / 12",
    "if_made": "change of the chance to win if the bid is made / stake",
    "if_set": "the same if it is set",
    "rule_p": "P(make) by RuleBidder",
    "rule_worth": "mean change of the chance to win / stake, if this P(make) is right",
}
_OF_DECLARATION = {
    "trumps": "trumps in the hand / 7",
    **{f"trump_{place + 1}": f"1 if the hand holds trump number {place + 1}" for place in range(HAND_SIZE)},
    "trump_run": "highest trumps held without a gap / 7",
    "trumps_above": "unseen trumps that beat all trumps of the hand / 7",
    "winners": "sure winners / 7",
    "walkers": "dominoes that walk / 7",
    "exposed_1": "exposed dominoes that one unseen domino of their suit beats / 4",
    "exposed_2": "the same for two",
    "exposed_more": "the same for more",
    "exposed_suits": "suits of exposed dominoes / 4",
    "count_trumps": "count points of the trumps / 20",
    "count_walkers": "count points of the dominoes that walk / 20",
    "count_exposed": "count points of the exposed dominoes / 20",
    "unseen_trump_count": "count points of unseen trumps / 20",
    "exposed_suit_count": "unseen count points of the suits of exposed dominoes / 20",
    "empty_suits": "pips other than trumps that no domino of the hand shows / 6",
    "rule_30": "P(make) of a bid of 30 by RuleBidder",
    "rule_42": "P(make) of a bid of 42 by RuleBidder",
    "doubles_trump": "1 if doubles are trumps",
    "doubles_suit": "1 if doubles are a suit of their own",
    "notrump": "1 if there are no trumps",
}
OPTION = _OF_BID | {f"decl_{name}": meaning for name, meaning in _OF_DECLARATION.items()}
"""the features of an option: name -> meaning; those of bid and declaration are 0 for a pass"""
N_SITUATION, N_OPTION = len(SITUATION), len(OPTION)

NO_DECLARATION = -1
"""the declaration of a pass"""

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

_BIT = np.int64(1) << np.arange(N_DOMINOES, dtype=np.int64)
_DECLS = np.arange(N_DECLARATIONS)[:, None]
_SHOWN = (np.int64(1) << HIGH_PIP.astype(np.int64)) | (np.int64(1) << LOW_PIP.astype(np.int64))
"""[28] the pips of each domino, as bits"""
_COUNTS = COUNTS.astype(np.float32)
_SUIT_COUNT = np.array(
    [
        [COUNTS[(FOLLOWING[decl, suit] >> np.arange(N_DOMINOES)) & 1 == 1].sum() for suit in range(8)]
        for decl in range(N_DECLARATIONS)
    ]
)
"""[10, 8] count points of the dominoes that follow each suit"""
_TRUMP_COUNT = (TRUMPS * COUNTS).sum(axis=1)
"""[10] count points of the trumps"""
_IN_SUIT = BEATEN_BY & np.take(FOLLOWING, np.arange(8), axis=1)[:, :, None]
_BEATEN_IN_SUIT = np.take_along_axis(_IN_SUIT, LED_SUIT[:, None, :].astype(np.int64), axis=1)[:, 0]
"""[10, 28] mask of the dominoes that follow the suit of a domino and beat it"""


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Decisions of the auction, as the seats that make them know them."""

    hands: Bytes
    """[N, 7]"""
    calls: Numbers
    """[N, 4] by place; NO_CALL where nobody has called. All four have called when a seat declares."""
    places: Numbers
    """[N] the place of the caller, 0..3"""
    marks: Numbers
    """[N, 2] marks of the caller's team and of the other"""
    forced: npt.NDArray[np.bool_]
    """[N] see `advice.Situation`"""

    def __len__(self) -> int:
        return len(self.hands)

    def __getitem__(self, index: npt.NDArray) -> Decisions:
        """Return the decisions at an index."""
        return Decisions(
            self.hands[index], self.calls[index], self.places[index], self.marks[index], self.forced[index]
        )

    @property
    def chance(self) -> npt.NDArray[np.float64]:
        """[N] The chance to win the game at the score before the hand."""
        return MEASURED_CHANCES[self.marks[:, 0], self.marks[:, 1]]

    @property
    def stake(self) -> npt.NDArray[np.float64]:
        """[N] The difference in this chance between one more mark for us and one more for them."""
        own, other = self.marks.T
        return MEASURED_CHANCES[own + 1, other] - MEASURED_CHANCES[own, other + 1]


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """K options of some decisions, in the order of the decisions."""

    decision: Numbers
    """[K] the decision of each option"""
    calls: Numbers
    """[K] PASS or a bid"""
    decls: Numbers
    """[K] the declaration; NO_DECLARATION for a pass"""


def fill_features(decisions: Decisions, options: Options) -> tuple[Floats, Floats]:
    """Return the features of N decisions [N, 35] and of their K options [K, 36].

    Columns: SITUATION, OPTION.
    """
    of_decl, rule = declaration_features(decisions.hands)
    situation = _situation_features(decisions, rule)
    return situation, _option_features(decisions, options, of_decl, rule)


def declaration_features(hands: Bytes) -> tuple[Floats, Floats]:
    """Return the features of N hands under each declaration [N, 10, 27].

    The second array is RuleBidder's P(make) [N, 10, 13].
    """
    ids = hands.astype(np.int64)
    held = _BIT[ids].sum(axis=1)
    elsewhere = ~held[:, None, None]
    in_hand = ids[:, None, :]  # [N, 1, 7]
    is_trump = TRUMPS[_DECLS, in_hand]  # [N, 10, 7]
    beaters = np.bitwise_count(_BEATEN_IN_SUIT[_DECLS, in_hand] & elsewhere)
    walks, is_exposed = ~is_trump & (beaters == 0), ~is_trump & (beaters > 0)
    suits = LED_SUIT[_DECLS, in_hand]
    places = np.where(is_trump, CALLED_PLACE[_DECLS, in_hand], HAND_SIZE)
    top = (places[..., None] == np.arange(HAND_SIZE)).any(axis=2)  # [N, 10, 7]
    run = np.logical_and.accumulate(top, axis=2).sum(axis=2)
    has_trump = TRUMPS.any(axis=1)
    above = np.where(has_trump, top.argmax(axis=2) + HAND_SIZE * ~top.any(axis=2), 0)
    trumps, sure = count_sure(hands)
    rule = RULE_TABLE[trumps, sure].astype(np.float32)
    counts = _COUNTS[ids][:, None, :]
    in_suit = (suits[..., None] == np.arange(8)) & is_exposed[..., None]  # [N, 10, 7, 8]
    of_suit = in_suit.any(axis=2)
    own_of_suit = (in_suit * counts[..., None]).sum(axis=2)
    shown = np.bitwise_or.reduce(_SHOWN[ids], axis=1)
    empty = 7 - np.bitwise_count(shown[:, None] | np.where(np.arange(10) < 7, 1 << np.arange(10), 0)[None, :])
    count_trumps = (is_trump * counts).sum(axis=2)
    columns = [
        trumps / 7,
        *np.moveaxis(top, 2, 0),
        run / 7,
        above / 7,
        sure / 7,
        walks.sum(axis=2) / 7,
        (is_exposed & (beaters == 1)).sum(axis=2) / 4,
        (is_exposed & (beaters == 2)).sum(axis=2) / 4,
        (is_exposed & (beaters > 2)).sum(axis=2) / 4,
        of_suit.sum(axis=2) / 4,
        count_trumps / 20,
        (walks * counts).sum(axis=2) / 20,
        (is_exposed * counts).sum(axis=2) / 20,
        (_TRUMP_COUNT - count_trumps) / 20,
        (of_suit * _SUIT_COUNT - own_of_suit).sum(axis=2) / 20,
        empty / 6,
        rule[:, :, 0],
        rule[:, :, -1],
        *(np.broadcast_to(np.arange(10) == decl, trumps.shape) for decl in range(DOUBLES_TRUMP, NOTRUMP + 1)),
    ]
    return np.stack(columns, axis=2, dtype=np.float32, casting="unsafe"), rule


def _situation_features(decisions: Decisions, rule: Floats) -> Floats:
    """Return [N, 35]. rule: see `declaration_features`."""
    rows = np.arange(len(decisions))
    calls, places = decisions.calls, decisions.places
    is_over = (calls != NO_CALL).all(axis=1)
    others = calls[rows[:, None], (places[:, None] + np.arange(1, N_SEATS)) % N_SEATS]  # [N, 3]
    high, holder = calls.max(axis=1), calls.argmax(axis=1)
    has_bid = high > PASS
    holds = has_bid[:, None] & ((holder - places)[:, None] % N_SEATS == np.arange(1, N_SEATS))
    must = decisions.forced & (places == N_SEATS - 1) & ~has_bid
    ids = decisions.hands.astype(np.int64)
    doubles = HIGH_PIP[ids] == LOW_PIP[ids]
    best = np.sort(rule[:, :, 0], axis=1)
    trumps, sure = count_sure(decisions.hands)
    shown = np.bitwise_or.reduce(_SHOWN[ids], axis=1)
    own, other = decisions.marks.T
    chance, stake = decisions.chance, decisions.stake
    columns = [
        *(places == place for place in range(N_SEATS)),
        is_over,
        must,
        decisions.forced,
        *(others == PASS).T,
        *_level(others).T,
        ~has_bid,
        *holds.T,
        _level(high),
        np.maximum(high // MARK - 1, 0),
        (calls == NO_CALL).sum(axis=1) / 3 - ~is_over / 3,
        own / MARKS_TO_WIN,
        other / MARKS_TO_WIN,
        chance,
        stake,
        (MEASURED_CHANCES[own + 1, other] - chance) / stake,
        doubles.sum(axis=1) / 7,
        (COUNTS[ids] == 10).sum(axis=1) / 2,
        (COUNTS[ids] == 5).sum(axis=1) / 3,
        (7 - np.bitwise_count(shown)) / 7,
        sure[:, NOTRUMP] / 7,
        trumps.max(axis=1) / 7,
        best[:, -1],
        rule[:, :, BIDS.index(36)].max(axis=1),
        rule[:, :, -1].max(axis=1),
        best[:, -2],
    ]
    return np.stack(columns, axis=1, dtype=np.float32, casting="unsafe")


def _option_features(decisions: Decisions, options: Options, of_decl: Floats, rule: Floats) -> Floats:
    """Return [K, 36]. of_decl, rule: see `declaration_features`."""
    row, bids = options.decision, options.calls
    is_bid = bids > PASS
    decl = np.where(is_bid, options.decls, 0)
    needs = np.where(is_bid, np.minimum(bids, MARK), LOWEST_BID)
    marks = np.maximum(1, bids // MARK)
    high = decisions.calls.max(axis=1)[row]
    lowest = np.where(high < LOWEST_BID, LOWEST_BID, np.minimum(high + 1, MARK))
    own, other = decisions.marks[row].T
    chance, stake = decisions.chance[row], decisions.stake[row]
    if_made, if_set = ((after - chance) / stake for after in chances_after(own, other, marks))
    p = rule[row, decl, needs - LOWEST_BID]
    columns = [
        np.ones_like(p),
        (needs - LOWEST_BID) / 12,
        needs == MARK,
        marks - 1,
        np.maximum(needs - lowest, 0) / 12,
        if_made,
        if_set,
        p,
        p * if_made + (1 - p) * if_set,
    ]
    found = np.concatenate(
        [np.stack(columns, axis=1, dtype=np.float32, casting="unsafe"), of_decl[row, decl]], axis=1
    )
    found[is_bid, 0] = 0
    found[~is_bid, 1:] = 0
    return found


def _level(calls: Numbers) -> npt.NDArray[np.float64]:
    """Return (the points that bids need - 29) / 13; 0 for passes and places that have not called."""
    return np.where(calls > PASS, np.minimum(calls, MARK) - (LOWEST_BID - 1), 0) / 13
