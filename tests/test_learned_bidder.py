"""The bid-value network: its features, its labels by rollouts, its lessons, and its bidder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from forge_core.errors import BadInput
from forge_core.splits import Split, split_of
from forge_core.texas42.auction import MARK, NO_CALL, PASS, Score
from forge_core.texas42.bidding.advice import Situation
from forge_core.texas42.bidding.bidders import Caller, CallsSoFar, call, hold_auction
from forge_core.texas42.bidding.chances import MEASURED_CHANCES
from forge_core.texas42.bidding.evidence import AuctionEvidence
from forge_core.texas42.bidding.features import (
    N_OPTION,
    N_SITUATION,
    NO_DECLARATION,
    OPTION,
    SITUATION,
    Decisions,
    Options,
    fill_features,
)
from forge_core.texas42.bidding.labels import (
    LABELS,
    Labeller,
    best_worth,
    decisions_of,
    options_of,
    seeds_of,
)
from forge_core.texas42.bidding.learned import LearnedBidder
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.bidding.network import BidNet, weights_of
from forge_core.texas42.bidding.rollouts import RolloutBidder
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declarations import parse_declaration
from forge_core.texas42.notation import parse_hand
from forge_core.texas42.one_hand.choose import open_policy
from forge_core.texas42.one_hand_training.bids import PERCENT, BidLessons
from forge_core.texas42.settings.one_hand import OneHandSettings

CERTAIN = parse_hand("6-6 6-5 6-4 6-2 6-1 6-0 2-2")
MIXED = parse_hand("4-4 4-3 4-1 5-5 6-4 2-1 0-0")
POOR = parse_hand("1-0 2-0 3-1 4-2 5-3 3-2 4-1")
SIXES, FOURS, NOTRUMP = (parse_declaration(name) for name in ("sixes", "fours", "notrump"))


@pytest.fixture(scope="module")
def labeller() -> Labeller:
    evidence = AuctionEvidence()
    return Labeller(RolloutBidder(open_policy("heuristic"), evidence, worlds=5, candidates=2, workers=1))


@pytest.fixture(scope="module")
def labels(labeller):
    return np.concatenate([labeller.label(seed) for seed in seeds_of(Split.TRAIN, 6)])


@pytest.fixture(scope="module")
def network() -> BidNet:
    torch.manual_seed(3)
    return BidNet.of_size(8, 4).eval()


def features(hand, calls, place, option, marks=(0, 0), forced=False):
    """Return the features of a decision and of one option, by name."""
    so_far = np.full((1, 4), NO_CALL)
    so_far[0, : len(calls)] = calls
    decisions = Decisions(
        np.array([hand], np.int8), so_far, np.array([place]), np.array([marks]), np.array([forced])
    )
    options = Options(np.zeros(1, np.int64), *(np.array([number]) for number in option))
    context, plays = fill_features(decisions, options)
    assert context.dtype == plays.dtype == np.float32
    return dict(zip(SITUATION, context[0], strict=True)), dict(zip(OPTION, plays[0], strict=True))


# features


def test_an_option_shows_its_bid_and_what_the_hand_holds_under_its_declaration():
    _, option = features(MIXED, (30,), 1, (31, FOURS))
    assert option["pass"] == 0 and option["needs"] == pytest.approx(1 / 12) and option["raise"] == 0
    assert option["decl_trumps"] == pytest.approx(4 / 7)  # 4-4 6-4 4-3 4-1
    assert [option[f"decl_trump_{place}"] for place in range(1, 8)] == [1, 1, 0, 1, 0, 1, 0]
    assert option["decl_trump_run"] == pytest.approx(2 / 7) and option["decl_trumps_above"] == 0
    assert option["decl_walkers"] == pytest.approx(2 / 7)  # 5-5 and 0-0
    assert option["decl_exposed_2"] == 0 and option["decl_exposed_more"] == pytest.approx(1 / 4)  # 2-1
    assert option["decl_count_trumps"] == pytest.approx(15 / 20)  # 6-4 4-1
    assert option["decl_count_walkers"] == pytest.approx(10 / 20) and option["decl_count_exposed"] == 0
    assert option["decl_unseen_trump_count"] == 0
    assert option["decl_empty_suits"] == 0
    stake = MEASURED_CHANCES[1, 0] - MEASURED_CHANCES[0, 1]
    assert option["if_made"] == pytest.approx((MEASURED_CHANCES[1, 0] - 0.5) / stake)


def test_a_declaration_without_trumps_has_no_trumps_above():
    _, option = features(CERTAIN, (), 0, (42, NOTRUMP))
    assert option["decl_notrump"] == 1 and option["needs_all"] == 1
    assert option["decl_trumps"] == option["decl_trumps_above"] == option["decl_trump_1"] == 0
    _, sixes = features(CERTAIN, (), 0, (84, SIXES))
    assert sixes["decl_winners"] == pytest.approx(3 / 7) and sixes["marks"] == 1


def test_the_situation_shows_the_others_as_seen_from_the_caller():
    context, option = features(POOR, (30, PASS, 34), 3, (PASS, NO_DECLARATION), (5, 2))
    assert context["dealer"] == 1 and context["partner_passed"] == 1 and context["last_holds"] == 1
    assert context["next_bid"] == pytest.approx(1 / 13) and context["high"] == pytest.approx(5 / 13)
    assert context["declaring"] == context["no_bid"] == context["must_bid"] == context["to_come"] == 0
    assert context["own_marks"] == pytest.approx(5 / 7)
    assert option["pass"] == 1 and sum(abs(value) for value in option.values()) == 1
    context, _ = features(POOR, (PASS, PASS, PASS), 3, (30, 0), forced=True)
    assert context["must_bid"] == context["forced"] == context["no_bid"] == 1
    context, _ = features(POOR, (PASS, 31, PASS, PASS), 1, (31, 0))
    assert context["declaring"] == 1 and context["second"] == 1
    assert context["next_holds"] == context["partner_holds"] == context["last_holds"] == 0


def test_the_order_of_a_hand_does_not_matter():
    for one, other in zip(
        features(MIXED, (), 0, (30, 4)), features(MIXED[::-1], (), 0, (30, 4)), strict=True
    ):
        assert one == other


# labels


def test_labels_are_the_worth_of_rollouts(labels, labeller):
    for label in labels:
        known = label["calls"][label["calls"] != NO_CALL].tolist()
        own, other = label["marks"].tolist()
        is_over = len(known) == 4
        legal = np.array([max(known)]) if is_over else None
        if not is_over:
            situation = Situation(tuple(known), own, other, bool(label["forced"]))
            legal = np.array(situation.auction.legal)
            found, worth, decls = labeller.bidder.worth(label["hand"].tolist(), situation)
            assert (found == legal).all()
            for column, decl in enumerate(decls):
                row = 0 if legal[column] == PASS else decl
                assert label["worth"][row, column] == pytest.approx(worth[column])
            assert (best_worth(label) >= worth - 1e-6).all()
        assert (label["options"][: len(legal)] == legal).all()
        valued = ~np.isnan(label["worth"])
        assert not valued[:, len(legal) :].any()
        for column, option in enumerate(legal):
            assert valued[:, column].sum() == (1 if option == PASS else 4)
        assert (label["worth"][valued] >= 0).all() and (label["worth"][valued] <= 1).all()


def test_labels_follow_from_their_seed(labels, labeller):
    again = labeller.label(int(labels[0]["seed"]))
    assert np.array_equal(again["worth"], labels[: len(again)]["worth"], equal_nan=True)
    assert labels.dtype == LABELS and replace(labeller, others=2).describe() != labeller.describe()


@pytest.mark.parametrize("split", [Split.TRAIN, Split.VAL])
def test_seeds_lie_in_their_split(split):
    seeds = seeds_of(split, 60)
    assert len(set(seeds)) == 60 and {split_of(seed) for seed in seeds} == {split}


# lessons


def test_a_lesson_holds_every_option_and_its_value_in_percent_of_the_stake(labels, network):
    lessons = BidLessons(labels)
    lesson = lessons.lesson(np.arange(len(lessons)))
    decisions, (options, worth) = decisions_of(labels), options_of(labels)
    assert lesson.context.shape == (len(labels), N_SITUATION) and lesson.plays.shape[1] == N_OPTION
    assert int(lesson.legal.sum()) == len(worth)
    again = decisions.chance[options.decision]
    again = again + decisions.stake[options.decision] * lesson.q[lesson.legal].numpy() / PERCENT
    np.testing.assert_allclose(again, worth, atol=1e-6)
    with torch.inference_mode():
        answers = lesson.logits(network)[lesson.legal].numpy()
    expected = decisions.chance[options.decision] + decisions.stake[options.decision] * answers
    np.testing.assert_allclose(weights_of(network).worth(decisions, options), expected, atol=1e-6)


def test_the_loss_is_zero_only_for_the_labels(labels):
    lessons, settings = BidLessons(labels), OneHandSettings(regret_share=0.0)
    lesson = lessons.lesson(np.arange(5))
    right = torch.where(lesson.legal, lesson.q / PERCENT, -torch.inf)
    assert lessons.loss(lesson, right, settings).item() == pytest.approx(0, abs=1e-9)
    wrong = (right + 0.1).requires_grad_()
    loss = lessons.loss(lesson, wrong, settings)
    assert loss.item() == pytest.approx(0.01, rel=0.35)  # a declaration has no pass, whose weight is lacking
    (gradient,) = torch.autograd.grad(loss, wrong)
    assert bool(torch.isfinite(gradient).all())


# the bidder


def test_calls_are_legal_and_the_declaration_goes_with_the_worth(network):
    bidder = LearnedBidder(weights_of(network))
    assert isinstance(bidder, Caller) and bidder.describe() == LearnedBidder(weights_of(network)).describe()
    for seed in range(12):
        deal, marks = deal_from_seed(seed), (seed % 7, 6 - seed % 7)
        held = hold_auction(deal, [bidder] * 4, seed % 4, Score(marks), forced=bool(seed % 2))
        assert held.auction.over
        if held.contract:
            assert held.decl is not None and held.p_make is not None and 0 <= held.p_make <= 1
    calls, worth, _ = bidder.worth(MIXED, Situation((PASS, 30)))
    chosen = bidder.call(MIXED, Situation((PASS, 30)))
    assert chosen.call == calls[worth.argmax()]


def test_a_forced_dealer_bids(network):
    bidder = LearnedBidder(weights_of(network))
    assert bidder.call(POOR, Situation((PASS,) * 3, forced=True)).call != PASS


def test_the_shipped_network_knows_good_hands_from_bad():
    bidder = LearnedBidder()
    made = call(bidder, CERTAIN, Situation())
    assert made.call >= MARK and made.decl == SIXES
    declared = bidder.declare(CERTAIN, CallsSoFar((made.call, PASS, PASS, PASS), 0))
    assert declared.decl == SIXES and declared.p_make is not None and declared.p_make > 0.95
    assert call(bidder, POOR, Situation()).call == PASS


def test_a_network_of_another_kind_is_refused(tmp_path):
    with pytest.raises(BadInput, match="contains no model"):
        parse_bidder(f"learned:model={tmp_path}")
    with pytest.raises(BadInput, match="architecture texas42-bids"):
        parse_bidder("learned:model=models/texas42-one-hand-6k")
