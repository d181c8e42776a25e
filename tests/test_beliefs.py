"""Beliefs: kernels agree with slow versions, and worlds are chosen in proportion to their weights."""

from __future__ import annotations

from dataclasses import fields
from itertools import product

import numpy as np
import pytest
import torch
from benchmark_modules import load_benchmark

from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model
from forge_core.splits import Split, split_of
from forge_core.streams import stream
from forge_core.texas42.auction import MARK, PASS, Auction, legal_calls
from forge_core.texas42.bidding.labels import seeds_of
from forge_core.texas42.declaring import suits
from forge_core.texas42.eq import GameConfig, Sampling, decide, play_games
from forge_core.texas42.eq.beliefs import (
    AuctionBelief,
    DeclarationBelief,
    JointBelief,
    PlayBelief,
    open_belief,
)
from forge_core.texas42.eq.called import (
    AUCTION_MODEL,
    KINDS,
    N_SCORES,
    N_SITUATIONS,
    AuctionModel,
    Auctions,
    kind_of,
    legal_kinds,
    log_likelihood_of_auctions,
    log_likelihood_of_call,
    log_likelihood_of_declaration,
    score_of,
    situation_of,
)
from forge_core.texas42.eq.configuration import configure
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.faults import check_game
from forge_core.texas42.eq.oracles import ExactOracle, PlayoutOracle
from forge_core.texas42.games import Games, replay, start
from forge_core.texas42.notation import parse_hand
from forge_core.texas42.one_hand.choose import POLICIES, choose_slots, features_of, load_policy, open_policy
from forge_core.texas42.one_hand.likelihood import log_likelihood_of_plays
from forge_core.texas42.one_hand.network import ONE_HAND_MODEL, PLAYS_MODEL, OneHandNet
from forge_core.texas42.settings.games import BELIEFS, GameSettings
from forge_core.texas42.views import Seen

NETWORK, HEURISTIC = open_policy("network"), open_policy("heuristic")
EXACT = ExactOracle(workers=1)


def random_games(n: int, step: int, seed: int = 0) -> Games:
    """Return n random deals under all declarations, after `step` random plays."""
    draws = stream(seed, "test-beliefs")
    hands = np.sort(draws.permuted(np.tile(np.arange(28), (n, 1)), axis=1).reshape(n, 4, 7), axis=2)
    games = start(hands, np.arange(n) % 10, draws.integers(4, size=n), draws.integers(4, size=n))
    while games.seen.step < step:
        games = games.play(np.where(games.views.legal, draws.random((n, 7)), -1).argmax(axis=1))
    return games


def slow_log_likelihood(games: Games, name: str, tau: float, mix: float) -> np.ndarray:
    """Return [N] by looking at each play in turn: the view of its seat, torch, and softmax."""
    network, mover, n = load_model(ONE_HAND_MODEL, kind=OneHandNet), games.seen.turn, len(games)
    total = np.zeros(n)
    before = start(games.hands, games.seen.decl, games.seen.leader, games.seen.bidder)
    for step, position in enumerate(replay(before, games.seen.plays)):
        if step == games.seen.step:
            break
        views, played = position.views, games.seen.plays[:, step]
        context, plays, slots = features_of(views)
        with torch.inference_mode():
            logits = network(torch.from_numpy(context), torch.from_numpy(plays)).double()
        by_rule = choose_slots(views, HEURISTIC)
        for game in range(n):
            legal = slots[game][slots[game] >= 0]
            if len(legal) == 1 or views.seat[game] == mover[game]:
                continue
            is_played = views.hand[game, legal] == played[game]
            share = (logits[game, : len(legal)] / tau).softmax(0).numpy()
            if name == "heuristic":
                share = legal == by_rule[game]
            total[game] += np.log((1 - mix) * share[is_played].item() + mix / len(legal))
    return total


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("step", [0, 1, 6, 15, 27])
def test_the_likelihood_of_plays_equals_a_slow_one(name, step):
    games, policy = random_games(30, step), open_policy(name)
    asked = (games.seen, games.hands, np.arange(30), policy, 0.6, 0.05)
    fast = log_likelihood_of_plays(*asked, workers=1)
    np.testing.assert_allclose(fast, slow_log_likelihood(games, name, 0.6, 0.05), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(log_likelihood_of_plays(*asked, workers=2), fast)


def test_a_deal_is_weighted_alike_wherever_it_stands():
    games, game = random_games(20, 9), np.repeat(np.arange(20), 40)
    shuffled = stream(0, "test-beliefs-order").permutation(len(game))
    log_p = log_likelihood_of_plays(games.seen, games.hands[game], game, NETWORK, 1.0, 0.02)
    anywhere = log_likelihood_of_plays(
        games.seen, games.hands[game[shuffled]], game[shuffled], NETWORK, 1.0, 0.02
    )
    np.testing.assert_array_equal(anywhere, log_p[shuffled])


def test_a_declaration_points_at_hands_that_it_suits():
    games = random_games(60, 5)
    hands, game = torch.from_numpy(games.hands), torch.arange(60)
    log_p = DeclarationBelief(temperature=0.5, mix=0.02).log_prior(games.seen, game, hands).numpy()
    seen, rows = games.seen, np.arange(60)
    suited = suits(games.hands[rows, seen.bidder]) == seen.decl
    is_bidder = seen.turn == seen.bidder
    assert (log_p[is_bidder] == 0).all() and is_bidder.any()
    assert suited[~is_bidder].any() and log_p[suited & ~is_bidder].min() > np.log(0.1)
    assert (log_p[~is_bidder] >= np.log(0.002) - 1e-9).all()


def test_beliefs_are_multiplied():
    games = random_games(10, 6)
    asked = (games.seen, torch.arange(10), torch.from_numpy(games.hands))
    both = open_belief("both")
    assert isinstance(both, JointBelief)
    parts = sum(
        part.log_prior(*asked) for part in (PlayBelief(load_policy(PLAYS_MODEL)), DeclarationBelief())
    )
    torch.testing.assert_close(both.log_prior(*asked), parts)
    assert [open_belief(name) is None for name in BELIEFS] == [True, False, False, False, False]


def after_auctions(n: int, step: int) -> Games:
    """Return n random deals after auctions of random calls and `step` random plays; some dealers must bid."""
    draws = stream(1, "test-beliefs")
    held = []
    while len(held) < n:
        auction = Auction(int(draws.integers(4)), forced=bool(draws.integers(2)))
        while not auction.over:
            first, *others = auction.legal
            call = first if draws.random() < 0.6 or not others else int(draws.choice(others))
            auction = auction.call(auction.turn, call)
        held += [auction] if auction.contract else []
    contracts = [auction.contract for auction in held]
    bidders, bids = [one.bidder for one in contracts], [one.bid for one in contracts]
    hands = np.sort(draws.permuted(np.tile(np.arange(28), (n, 1)), axis=1).reshape(n, 4, 7), axis=2)
    games = start(hands, np.arange(n) % 10, bidders, bids=bids, auctions=held)
    while games.seen.step < step:
        games = games.play(np.where(games.views.legal, draws.random((n, 7)), -1).argmax(axis=1))
    return games


@pytest.mark.parametrize("step", [0, 1, 6])
def test_the_likelihood_of_auctions_equals_a_slow_one(step):
    n, mix = 300, 0.07
    games = after_auctions(n, step)
    seen, expected = games.seen, np.zeros(n)
    must_bid = seen.forced & (seen.calls[:, :3] == PASS).all(axis=1)
    assert must_bid.any() and (seen.bid > MARK).any()
    for game in range(n):
        calls = seen.calls[game].tolist()
        for place, seat in enumerate(seen.callers[game].tolist()):
            hand = games.hands[game, [seat]]
            if seat != seen.turn[game] and not (must_bid[game] and place == 3):
                expected[game] += log_likelihood_of_call(hand, calls[:place], calls[place], mix)[0]
            if seat != seen.turn[game] and seat == seen.bidder[game]:
                expected[game] += log_likelihood_of_declaration(hand, int(seen.decl[game]), mix)[0]
    found = log_likelihood_of_auctions(Auctions.of(seen), games.hands, np.arange(n), mix)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_kinds_of_calls_share_all_legal_calls():
    assert [kind_of(call) for call in (PASS, 30, 31, 33, 35, 41, 42, 84, 126)] == [0, 1, 2, 3, 4, 5, 6, 7, 7]
    for high in (PASS, 30, 31, 32, 35, 40, 41, 42, 84):
        assert np.flatnonzero(legal_kinds(high)).tolist() == sorted({kind_of(c) for c in legal_calls(high)})
    assert {situation_of(calls) for calls in product((0, 30, 31, 35, 42), repeat=3)} <= set(
        range(N_SITUATIONS)
    )
    hand = np.array([[0, 1, 5, 9, 14, 20, 27]], np.int8)
    shares = [
        np.exp(log_likelihood_of_call(hand, (30, 0), call, 0.1)) for call in KINDS.tolist() if call != 30
    ]
    assert sum(shares) == pytest.approx(1)


def test_scores_are_told_apart_near_the_end_of_a_game():
    assert {score_of((own, other)) for own in range(7) for other in range(7)} == set(range(N_SCORES - 1))
    assert score_of(None) == N_SCORES - 1 and score_of((0, 4)) == score_of((3, 0)) != score_of((0, 5))
    # only a team that loses the game with any bid that is set outbids the two marks of a partner
    hand = np.array([sorted(parse_hand("6-6 6-4 6-2 5-3 5-2 3-3 3-2"))], np.int8)
    level, behind, unknown = (
        log_likelihood_of_call(hand, (84, PASS), 126, 0.02, marks)[0] for marks in ((0, 0), (3, 6), None)
    )
    assert behind > unknown > level


def test_a_high_bid_points_at_strong_hands():
    weak, strong = parse_hand("6-4 5-3 4-1 3-0 2-1 5-0 6-2"), parse_hand("6-6 6-5 6-4 6-3 5-5 4-4 1-0")
    hands = np.array([sorted(weak), sorted(strong)], np.int8)
    low, high = log_likelihood_of_call(hands, (PASS,), 84, 0.1)
    assert high > low + 1
    low, high = log_likelihood_of_call(hands, (PASS,), PASS, 0.1)
    assert low > high + 1
    assert np.diff(log_likelihood_of_declaration(hands, 6, 0.1))[0] > 1


def test_without_an_auction_the_declaration_is_all_the_evidence():
    given, held = random_games(40, 5), after_auctions(40, 5)
    assert not given.seen.had_auction.any() and held.seen.had_auction.all()
    asked = (given.seen, torch.arange(40), torch.from_numpy(given.hands))
    torch.testing.assert_close(AuctionBelief().log_prior(*asked), DeclarationBelief().log_prior(*asked))
    mixed = Games(
        np.concatenate([given.hands, held.hands]),
        Seen(*(np.concatenate([getattr(g.seen, f.name) for g in (given, held)]) for f in fields(Seen))),
    )
    log_p = AuctionBelief().log_prior(mixed.seen, torch.arange(80), torch.from_numpy(mixed.hands))
    alone = (held.seen, torch.arange(40), torch.from_numpy(held.hands))
    torch.testing.assert_close(log_p[:40], DeclarationBelief().log_prior(*asked))
    torch.testing.assert_close(log_p[40:], AuctionBelief().log_prior(*alone))


def test_an_auction_belief_describes_all_its_settings():
    described = [AuctionBelief(), AuctionBelief(mix=0.2), AuctionBelief(otherwise=DeclarationBelief(0.5))]
    assert len({str(belief.describe()) for belief in described}) == 3
    assert {f.name for f in fields(AuctionBelief)} <= set(AuctionBelief().describe())
    with pytest.raises(BadInput, match="mix 0: use a share above 0"):
        AuctionBelief(mix=0)


def test_auctions_of_the_fit_are_held_on_train_deals():
    fit = load_benchmark("fit_auction")
    assert {split_of(seed) for seed in fit.train_seeds(3000)} == {Split.TRAIN}
    assert set(fit.train_seeds(3000)).isdisjoint(seeds_of(Split.TRAIN, 20_000))


def test_the_fit_makes_calls_likelier(monkeypatch):
    fit = load_benchmark("fit_auction")
    monkeypatch.setattr(fit, "STEPS", 150)
    held = fit.hold(["rule"], [150])
    model = AUCTION_MODEL._replace(**fit.fit_calls(held), **fit.fit_declarations(held))
    assert all(np.shape(ours) == np.shape(one) for ours, one in zip(model, AUCTION_MODEL, strict=True))

    def likelihood(model: AuctionModel) -> float:
        return sum(
            log_likelihood_of_call(
                np.array([hands[seat]], np.int8),
                one.auction.calls[:seat],
                call,
                0.1,
                (marks[seat % 2], marks[1 - seat % 2]),
                model,
            )[0]
            for hands, one, marks in held
            for seat, call in enumerate(one.auction.calls)
        )

    unfitted = {name: 0 * getattr(model, name) for name in ("bias", "by_score", "weights")}
    nothing = AUCTION_MODEL._replace(**unfitted)
    assert likelihood(model) > likelihood(AUCTION_MODEL) > likelihood(nothing)


def test_worlds_are_chosen_in_proportion_to_their_weights():
    games = random_games(6, 12)
    keys = np.arange(6, dtype=np.uint64)
    weighted = estimate(EXACT, games.views, keys, Sampling(800), belief=PlayBelief(NETWORK))
    chosen = estimate(EXACT, games.views, keys, Sampling(200, candidates=4), belief=PlayBelief(NETWORK))
    assert (chosen.n_worlds < weighted.n_worlds).all()
    legal, error = weighted.legal, np.sqrt(weighted.variance / 200)  # both have seen the same 800 worlds
    assert (np.abs(chosen.mean - weighted.mean)[legal] < 3 * error[legal] + 0.05).all()
    np.testing.assert_allclose(chosen.p_make[legal], weighted.p_make[legal], atol=0.1)


def test_few_worlds_are_all_used_and_weighted():
    games = random_games(20, 18)
    keys = np.arange(20, dtype=np.uint64)
    one = estimate(EXACT, games.views, keys, Sampling(60), belief=PlayBelief(NETWORK))
    four = estimate(EXACT, games.views, keys, Sampling(60, candidates=4), belief=PlayBelief(NETWORK))
    few = one.world_count <= 60
    assert few.any() and not few.all()
    np.testing.assert_array_equal(one.mean[few], four.mean[few])
    np.testing.assert_array_equal(four.n_worlds[few], four.world_count[few])


def test_the_number_of_worlds_may_depend_on_the_trick():
    sampling = Sampling(by_trick=(5, 4, 3), points=False)
    assert [sampling.at(step).n_worlds for step in (0, 3, 4, 8, 12, 27)] == [5, 5, 4, 3, 3, 3]
    assert Sampling(9).at(20).n_worlds == 9 and "n_worlds" not in sampling.settings()
    config = GameConfig(sampling)
    records = play_games(EXACT, random_games(2, 0), config, "cpu")
    for record in records:
        assert Sampling.of(record.settings) == sampling
        limits = np.repeat([5, 4, 3, 3, 3, 3, 3], 4)
        np.testing.assert_array_equal(
            record.decisions.n_worlds, np.minimum(record.decisions.world_count, limits)
        )
        np.testing.assert_array_equal(record.is_exact, record.decisions.world_count <= limits)


def test_games_with_beliefs_are_sound_and_named():
    settings = GameSettings(oracle="playout", worlds=8, belief="both", belief_candidates=3)
    config = configure(settings)
    oracle = PlayoutOracle(NETWORK, workers=1)
    [record, again] = (play_games(oracle, random_games(1, 0), config, "cpu")[0] for _ in range(2))
    np.testing.assert_array_equal(record.decisions.e_q_mean, again.decisions.e_q_mean)
    assert not list(check_game(record))
    assert [part["belief"] for part in record.settings["belief"]["parts"]] == ["plays", "declaration"]
    assert record.settings["sampling"]["candidates"] == 3
    assert "belief" not in configure(GameSettings()).settings(oracle)
    assert "candidates" not in GameConfig().settings(oracle)["sampling"]


def test_a_bonus_counts_the_bid():
    games, keys, rows = random_games(200, 14), np.arange(200, dtype=np.uint64), np.arange(200)
    _, plain = decide(EXACT, games.views, keys, GameConfig(Sampling(20)))
    estimates, choices = decide(EXACT, games.views, keys, GameConfig(Sampling(20), bonus=60.0))
    worth = np.where(estimates.legal, estimates.mean + 60 * estimates.p_make, -np.inf)
    np.testing.assert_allclose(worth[rows, choices.slot], worth.max(axis=1), atol=1e-4)
    assert (choices.slot != plain.slot).any()


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"belief": "hunch"}, "belief 'hunch': use off, plays, declaration, both$"),
        ({"belief": "all"}, "belief all: no auction leads to these games; use both"),
        ({"belief_candidates": 4}, "belief_candidates has no effect without a belief"),
        ({"belief": "declaration", "belief_tau": 1.0}, "belief_tau has no effect with belief declaration"),
        ({"belief": "plays", "belief_tau": 0.0}, "^belief_tau 0"),
        ({"belief": "plays", "belief_mix": 0.0}, "^belief_mix 0: use a share above 0"),
        ({"belief": "plays", "belief_candidates": 0}, "candidates 0: use at least 1"),
    ],
)
def test_settings_of_beliefs_that_cannot_be_are_refused(settings, wrong):
    with pytest.raises(BadInput, match=wrong):
        configure(GameSettings(**settings))


def test_sampling_and_bonus_refuse_contradictions():
    with pytest.raises(BadInput, match="candidates has no effect without a belief"):
        GameConfig(Sampling(candidates=2))
    with pytest.raises(BadInput, match="bonus has no effect unless"):
        GameConfig(criterion="pmake", bonus=1.0)
    with pytest.raises(BadInput, match="worlds 0"):
        Sampling(by_trick=(3, 0))
