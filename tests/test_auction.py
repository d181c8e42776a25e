"""Auction and score: golden hands, legal calls and refusals."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_core.errors import BadInput
from forge_core.texas42.auction import (
    PASS,
    Auction,
    Contract,
    Score,
    call_text,
    check_bid,
    legal_calls,
    marks_of,
    parse_call,
    points_needed,
)
from forge_core.texas42.dominoes import team
from forge_core.texas42.rules import legal_plays, trick_points, trick_winner
from forge_core.texas42.settings.matches import read_bid

GOLDEN = json.loads((Path(__file__).parent / "golden" / "auction_hands.json").read_text())


@pytest.mark.parametrize("hand", GOLDEN, ids=lambda hand: str(hand["deal_seed"]))
def test_golden_hands(hand):
    """The rules replay golden hands: undecided until the recorded trick, then scored as recorded."""
    value = hand["bid"]["value"]
    bid = value if hand["bid"]["type"] == "points" else 42 * value
    contract = Contract(hand["leader"], bid)
    held = [list(dominoes) for dominoes in hand["hands"]]
    points, leader = [0, 0], contract.bidder
    for number, recorded in enumerate(hand["tricks"]):
        assert contract.made(points) is None
        trick: list[int] = []
        for play in hand["plays"][4 * number : 4 * number + 4]:
            assert play["player"] == (leader + len(trick)) % 4
            assert sorted(legal_plays(held[play["player"]], trick, hand["decl"])) == play["legal"]
            held[play["player"]].remove(play["play"])
            trick.append(play["play"])
        leader = (leader + trick_winner(trick, hand["decl"])) % 4
        points[team(leader)] += trick_points(trick)
        assert (leader, trick_points(trick)) == (recorded["winner"], recorded["points"])
    assert points == hand["team_points"]
    made = contract.made(points)
    assert made is not None
    assert list(Score().after(contract, made).marks) == hand["marks_after"]


# --- bids -------------------------------------------------------------------------------------


def test_what_bids_need_and_bring():
    assert [points_needed(bid) for bid in (30, 41, 42, 84, 126)] == [30, 41, 42, 42, 42]
    assert [marks_of(bid) for bid in (30, 41, 42, 84, 126)] == [1, 1, 1, 2, 3]
    assert [call_text(call) for call in (PASS, 31, 42, 84)] == ["pass", "31", "1 mark", "2 marks"]
    assert [parse_call(text) for text in ("pass", " 31 ", "42", "84")] == [PASS, 31, 42, 84]
    assert [parse_call(text) for text in ("1 mark", " 2  Marks", "10 marks")] == [42, 84, 420]
    assert [read_bid(text) for text in ("31", "84", "1 mark", "3 marks")] == [31, 84, 42, 126]
    assert all(parse_call(call_text(call)) == call for call in (PASS, *range(30, 43), 84, 126))


def test_what_may_be_called():
    assert legal_calls(PASS) == (PASS, *range(30, 43), 84)
    assert legal_calls(PASS, must_bid=True) == (*range(30, 43), 84)
    assert legal_calls(40) == (PASS, 41, 42, 84)
    assert legal_calls(41) == (PASS, 42, 84)
    assert legal_calls(42) == (PASS, 84)
    assert legal_calls(84) == (PASS, 126)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "29",
        "43",
        "83",
        "-30",
        "30.5",
        "thirty",
        "٣٠",
        "9" * 40,
        "85",
        "marks",
        "0 marks",
        "2 mark s",
        "1.5 marks",
    ],
)
def test_what_is_no_call(text):
    with pytest.raises(BadInput):
        parse_call(text)


@given(st.integers(-100, 300))
def test_a_bid_is_points_or_whole_marks(bid):
    if bid in range(30, 43) or (bid >= 84 and bid % 42 == 0):
        assert check_bid(bid) == bid
    else:
        with pytest.raises(BadInput, match=str(bid)):
            check_bid(bid)


# --- the auction ------------------------------------------------------------------------------


@given(st.integers(0, 3), st.booleans(), st.data())
def test_any_auction(dealer, forced, data):
    """Each seat calls once from the dealer's left; each bid exceeds the last; the highest bidder plays."""
    auction = Auction(dealer, forced=forced)
    bids: dict[int, int] = {}
    for place in range(4):
        seat = (dealer + 1 + place) % 4
        assert auction.turn == seat
        assert not auction.over
        call = data.draw(st.sampled_from(auction.legal))
        assert call == PASS or call > auction.high
        auction = auction.call(seat, call)
        if call:
            bids[call] = seat
    assert auction.over
    assert auction.legal == ()
    if bids:
        assert auction.contract == Contract(bids[max(bids)], max(bids))
    else:
        assert auction.contract is None
        assert not forced


def test_a_forced_dealer_bids():
    auction = Auction(0, (PASS, PASS, PASS), forced=True)
    assert auction.legal[0] == 30
    with pytest.raises(BadInput, match="the dealer must bid"):
        auction.call(0, PASS)
    assert auction.call(0, 30).contract == Contract(0, 30)
    assert PASS in Auction(0, (PASS, 30, PASS), forced=True).legal
    assert PASS in Auction(0, (PASS, PASS, PASS)).legal


@pytest.mark.parametrize(
    ("calls", "seat", "call", "complaint"),
    [
        ((), 1, 30, "out of turn: it is seat 3"),
        ((30,), 3, 31, "out of turn: it is seat 0"),
        ((35,), 0, 35, "after a bid of 35"),
        ((35,), 0, 30, "after a bid of 35"),
        ((84,), 0, 42, "after a bid of 2 marks"),
        ((), 3, 126, "bid at most 2 marks"),
        ((42,), 0, 126, "bid at most 2 marks"),
        ((), 3, 29, "bid 29: use"),
        ((), 3, 50, "bid 50: use"),
        ((30, PASS, PASS, PASS), 3, 31, "over"),
    ],
)
def test_bad_calls(calls, seat, call, complaint):
    with pytest.raises(BadInput, match=complaint) as raised:
        Auction(2, calls).call(seat, call)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("arguments", [(4,), (-1,), (0, (31, 30)), (0, (PASS,) * 5), (0, (7,)), (True,)])
def test_no_auction(arguments):
    with pytest.raises(BadInput):
        Auction(*arguments)


# --- the score --------------------------------------------------------------------------------


def test_open_made_or_set():
    contract = Contract(1, 31)
    assert contract.team == 1
    assert contract.made((11, 30)) is None
    assert contract.made((11, 31)) is True
    assert contract.made((12, 5)) is False
    marks = Contract(2, 84)
    assert marks.made((41, 0)) is None
    assert marks.made((42, 0)) is True
    assert marks.made((41, 1)) is False


@given(st.sampled_from([*range(30, 43), 84, 126]), st.integers(0, 3), st.integers(0, 42))
def test_when_all_is_played_a_contract_is_decided(bid, bidder, ours):
    contract = Contract(bidder, bid)
    points = (ours, 42 - ours) if contract.team == 0 else (42 - ours, ours)
    assert contract.made(points) is (ours >= min(bid, 42))


def test_marks_go_to_one_side():
    for bidder, made in product(range(4), (True, False)):
        award = Contract(bidder, 84).award(made)
        assert award[(bidder + (not made)) % 2] == 2
        assert sum(award) == 2


def test_seven_marks_win():
    score = Score((6, 5)).after(Contract(1, 84), True)
    assert score == Score((6, 7))
    assert score.winner == 1
    assert Score((6, 6)).winner is None
    with pytest.raises(BadInput, match="over"):
        score.after(Contract(0, 30), True)


@pytest.mark.parametrize("bad", [lambda: Score((-1, 0)), lambda: Contract(0, 43), lambda: Contract(4, 30)])
def test_no_score_and_no_contract(bad):
    with pytest.raises(BadInput):
        bad()


def test_more_points_than_there_are():
    with pytest.raises(BadInput, match="42"):
        Contract(0, 30).made((40, 3))
