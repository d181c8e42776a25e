"""The bidder by rollouts: worlds that fit the auction, auctions finished in them, and their worth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.errors import BadInput
from forge_core.streams import mix, stream, uniform
from forge_core.texas42.auction import PASS, legal_calls, marks_of, points_needed
from forge_core.texas42.bidding.advice import Situation, win_chance
from forge_core.texas42.bidding.bidders import (
    Caller,
    CallsSoFar,
    PlayoutBidder,
    RuleBidder,
    hold_auction,
)
from forge_core.texas42.bidding.chances import MEASURED_CHANCES, count_outcomes, even_chances, win_chances
from forge_core.texas42.bidding.evidence import AuctionEvidence, deal_worlds
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.bidding.playouts import PlayersPlayout, PolicyPlayout, open_playout
from forge_core.texas42.bidding.rollouts import RolloutBidder, finish_auctions, is_settled
from forge_core.texas42.bidding.table import bid_index
from forge_core.texas42.deals import check_deal, deal_from_seed
from forge_core.texas42.declaring import count_sure
from forge_core.texas42.eq.called import (
    kind_of,
    legal_kinds,
    log_likelihood_of_call,
    log_likelihood_of_declaration,
)
from forge_core.texas42.notation import parse_hand
from forge_core.texas42.one_hand.choose import open_policy
from forge_core.texas42.players.one_hand import OneHandPlayer

RULE = RuleBidder()
STRONG = parse_hand("6-6 6-5 6-4 6-3 6-2 6-1 6-0")
POOR = parse_hand("1-0 2-0 3-1 4-2 5-3 3-2 4-1")
SITUATIONS = [
    Situation(),
    Situation((30,), 2, 5),
    Situation((PASS, 31), 6, 6),
    Situation((30, PASS, 42), 0, 3),
    Situation((PASS, PASS, PASS), 1, 0, forced=True),
]


@pytest.fixture(scope="module")
def bidder() -> RolloutBidder:
    return RolloutBidder(open_policy("heuristic"), worlds=6, candidates=3, workers=1)


def test_compiled_playouts_equal_the_player():
    policy = open_policy("network")
    player = PlayersPlayout("network", "", OneHandPlayer("network", policy), 100)
    hands = np.array([deal_from_seed(seed) for seed in range(40)], dtype=np.int8)
    decls = np.arange(40) % 10
    compiled = open_playout("network", workers=1)
    assert np.array_equal(compiled.points(hands, decls), player.points(hands, decls))
    assert not compiled.sees_all


# worlds that fit the auction


def test_worlds_are_deals_around_the_hand():
    worlds = deal_worlds(POOR, 50, stream(1, "worlds"))
    assert all(check_deal(world) is not None for world in worlds)
    assert (worlds[:, 0] == sorted(POOR)).all()
    assert len({world.tobytes() for world in worlds}) == 50


def test_the_weight_of_a_world_is_the_likelihood_of_the_other_calls():
    evidence = AuctionEvidence(mix=0.2)
    worlds = deal_worlds(POOR, 10, stream(2, "worlds"))
    known = CallsSoFar((30, PASS, 35, PASS), place=2, own_marks=5, opponent_marks=6)
    expected = (
        log_likelihood_of_call(worlds[:, 2], (), 30, 0.2, (5, 6))
        + log_likelihood_of_call(worlds[:, 3], (30,), PASS, 0.2, (6, 5))
        + log_likelihood_of_call(worlds[:, 1], (30, PASS, 35), PASS, 0.2, (6, 5))
    )
    np.testing.assert_allclose(evidence.log_weights(worlds, known), expected)
    # before the last call, and where the dealer had to bid, which says nothing of a hand
    earlier = CallsSoFar((30, PASS), place=2, own_marks=5, opponent_marks=6)
    np.testing.assert_allclose(
        evidence.log_weights(worlds, earlier),
        expected - log_likelihood_of_call(worlds[:, 1], (30, PASS, 35), PASS, 0.2, (6, 5)),
    )
    passes = log_likelihood_of_call(worlds[:, 3], (), PASS, 0.2, (0, 0)) + log_likelihood_of_call(
        worlds[:, 1], (PASS, PASS), PASS, 0.2, (0, 0)
    )
    must = CallsSoFar((PASS, PASS, PASS, 30), place=1, forced=True)
    np.testing.assert_allclose(evidence.log_weights(worlds, must), passes)
    assert len(set(AuctionEvidence(mix=1).log_weights(worlds, known))) == 1


def test_a_bid_narrows_worlds_to_good_hands_and_a_pass_to_poor_ones():
    hand = deal_from_seed(3)[1]
    sure = {}
    for calls in ((35,), (PASS,)):
        known = CallsSoFar(calls, place=1)
        drawn = AuctionEvidence().draw(hand, known, 300, 8, stream(4, "worlds"))
        trumps, unbeaten = count_sure(drawn[:, 3])  # the seat that called before
        sure[calls] = (trumps + unbeaten).max(axis=1).mean()
    assert sure[35,] > sure[PASS,] + 1


def test_evidence_out_of_range_is_refused():
    with pytest.raises(BadInput, match=r"mix 1\.5: use a share above 0 and at most 1"):
        AuctionEvidence(mix=1.5)


# auctions finished in worlds, and their worth


def draw_slowly(draw: float, odds: list[float]) -> int:
    """Return the first index whose cumulative share of the odds is above the draw."""
    return int(np.searchsorted(np.cumsum(odds), draw * sum(odds), side="right"))


def finish_slowly(world, situation: Situation, first: int, seed: int) -> tuple[int, int, int]:
    """Return the seat with the contract (-1 if all pass), the bid and its declaration (0 for seat 0)."""
    key = np.uint64(seed)
    for domino in np.ravel(world):
        key = mix(key, domino)
    calls = [*situation.calls, first]
    while len(calls) < 4:
        seat, place = len(calls) - situation.place, len(calls)
        hand, high = world[[seat]], max(calls)
        marks = situation.own_marks, situation.opponent_marks
        marks = marks if seat % 2 == 0 else marks[::-1]
        must = situation.forced and place == 3 and high == PASS
        kinds = [kind for kind in np.flatnonzero(legal_kinds(high)).tolist() if kind or not must]
        lowest = {kind: min(c for c in legal_calls(high) if kind_of(c) == kind) for kind in kinds}
        odds = [np.exp(log_likelihood_of_call(hand, calls, lowest[kind], 0, marks)[0]) for kind in kinds]
        calls.append(lowest[kinds[draw_slowly(float(uniform(mix(key, 2 * seat + 1))), odds)]])
    bid = max(calls)
    if bid == PASS:
        return -1, PASS, 0
    seat = (calls.index(bid) - situation.place) % 4
    if not seat:
        return 0, bid, 0
    odds = [np.exp(log_likelihood_of_declaration(world[[seat]], decl, 0)[0]) for decl in range(10)]
    return seat, bid, draw_slowly(float(uniform(mix(key, 2 * seat))), odds)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(SITUATIONS))
def test_auctions_end_as_the_model_ends_them(seed, situation):
    worlds = deal_worlds(deal_from_seed(seed)[0], 4, stream(seed, "worlds"))
    calls = np.array(situation.auction.legal)
    seats, bids, decls = finish_auctions(worlds, situation, calls, seed)
    for world in range(len(worlds)):
        for k, first in enumerate(calls.tolist()):
            expected = finish_slowly(worlds[world], situation, first, seed)
            assert (seats[world, k], bids[world, k], decls[world, k]) == expected


def test_later_seats_call_as_often_as_the_model_says():
    worlds = deal_worlds(POOR, 4_000, stream(3, "worlds"))
    situation = Situation((PASS, PASS))
    seats, _, _ = finish_auctions(worlds, situation, np.array([30]))
    expected = np.exp(log_likelihood_of_call(worlds[:, 1], (PASS, PASS, 30), PASS, 0, (0, 0))).mean()
    assert (seats == 0).mean() == pytest.approx(expected, abs=0.03) and 0.2 < expected < 0.9


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_worth_of_a_call_is_the_mean_over_worlds(bidder, situation):
    hand = deal_from_seed(11)[0]
    known = CallsSoFar.of(situation)
    worlds = bidder.draw(hand, known, bidder.worlds, 0)
    playout = PolicyPlayout("heuristic", "", bidder.policy, 1)
    calls, worth, decls = bidder.worth(hand, situation)
    assert calls.tolist() == list(situation.auction.legal)
    for first, found, declared in zip(calls.tolist(), worth, decls.tolist(), strict=True):
        total = 0.0
        for world in worlds:
            seat, bid, decl = finish_slowly(world, situation, first, bidder.seed)
            own, other = situation.own_marks, situation.opponent_marks
            if seat >= 0:
                turned = np.roll(world, -seat, axis=0)[None]
                points = playout.points(turned, np.array([decl if seat else declared]))[0]
                is_ours = (points >= points_needed(bid)) == (seat % 2 == 0)
                own, other = own + is_ours * marks_of(bid), other + (not is_ours) * marks_of(bid)
            total += bidder.chances[min(7, own), min(7, other)]
        assert found == pytest.approx(total / len(worlds))


def test_it_bids_what_cannot_lose_and_passes_what_cannot_win(bidder):
    strong = bidder.call(STRONG, Situation())
    assert strong.call > PASS and strong.decl == 6
    assert bidder.call(POOR, Situation((PASS, PASS, 36), 3, 3)).call == PASS
    assert bidder.call(POOR, Situation((PASS,) * 3, forced=True)).call > PASS


def test_it_declares_after_the_auction(bidder):
    assert isinstance(bidder, Caller) and not isinstance(RULE, Caller)
    hands = [deal_from_seed(2)[seat] for seat in range(4)]
    held = hold_auction(hands, [bidder] * 4, dealer=3)
    contract = held.contract
    assert contract is not None
    known = CallsSoFar(held.auction.calls, held.auction.calls.index(contract.bid))
    declared = bidder.declare(hands[contract.bidder], known)
    assert (held.decl, held.p_make) == (declared.decl, declared.p_make)
    assert hold_auction(hands, [bidder] * 4, dealer=3) == held
    promised = hold_auction(hands, [RULE] * 4, dealer=3)
    assert promised.contract is not None and promised.decl is not None
    table = RULE.p_make(hands[promised.contract.bidder])
    assert promised.p_make == table[promised.decl, bid_index(promised.contract.bid)]


# names


def test_bidders_have_names():
    assert parse_bidder("rule") == RULE
    made = parse_bidder("rollout:worlds=7,candidates=2,mix=0.5,policy=heuristic,shortlist=10")
    assert isinstance(made, RolloutBidder)
    assert (made.worlds, made.candidates, made.shortlist) == (7, 2, 10)
    assert made.evidence == AuctionEvidence(mix=0.5)
    assert made.policy.name == "heuristic"
    assert made.describe() != parse_bidder("rollout").describe()
    by_playouts = parse_bidder("playouts:playout=heuristic,samples=3")
    assert isinstance(by_playouts, PlayoutBidder) and by_playouts.samples == 3


@pytest.mark.parametrize(
    "text, message",
    [
        ("bold", "unknown bidder 'bold': use rule, playouts, rollout"),
        ("rollout:worlds=0", "worlds 0, candidates 8: use at least 1 of each"),
        ("rollout:worlds=1000000000", "draw 8,000,000,000 worlds per call: use at most 2,000,000"),
        ("rollout:worlds=x", "bidder 'rollout:worlds=x': worlds=x is not a whole number"),
        ("rollout:tau=1", "rollout has no option 'tau'"),
        ("rollout:mix=a", "bidder 'rollout:mix=a': mix=a: use a number, such as 0.1"),
        ("rollout:shortlist=11", "shortlist 11: use 1 to 10 declarations"),
        ("playouts:samples=999999999", "samples 999999999: use 1 to 1,000,000"),
        ("playouts:samples=0", "samples 0: use 1 to 1,000,000"),
        ("rule:worlds=3", "bidder 'rule:worlds=3': rule has no option 'worlds'"),
    ],
)
def test_bad_names_are_refused(text, message):
    with pytest.raises(BadInput, match=message):
        parse_bidder(text)


# chances to win the game


def test_even_hands_of_one_mark_give_the_chances_of_the_advice():
    chances = even_chances()
    for own in range(7):
        for other in range(7):
            assert chances[own, other] == pytest.approx(win_chance(own, other))


def test_measured_chances_fit_together():
    np.testing.assert_allclose(MEASURED_CHANCES[:7, :7] + MEASURED_CHANCES[:7, :7].T, 1)
    assert (np.diff(MEASURED_CHANCES[:, :7], axis=0) > 0).all()
    assert MEASURED_CHANCES[7, 3] == 1 and MEASURED_CHANCES[3, 7] == 0


def test_a_choice_is_settled_by_a_lead_or_by_equality():
    draws = stream(6, "outcomes")
    noise = draws.random(200)
    assert is_settled(np.stack([noise, noise - 0.1, noise - 0.2 * draws.random(200)], axis=1))
    assert is_settled(np.stack([noise, noise], axis=1))
    assert not is_settled(np.stack([noise, draws.random(200)], axis=1))


def test_chances_are_those_of_simulated_games():
    """Hands bring one to three marks; a team that trails bids higher, and is set more often."""
    draws = stream(5, "games")

    def hand(own: int, other: int) -> int:
        behind = own < other - 2
        marks = int(draws.choice([1, 2, 3], p=[0.5, 0.3, 0.2] if behind else [0.8, 0.15, 0.05]))
        return marks if draws.random() < (0.4 if behind else 0.5) else -marks

    scores = [(own, other) for own in range(7) for other in range(7)]
    chances = win_chances(
        count_outcomes((*score, hand(*score)) for score in scores for _ in range(2_000)), prior_hands=0
    )
    np.testing.assert_allclose(chances[:7, :7] + chances[:7, :7].T, 1)
    for start in ((0, 0), (2, 6), (5, 1)):
        wins = 0
        for _ in range(400):
            own, other = start
            while max(own, other) < 7:
                # as counted, from both sides: either team's view of the score is as likely
                gained = hand(own, other) if draws.random() < 0.5 else -hand(other, own)
                own, other = own + max(gained, 0), other - min(gained, 0)
            wins += own >= 7
        assert wins / 400 == pytest.approx(chances[start], abs=0.08)
