"""Whole games to seven marks: rules, pairs with exchanged seats, ratings and calibration."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from forge_core.arena.ratings import PairScores, bootstrap_ratings, fit_ratings
from forge_core.errors import BadInput
from forge_core.streams import stream
from forge_core.texas42.arena.tournament import GamesReport, calibrate, play_tournament, rate_sides
from forge_core.texas42.arena.whole_games import PairedGames, deal_hand, parse_side, play_pairs
from forge_core.texas42.auction import MARKS_TO_WIN, PASS, Auction, Score
from forge_core.texas42.bidding.bidders import hold_auction
from forge_core.texas42.deals import check_deal
from forge_core.texas42.players.random import RandomPlayer

RULE, RANDOM = "rule+heuristic", "rule+random"


@pytest.fixture(scope="module")
def games() -> PairedGames:
    return play_pairs(parse_side(RULE), parse_side(RANDOM), range(12))


def test_games_follow_the_rules(games):
    rule = parse_side(RULE).bidder
    for half in range(2):
        for row, seed in enumerate(games.seed.tolist()):
            hands = [hand for hand in games.hands if (hand.seed, hand.game) == (seed, half)]
            marks, deal = [0, 0], 0  # of sides a and b; the number of the deal
            for hand in hands:
                assert hand.score == tuple(marks)
                score = Score((marks[half], marks[1 - half]))
                while deal < hand.deal:  # deals that all passed
                    assert hold_auction(deal_hand(seed, deal), [rule] * 4, deal % 4, score).contract is None
                    deal += 1
                held = hold_auction(deal_hand(seed, deal), [rule] * 4, deal % 4, score)
                assert (held.auction, held.decl, held.p_make) == (hand.auction, hand.decl, hand.p_make)
                assert hand.side == hand.contract.team ^ half
                marks[0 if hand.gained > 0 else 1] += abs(hand.gained)
                deal += 1
            assert max(hands[-1].score) < MARKS_TO_WIN <= max(marks)
            assert games.won[row, half] == (marks[0] >= MARKS_TO_WIN)


def test_the_better_side_wins_more(games):
    assert games.share.mean > 0.6
    assert games.score.tolist() == games.won.mean(axis=1).tolist()


def test_results_do_not_depend_on_the_batch_or_the_order(games):
    again = play_pairs(parse_side(RULE), parse_side(RANDOM), range(12), batch=5)
    assert np.array_equal(again.won, games.won) and again.hands == games.hands
    swapped = play_pairs(parse_side(RANDOM), parse_side(RULE), range(12))
    assert np.array_equal(~swapped.won[:, ::-1], games.won)


def test_a_side_draws_with_itself():
    side = parse_side(RULE)
    games = play_pairs(side, replace(side, name="other"), range(3))
    assert games.share.mean == 0.5
    for seed in range(3):
        one, other = ([hand for hand in games.hands if (hand.seed, hand.game) == (seed, k)] for k in range(2))
        assert [hand.auction for hand in one] == [hand.auction for hand in other]
        assert [hand.made for hand in one] == [hand.made for hand in other]


def test_deals_are_whole_and_differ_by_hand_and_seed():
    deals = [deal_hand(seed, deal) for seed in range(3) for deal in range(3)]
    assert all(check_deal(deal) is not None for deal in deals)
    assert len({str(deal) for deal in deals}) == 9


def test_a_bidder_by_rollouts_plays_games():
    side = parse_side("rollout:worlds=2,candidates=2,policy=heuristic+heuristic")
    games = play_pairs(side, parse_side(RULE), range(2))
    assert all(0 <= hand.p_make <= 1 for hand in games.hands)
    assert games.costs[0].bidding > games.costs[1].bidding > 0


def test_a_dealer_can_be_forced():
    bold = play_pairs(parse_side(RULE), parse_side(RANDOM), range(3), forced=True)
    assert all(hand.auction.forced for hand in bold.hands)
    assert any(hand.auction.calls[:3] == (PASS,) * 3 for hand in bold.hands)
    assert [hand.deal for hand in bold.hands if hand.seed == 0 and hand.game == 0][:3] == [0, 1, 2]


def test_players_know_the_auction():
    asked = []

    class Watching(RandomPlayer):
        def slots(self, views, keys):
            asked.append(views.seen)
            return super().slots(views, keys)

    side = replace(parse_side(RULE), player=Watching())
    games = play_pairs(side, replace(side, name="other"), range(2))
    held = [hand.auction for hand in games.hands]
    shown = {
        (tuple(calls), bid)
        for seen in asked
        for calls, bid in zip(seen.calls.tolist(), seen.bid, strict=True)
    }
    assert shown == {(auction.calls, auction.high) for auction in held}
    for seen in asked:
        rows = np.arange(len(seen))
        assert (seen.callers[rows, seen.calls.argmax(axis=1)] == seen.bidder).all() and not seen.forced.any()


# figures


def test_calibration_counts_contracts_by_place(games):
    hand = games.hands[0]
    dealer = replace(hand, auction=Auction(0, (PASS, PASS, PASS, 30)), p_make=0.9, made=False)
    first = replace(hand, auction=Auction(0, (30, PASS, PASS, PASS)), p_make=0.5, made=True)
    every, by_first, by_dealer = calibrate([dealer, first])
    assert (every.place, every.contracts, every.made) == (None, 2, 0.5)
    assert every.promised == pytest.approx(0.7)
    assert (by_first.place, by_first.promised, by_first.made) == (0, 0.5, 1)
    assert (by_dealer.place, by_dealer.promised, by_dealer.made) == (3, 0.9, 0)
    assert calibrate([]) == ()


def test_the_report_counts_pairs(games):
    report = GamesReport.of(games)
    split = int((games.score == 0.5).sum())
    assert report.both + report.neither + split == report.pairs == 12
    assert report.a.calibration[0].contracts + report.b.calibration[0].contracts == len(games.hands)
    assert report.share == games.share


def test_the_interval_of_a_share_stays_within_all_games(games):
    few = replace(games, won=np.array([[True, True]] * 3 + [[True, False]] * 2))
    assert few.share.high == 1 and 0 <= few.share.low < few.share.mean < 1


def test_bootstrapped_ratings_are_close_to_the_fitted_ones():
    draws = stream(1, "scores")
    results = [
        PairScores(a, b, np.arange(300), (draws.random((300, 2)) < p).mean(axis=1), 2)
        for a, b, p in (("x", "y", 0.6), ("y", "z", 0.5), ("x", "z", 0.65))
    ]
    fitted = fit_ratings(results, "z")
    redrawn = bootstrap_ratings(results, "z", stream(2, "bootstrap"), redraws=200)
    for one, other in zip(fitted, redrawn, strict=True):
        assert (one.name, one.elo, one.games) == (other.name, other.elo, other.games)
        assert other.high - other.low == pytest.approx(one.high - one.low, rel=0.25)
    assert redrawn == bootstrap_ratings(results, "z", stream(2, "bootstrap"), redraws=200)


def test_a_tournament_plays_every_two_sides():
    sides = [parse_side(text) for text in (RULE, "rule+network", RANDOM)]
    matches = play_tournament(sides, 4)
    assert [(games.a, games.b) for games in matches] == [
        (RULE, "rule+network"),
        (RULE, RANDOM),
        ("rule+network", RANDOM),
    ]
    assert all(seed % 1000 in range(900, 950) for games in matches for seed in games.seed.tolist())
    ratings = {rating.name: rating.elo for rating in rate_sides(matches, RANDOM)}
    assert ratings[RANDOM] == 0 < ratings["rule+network"]


# the verb


def test_the_verb_prints_shares_ratings_and_calibration(forge):
    status, out, err = forge("tournament", RULE, RANDOM, "--pairs", "3")
    assert (status, err) == (0, "")
    assert "rule+heuristic won" in out and "of the games" in out
    assert "promised" in out and "CPU s per game" in out


def test_the_verb_answers_in_json(forge):
    status, out, _ = forge("tournament", RULE, RANDOM, "--pairs", "3", "--json")
    answer = json.loads(out)
    assert status == 0
    assert answer["matches"][0]["pairs"] == 3
    assert set(answer["matches"][0]) == {field.name for field in fields(GamesReport)}
    assert answer["ratings"][-1]["name"] in (RULE, RANDOM)
    assert answer["sides"][RULE]["bidder"]["bidder"] == "rule"


@pytest.mark.parametrize(
    "sides, message",
    [
        (["rule"], "side 'rule': write BIDDER+PLAYER, such as rule+eq or rollout+strong"),
        ([RULE], "sides rule+heuristic: name at least two, each one once"),
        ([RULE, RULE], "sides rule+heuristic, rule+heuristic: name at least two, each one once"),
        (["bold+eq", RULE], "unknown bidder 'bold': use rule, playouts, rollout"),
        ([RULE, "rule+nobody"], "unknown player 'nobody'"),
        ([RULE, RANDOM, "--pairs", "1"], "1 pairs of games: use 2 to 100,000"),
    ],
)
def test_the_verb_refuses(forge, sides, message):
    status, out, err = forge("tournament", *sides)
    assert (status, out) == (2, "") and message in err


def test_pairs_need_different_seeds():
    with pytest.raises(BadInput, match="use at least two seeds, each one once"):
        play_pairs(parse_side(RULE), parse_side(RANDOM), [1, 1])
