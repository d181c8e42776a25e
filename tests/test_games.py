"""Games in lockstep, and the public information in them, against recorded games and the rules."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.errors import BadInput
from forge_core.texas42.auction import NO_CALL, Auction
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.games import Games, check_bid, start
from forge_core.texas42.rules import legal_plays, trick_points, trick_winner

GOLDEN = json.loads((Path(__file__).parent / "golden" / "hands.json").read_text())


def some_games(n: int = 8, first: int = 0) -> Games:
    seeds = range(first, first + n)
    return start([deal_from_seed(seed) for seed in seeds], [seed % 10 for seed in seeds])


def test_games_know_the_auction_that_led_to_them():
    deals = [deal_from_seed(seed) for seed in range(2)]
    auctions = [Auction(1, (30, 0, 31, 0)), Auction(3, (0, 0, 0, 84), forced=True)]
    games = start(deals, [0, 5], bidders=[0, 3], bids=[31, 84], auctions=auctions)
    assert games.seen.had_auction.all() and games.seen.forced.tolist() == [False, True]
    assert games.seen.calls.tolist() == [[30, 0, 31, 0], [0, 0, 0, 84]]
    assert games.seen.callers.tolist() == [[2, 3, 0, 1], [0, 1, 2, 3]]
    later = play_at_random(games, 9).take([1])
    assert later.seen.calls.tolist() == [[0, 0, 0, 84]] and later.views.seen.forced.tolist() == [True]
    given = some_games(3).seen
    assert not given.had_auction.any() and (given.calls == NO_CALL).all()
    with pytest.raises(BadInput, match="1 auctions for 2 games"):
        start(deals, [0, 5], bidders=[0, 3], bids=[31, 84], auctions=auctions[:1])
    for bidder, bid in ((1, 31), (0, 30)):
        with pytest.raises(BadInput, match=r"game 0: calls \(30, 0, 31, 0\) with dealer 1"):
            start(deals, [0, 5], bidders=[bidder, 3], bids=[bid, 84], auctions=auctions)


def play_at_random(games: Games, steps: int, seed: int = 0) -> Games:
    generator = np.random.default_rng(seed)
    for _ in range(steps):
        odds = generator.random(games.views.legal.shape) * games.views.legal
        games = games.play(odds.argmax(axis=1))
    return games


def test_recorded_games_are_replayed():
    games = start([g["hands"] for g in GOLDEN], [g["decl"] for g in GOLDEN], [g["leader"] for g in GOLDEN])
    for step in range(28):
        recorded = [g["plays"][step] for g in GOLDEN]
        views = games.views
        assert views.seat.tolist() == [play["player"] for play in recorded]
        for hand, legal, play in zip(views.hand, views.legal, recorded, strict=True):
            assert hand[legal].tolist() == sorted(play["legal"])
        played = np.array([play["play"] for play in recorded])
        games = games.play((views.hand == played[:, None]).argmax(axis=1))
    assert games.over
    assert games.seen.points.tolist() == [list(g["team_points"]) for g in GOLDEN]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 9), st.integers(0, 3), st.integers(0, 10_000))
def test_games_keep_the_rules(seed, decl, leader, plays_seed):
    games = start([deal_from_seed(seed)], [decl], leader)
    held, taken, lead_by = [list(hand) for hand in deal_from_seed(seed)], [0, 0], leader
    generator = np.random.default_rng(plays_seed)
    for _ in range(7):
        trick: list[int] = []
        for offset in range(4):
            seat = (lead_by + offset) % 4
            views = games.views
            assert views.seat[0] == seat
            assert views.hand[0][views.held[0]].tolist() == held[seat]
            legal = legal_plays(held[seat], trick, decl)
            assert views.hand[0][views.legal[0]].tolist() == legal
            played = int(generator.choice(legal))
            games = games.play([views.hand[0].tolist().index(played)])
            held[seat].remove(played)
            trick.append(played)
        lead_by = (lead_by + trick_winner(trick, decl)) % 4
        taken[lead_by % 2] += trick_points(trick)
        assert games.seen.turn[0] == lead_by
        assert games.seen.points[0].tolist() == taken


def test_a_view_leads_to_no_hidden_hand():
    games = play_at_random(some_games(), 6)
    views = games.views
    reachable = [views.hand, *(getattr(views.seen, name) for name in views.seen.__slots__)]
    for array in reachable:
        assert array.base is None and not np.shares_memory(array, games.hands)
    other = games.hands.copy()
    hidden = [s for s in range(4) if s != views.seat[0]]
    left = ~np.isin(other[0], games.seen.plays[0])
    ids = np.concatenate([other[0, s][left[s]] for s in hidden])
    place = 0
    for s in hidden:  # deal what is hidden to other seats: the view stays the same
        n = left[s].sum()
        other[0, s][left[s]] = np.roll(ids, 3)[place : place + n]
        place += n
    same = Games(other, games.seen).views
    assert (same.hand == views.hand).all() and (same.legal == views.legal).all()


def test_games_are_taken_by_number_or_mask():
    games = play_at_random(some_games(), 9)
    assert (games.take([3, 1]).views.hand == games.views.hand[[3, 1]]).all()
    mask = games.seen.decl > 4
    assert (games.views.take(mask).seen.plays == games.seen.plays[mask]).all()
    assert len(games.views.take(mask)) == mask.sum()


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (([[[0] * 7] * 4], [0]), "repeats a domino"),
        (([deal_from_seed(0)], [10]), "declaration"),
        (([deal_from_seed(0)], [0], 4), "not a seat"),
        (([deal_from_seed(0)], [0], 0, None, 29), "bid 29"),
        (([deal_from_seed(0)], [0, 1]), "declarations for 1 games"),
        (([deal_from_seed(0)], [0], 0.5), "leaders"),
    ],
)
def test_what_is_no_game_is_refused(arguments, wrong):
    with pytest.raises(BadInput, match=wrong):
        start(*arguments)


def test_plays_that_are_not_legal_are_refused():
    games = play_at_random(some_games(), 5)
    slots = games.views.legal.argmax(axis=1)
    for game, slot in ((2, 7), (2, -1), (4, int(games.views.legal[4].argmin()))):
        wrong = slots.copy()
        wrong[game] = slot
        if not (0 <= slot < 7) or not games.views.legal[game, slot]:
            with pytest.raises(BadInput, match=f"game {game}"):
                games.play(wrong)


def test_bids():
    assert [check_bid(bid) for bid in (30, 42, 84, 126)] == [30, 42, 84, 126]
    for bid in (29, 43, 83, 0):
        with pytest.raises(BadInput, match="bid"):
            check_bid(bid)
