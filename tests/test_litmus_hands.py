"""Hands of a known worth: bidders that look at a hand's deals bid what it makes, and promise no more."""

from __future__ import annotations

import pytest
from benchmark_modules import load_benchmark

from forge_core.texas42.auction import LOWEST_BID, MARK, PASS
from forge_core.texas42.bidding.names import parse_bidder

BIDDERS = "playouts", "rollout", "learned"


@pytest.fixture(scope="module")
def benchmark():
    return load_benchmark("litmus_hands")


@pytest.mark.parametrize("name", ["rule", *BIDDERS])
def test_a_hand_that_cannot_be_set_is_bid_for_all_points(benchmark, name):
    certain = benchmark.litmus_hands()[0]
    called, contract = benchmark.bid_of(parse_bidder(name), certain.hand)
    assert called >= MARK and contract.decl == certain.decl
    assert name == "rule" or contract.p_make > 0.95
    assert benchmark.share_made(certain.hand, contract.decl, contract.call, 200) == 1


@pytest.mark.parametrize("name", BIDDERS)
def test_a_hand_of_three_doubles_is_bid_under_its_trumps(benchmark, name):
    litmus = benchmark.litmus_hands()[1]
    called, contract = benchmark.bid_of(parse_bidder(name), litmus.hand)
    assert LOWEST_BID <= called < MARK and contract.decl == litmus.decl
    made = benchmark.share_made(litmus.hand, contract.decl, contract.call, 1_000)
    assert made > 0.8 and abs(contract.p_make - made) < 0.12


@pytest.mark.parametrize("name", ["rule", *BIDDERS])
def test_a_poor_hand_is_passed(benchmark, name):
    poor = benchmark.litmus_hands()[2]
    called, contract = benchmark.bid_of(parse_bidder(name), poor.hand)
    assert called == PASS and contract.call == LOWEST_BID and contract.p_make < 0.5


@pytest.mark.parametrize("number", [10, 11])
def test_a_weak_hand_is_not_bid_high_to_be_outbid(benchmark, number):
    """A bid of 39 would win games only against others who outbid it with weak hands of their own."""
    weak = benchmark.litmus_hands()[number]
    called, contract = benchmark.bid_of(parse_bidder("rollout"), weak.hand)
    assert called < 36
    made = benchmark.share_made(weak.hand, contract.decl, contract.call, 1_000)
    assert abs(contract.p_make - made) < 0.12
