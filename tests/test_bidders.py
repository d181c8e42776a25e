"""Bidders: calls by the rules, the hand and the score; auctions, and matches between bidders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.texas42.arena import Conditions, Seating, held_out_seeds, play_match
from forge_core.texas42.arena.boards import read_block, write_block
from forge_core.texas42.arena.report import Comparison
from forge_core.texas42.auction import LOWEST_BID, PASS, Contract, Score
from forge_core.texas42.bidding.advice import Situation
from forge_core.texas42.bidding.bidders import (
    PlayoutBidder,
    RuleBidder,
    call,
    hold_auction,
)
from forge_core.texas42.bidding.playouts import OraclePlayout
from forge_core.texas42.bidding.table import BIDS, play_out
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declarations import has_trump_power, is_called
from forge_core.texas42.declaring import count_sure, suits
from forge_core.texas42.notation import parse_hand
from forge_core.texas42.players import parse_player
from forge_core.texas42.rules import led_suit, trick_rank

RULE = RuleBidder()
STRONG = parse_hand("6-6 6-5 6-4 6-3 6-2 6-1 6-0")
POOR = parse_hand("1-0 2-0 3-1 4-2 5-3 3-2 4-1")
seeds = st.integers(0, 10**6)


class Fixed:
    """A bidder that predicts the same chances of making 30..42 (in steps of five) for every hand."""

    name = "fixed"

    def __init__(self, share: float):
        self.share = share

    def describe(self):
        return {"bidder": "fixed", "share": self.share}

    def p_make(self, hand):
        table = np.zeros((10, len(BIDS)))
        table[5] = self.share
        return table


# what a hand is worth


@given(seeds)
def test_the_rule_counts_trumps_and_winners(seed):
    hand = deal_from_seed(seed)[0]
    others = [domino for domino in range(28) if domino not in hand]
    trumps, unbeaten = count_sure(np.array([hand], dtype=np.int8))
    for decl in range(10):
        assert trumps[0, decl] == sum(has_trump_power(decl) and is_called(domino, decl) for domino in hand)
        sure = 0
        for domino in hand:
            suit = led_suit(domino, decl)
            rank = trick_rank(domino, suit, decl)
            sure += all(trick_rank(other, suit, decl) < rank for other in others)
        assert unbeaten[0, decl] == sure


@given(seeds)
def test_the_rule_speaks_of_shares_that_never_rise(seed):
    p = RULE.p_make(deal_from_seed(seed)[0])
    assert p.shape == (10, len(BIDS))
    assert ((p > 0) & (p < 1)).all()
    assert (np.diff(p, axis=1) <= 0).all()


def test_the_rule_tells_strong_hands_from_poor_ones():
    assert RULE.p_make(STRONG)[6, BIDS.index(42)] > 0.7
    assert RULE.p_make(POOR).max() < 0.4
    assert suits(np.array([STRONG], dtype=np.int8)).tolist() == [6]


def test_the_rule_agrees_with_playouts():
    hands = [deal_from_seed(seed)[0] for seed in range(12)]
    said = np.concatenate([RULE.p_make(hand)[:, 0] for hand in hands])
    made = np.concatenate([play_out(hand, OraclePlayout(1), 5).p_make[:, 0] for hand in hands])
    assert np.corrcoef(said, made)[0, 1] > 0.5


def test_a_bidder_by_playouts_says_what_its_table_says():
    bidder = PlayoutBidder(OraclePlayout(1), samples=4, seed=7)
    assert np.array_equal(bidder.p_make(STRONG), play_out(STRONG, OraclePlayout(1), 4, 7).p_make)
    assert (bidder.name, bidder.describe()["samples"]) == ("oracle", 4)
    called = call(bidder, STRONG, Situation())
    assert called.call > PASS and called.decl == 6


# what it calls


def test_hands_that_cannot_lose_bid_and_hands_that_cannot_win_pass():
    strong = call(RULE, STRONG, Situation())
    assert (strong.call >= LOWEST_BID, strong.decl) == (True, 6)
    assert call(RULE, POOR, Situation()).call == PASS
    must = call(RULE, POOR, Situation((PASS, PASS, PASS), forced=True))
    assert must.call >= LOWEST_BID and must.decl is not None


def test_the_score_decides_between_equal_hands():
    hopes = Fixed(0.3)
    behind, ahead = (call(hopes, STRONG, Situation((PASS,) * 3, *score)) for score in ((0, 6), (6, 0)))
    assert (behind.call, behind.decl) == (84, 5)  # to be set by one mark or by two is the same there
    assert (ahead.call, ahead.decl) == (PASS, None)


# auctions


@given(seeds, st.integers(0, 3), st.tuples(st.integers(0, 6), st.integers(0, 6)), st.booleans())
def test_auctions_keep_the_rules_and_end_in_the_highest_bid(seed, dealer, marks, forced):
    hands = deal_from_seed(seed)
    held = hold_auction(hands, [RULE] * 4, dealer, Score(marks), forced)
    calls = held.auction.calls  # Auction refuses calls that are not allowed
    assert len(calls) == 4
    if max(calls) == PASS:
        assert (held.contract, held.decl, forced) == (None, None, False)
        return
    place = calls.index(max(calls))
    seat = (dealer + 1 + place) % 4
    assert held.contract == Contract(seat, max(calls))
    mine, theirs = marks[seat % 2], marks[1 - seat % 2]
    alone = call(RULE, hands[seat], Situation(calls[:place], mine, theirs, forced))
    assert (alone.call, alone.decl) == (max(calls), held.decl)


def test_nobody_knows_another_hand():
    """A call depends only on the seat's hand and the calls before it."""
    hands = deal_from_seed(3)
    swapped = [hands[0], hands[1], hands[3], hands[2]]
    one, other = (hold_auction(deal, [RULE] * 4, dealer=3).auction.calls for deal in (hands, swapped))
    assert one[:2] == other[:2]


def test_bidders_differ_and_outbid_each_other():
    timid, bold = Fixed(0.0), Fixed(1.0)
    held = hold_auction(deal_from_seed(0), [timid, bold, timid, timid], dealer=3)
    assert held.contract is not None and (held.contract.bidder, held.decl) == (1, 5)
    assert hold_auction(deal_from_seed(0), [timid] * 4, dealer=2).contract is None
    forced = hold_auction(deal_from_seed(0), [timid] * 4, dealer=2, forced=True)
    assert forced.contract == Contract(2, LOWEST_BID)


def test_what_is_no_auction_is_refused():
    deal = deal_from_seed(0)
    with pytest.raises(BadInput, match="3 bidders"):
        hold_auction(deal, [RULE] * 3, dealer=0)
    with pytest.raises(BadInput, match="seat 4"):
        hold_auction(deal, [RULE] * 4, dealer=4)
    with pytest.raises(BadInput):
        hold_auction([deal[0]] * 4, [RULE] * 4, dealer=0)
    with pytest.raises(BadInput, match="0 to 7"):
        hold_auction(deal, [RULE] * 4, dealer=0, score=Score((7, 0)))


# matches of contracts that were bid


def test_a_match_may_play_what_an_auction_found():
    conditions = Conditions("auction")
    dealt = held_out_seeds(60)
    games = conditions.deal(dealt)
    for seed, hands, decl, bid in zip(dealt, games.hands, games.seen.decl, games.seen.bid, strict=True):
        deal = deal_from_seed(seed)
        held = hold_auction(deal, [RULE] * 4, dealer=3, forced=True)
        assert held.contract is not None
        first = held.contract.bidder
        assert hands.tolist() == [*deal[first:], *deal[:first]]
        assert (decl, bid) == (held.decl, held.contract.bid)
    assert not games.seen.leader.any() and not games.seen.bidder.any()
    assert games.seen.forced.all() and (games.seen.calls.max(axis=1) == games.seen.bid).all()
    assert len(set(games.seen.bid.tolist())) > 2
    assert len(conditions.deal([])) == 0


def test_such_a_match_is_a_duplicate_of_play(tmp_path):
    store, conditions = Store(str(tmp_path)), Conditions("auction")
    heuristic, random = parse_player("heuristic"), parse_player("random")
    played = play_match(heuristic, random, range(60), conditions, store)
    assert np.array_equal(played.by_a.bid, played.by_b.bid)
    assert np.array_equal(played.by_a.decl, played.by_b.decl)
    assert np.array_equal(played.by_a.made, played.by_a.points >= np.minimum(played.by_a.bid, 42))
    found = Comparison.of(played)
    assert found.swing.low > 0
    marks = np.maximum(1, played.by_a.bid // 42)
    assert played.by_a.marks.tolist() == marks.tolist() and marks.max() > 1
    assert found.marks_a == marks[played.by_a.made].sum() + marks[~played.by_b.made].sum()
    assert found.marks_a + found.marks_b == 2 * marks.sum()
    again = play_match(random, heuristic, range(60), conditions, store)
    assert np.array_equal(again.swing, -played.swing)
    itself = play_match(heuristic, parse_player("heuristic"), range(20), conditions)
    assert not itself.swing.any()

    seating = Seating(heuristic, random, conditions)
    boards = read_block(store, seating, 0)
    assert boards.bid.tolist() == played.by_a.bid[:50].tolist()
    write_block(store, seating, replace(boards, bid=boards.bid + np.int16(1)))
    with pytest.raises(FileCorrupt, match="a bid does not match the conditions"):
        read_block(store, seating, 0)


def test_an_auction_is_told_no_bid():
    with pytest.raises(BadInput, match="an auction determines the bid"):
        Conditions("auction", 31)
    assert Conditions("auction").to_dict() == {"declare": "auction", "seed": 0, "bidder": RULE.describe()}
