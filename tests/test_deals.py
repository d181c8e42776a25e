"""Deals, splits and streams: hands, training seeds and repeatability."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from conftest import GOLDEN
from hypothesis import given
from hypothesis import strategies as st

from forge_core.errors import BadInput
from forge_core.splits import Split, split_of
from forge_core.streams import stream
from forge_core.texas42.deals import (
    check_deal,
    check_hand,
    check_leader,
    deal_from_seed,
    deal_with_fixed_hand,
    marginalized_deal,
)
from forge_core.texas42.declarations import check_declaration

DEALS = json.loads((GOLDEN / "deals.json").read_text())
seeds = st.integers(0, 2**40)
hands = st.permutations(range(28)).map(lambda ids: sorted(ids[:7]))
keys = st.lists(st.one_of(st.integers(-(2**70), 2**70), st.text(max_size=5)), max_size=4).map(tuple)


def test_golden_deals():
    for seed, deal in DEALS["deal_from_seed"].items():
        assert deal_from_seed(int(seed)) == deal


def test_golden_deals_with_a_fixed_hand():
    for golden in DEALS["deal_with_fixed_p0"]:
        hand = deal_from_seed(golden["p0_seed"])[0]
        assert deal_with_fixed_hand(hand, golden["opp_seed"]) == golden["hands"]


@given(seeds)
def test_a_deal_shares_out_the_set(seed):
    deal = deal_from_seed(seed)
    assert sorted(domino for hand in deal for domino in hand) == list(range(28))
    assert all(hand == sorted(hand) and len(hand) == 7 for hand in deal)
    np.testing.assert_array_equal(check_deal(deal), deal)


@given(hands, seeds)
def test_a_fixed_hand_is_held_by_seat_0(hand, seed):
    deal = deal_with_fixed_hand(hand[::-1], seed)
    assert deal[0] == hand
    check_deal(deal)


@given(seeds, st.integers(0, 20))
def test_marginalized_deals_keep_the_base_hand(seed, opponent):
    deal = marginalized_deal(seed, opponent)
    assert deal[0] == deal_from_seed(seed)[0]
    check_deal(deal)
    assert deal == marginalized_deal(seed, opponent)


def test_marginalized_deals_differ_by_opponent_and_in_permutation_by_base_seed():
    for seed in range(50):
        others = {json.dumps(marginalized_deal(seed, opponent)[1:]) for opponent in range(5)}
        assert len(others) == 5

    def permutation(seed, opponent):
        deal = marginalized_deal(seed, opponent)
        rest = sorted(domino for hand in deal[1:] for domino in hand)
        return tuple(rest.index(domino) for hand in deal[1:] for domino in hand)

    assert len({permutation(seed, opponent) for seed in range(50) for opponent in range(3)}) == 150


def test_marginalized_deals_stay_what_they_are():
    """Neither more opponents nor a new release may change a stored deal."""
    assert marginalized_deal(42, 1) == deal_with_fixed_hand(
        deal_from_seed(42)[0], int(stream(42, "marginalized", 1).integers(2**63))
    )
    assert marginalized_deal(42, 1) == MARGINALIZED_42_1


MARGINALIZED_42_1 = [
    [5, 6, 10, 16, 18, 21, 27],
    [0, 1, 8, 13, 14, 15, 22],
    [3, 11, 17, 23, 24, 25, 26],
    [2, 4, 7, 9, 12, 19, 20],
]


@pytest.mark.parametrize(
    ("split", "places"),
    [(Split.TRAIN, range(900)), (Split.VAL, range(900, 950)), (Split.TEST, range(950, 1000))],
)
def test_the_seed_alone_decides_the_split(split, places):
    assert {split_of(place + 1000 * thousand) for place in places for thousand in (0, 1, 7, 10**9)} == {split}


@given(st.integers(0, 10**6))
def test_a_block_of_50_seeds_never_straddles_a_split(block):
    assert len({split_of(seed) for seed in range(50 * block, 50 * block + 50)}) == 1


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (lambda: deal_from_seed(-1), "seed -1"),
        (lambda: deal_from_seed(1.5), "seed 1.5"),
        (lambda: deal_from_seed(True), "seed True"),
        (lambda: deal_from_seed(None), "seed None"),
        (lambda: deal_from_seed("3"), "seed '3'"),
        (lambda: deal_with_fixed_hand(range(7), -1), "seed -1"),
        (lambda: deal_with_fixed_hand(range(7), 1.5), "seed 1.5"),
        (lambda: deal_with_fixed_hand(range(7), None), "seed None"),
        (lambda: deal_with_fixed_hand([each + 0.5 for each in range(7)], 1), "whole numbers"),
        (lambda: marginalized_deal(0, 1.5), "opponent index 1.5"),
        (lambda: check_hand(None), "hand None"),
        (lambda: check_deal(None), "hands None"),
        (lambda: check_leader(0.5), "leader 0.5"),
        (lambda: check_leader("one"), "leader 'one'"),
        (lambda: check_declaration("sixes"), "declaration 'sixes'"),
        (lambda: check_declaration(None), "declaration None"),
        (lambda: marginalized_deal(-1, 0), "seed -1"),
        (lambda: marginalized_deal(0, -1), "opponent index -1"),
        (lambda: split_of(-1), "seed -1"),
        (lambda: check_hand(range(8)), "a hand of 8"),
        (lambda: check_hand([0] * 7), "repeats"),
        (lambda: check_hand(range(22, 29)), "outside"),
        (lambda: check_deal([list(range(7))] * 4), "two hands"),
        (lambda: check_deal(deal_from_seed(0)[:2]), "2 hands"),
        (lambda: check_leader(4), "leader 4"),
        (lambda: stream(0, 1.5), "1.5"),
        (lambda: stream(0, None), "None"),
        (lambda: stream(0, True), "True"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(ask, complaint):
    with pytest.raises(BadInput, match=complaint) as refusal:
        ask()
    assert "\n" not in str(refusal.value)


@given(st.integers(0, 2**70), keys)
def test_a_stream_can_be_repeated(seed, key):
    np.testing.assert_array_equal(
        stream(seed, *key).integers(2**63, size=4), stream(seed, *key).integers(2**63, size=4)
    )


@given(st.integers(0, 2**70), keys, st.integers(0, 2**70), keys)
def test_other_keys_give_other_streams(seed, key, other_seed, other_key):
    draws = tuple(stream(seed, *key).integers(2**63, size=2))
    others = tuple(stream(other_seed, *other_key).integers(2**63, size=2))
    assert (draws == others) == ((seed, *key) == (other_seed, *other_key))


def test_keys_are_not_joined():
    keys = [("ab", 1), ("a", "b1"), ("a", "b", 1), ("ab", "1"), ("ab1",), ("ab", 1, ""), ()]
    assert len({stream(0, *key).integers(2**63) for key in keys}) == len(keys)


def test_streams_are_independent():
    """Streams of neighbouring keys are uncorrelated: 200 streams of 1000 draws each."""
    draws = np.stack([stream(0, "independent", k).random(1000) for k in range(200)])
    correlation = np.corrcoef(draws)[np.triu_indices(200, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(1000)
    assert abs(draws.mean() - 0.5) < 5 * np.sqrt(1 / 12 / draws.size)


def test_a_stream_is_the_same_everywhere():
    assert stream(42, "marginalized", 1).integers(2**63) == FIRST_DRAW


def test_integers_of_numpy_and_torch_are_seeds():
    for three in (np.int64(3), np.uint8(3), torch.tensor(3)):
        assert deal_from_seed(three) == deal_from_seed(3)
        assert deal_with_fixed_hand(range(7), three) == deal_with_fixed_hand(range(7), 3)
        assert split_of(three) is Split.TRAIN


def test_numpy_integers_are_integers():
    assert stream(np.int64(3), np.int32(4)).integers(2**63) == stream(3, 4).integers(2**63)


FIRST_DRAW = 4212645800291113927
