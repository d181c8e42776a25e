"""The rules: recorded games, invariants of every game, and the tables built from the rules."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import GOLDEN
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.texas42 import rules
from forge_core.texas42.deals import check_deal, deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS, NAMES, has_trump_power, is_called
from forge_core.texas42.dominoes import COUNT, HAND_POINTS, N_DOMINOES, PIPS, domino_id, is_double, team
from forge_core.texas42.tables import (
    CALLED,
    COUNTS,
    FOLLOWS,
    HIGH_PIP,
    LED_SUIT,
    LOW_PIP,
    TRICK_RANK,
    deal_tables,
)

HANDS = json.loads((GOLDEN / "hands.json").read_text())
decls = st.integers(0, N_DECLARATIONS - 1)
dominoes = st.integers(0, N_DOMINOES - 1)
seeds = st.integers(0, 2**31)


@pytest.mark.parametrize("game", HANDS, ids=lambda game: f"{game['deal_seed']}-{NAMES[game['decl']]}")
def test_recorded_games(game):
    decl, leader = game["decl"], game["leader"]
    held = [list(hand) for hand in game["hands"]]
    points, trick, tricks = [0, 0], [], iter(game["tricks"])
    for play in game["plays"]:
        seat = (leader + len(trick)) % 4
        assert play["player"] == seat
        assert rules.legal_plays(held[seat], trick, decl) == play["legal"]
        held[seat].remove(play["play"])
        trick.append(play["play"])
        if len(trick) < 4:
            continue
        recorded = next(tricks)
        assert rules.led_suit(trick[0], decl) == recorded["led_suit"]
        assert rules.trick_points(trick) == recorded["points"]
        leader = (leader + rules.trick_winner(trick, decl)) % 4
        assert leader == recorded["winner"]
        points[team(leader)] += recorded["points"]
        trick = []
    assert points == game["team_points"]
    assert sum(points) == HAND_POINTS


@settings(max_examples=200)
@given(seeds, decls, st.integers(0, 3), st.randoms(use_true_random=False))
def test_any_legal_game_ends_with_42_points(seed, decl, leader, random):
    held, points = deal_from_seed(seed), [0, 0]
    for _ in range(7):
        trick = []
        for offset in range(4):
            hand = held[(leader + offset) % 4]
            legal = rules.legal_plays(hand, trick, decl)
            assert legal
            assert set(legal) <= set(hand)
            if trick:
                suit = rules.led_suit(trick[0], decl)
                can_follow = [domino for domino in hand if rules.follows(domino, suit, decl)]
                assert legal == (can_follow or hand)
            else:
                assert legal == hand
            trick.append(random.choice(legal))
            hand.remove(trick[-1])
        winner = rules.trick_winner(trick, decl)
        # who takes the trick has trumped, or followed suit
        assert rules.follows(trick[winner], rules.led_suit(trick[0], decl), decl) or (
            has_trump_power(decl) and is_called(trick[winner], decl)
        )
        leader = (leader + winner) % 4
        points[team(leader)] += rules.trick_points(trick)
    assert not any(held)
    assert sum(points) == HAND_POINTS


@given(dominoes, decls)
def test_a_lead_follows_its_own_suit(lead, decl):
    assert rules.follows(lead, rules.led_suit(lead, decl), decl)


@given(decls, dominoes)
def test_the_called_set_belongs_to_no_pip_suit(decl, domino):
    suits = [suit for suit in range(8) if rules.follows(domino, suit, decl)]
    expected = [7] if is_called(domino, decl) else sorted(set(PIPS[domino]))
    assert suits == expected


@given(decls, st.integers(0, 7))
def test_of_a_suit_no_two_rank_equal(decl, suit):
    ranks = [rules.trick_rank(d, suit, decl) for d in range(N_DOMINOES) if rules.follows(d, suit, decl)]
    assert len(set(ranks)) == len(ranks)


def test_a_trick_of_each_kind():
    def taker(decl, *texts):
        trick = [domino_id(*map(int, text.split("-"))) for text in texts]
        return rules.trick_winner(trick, NAMES.index(decl))

    assert taker("notrump", "6-4", "6-6", "6-5", "5-5") == 1  # the double is high
    assert taker("notrump", "6-4", "5-5", "6-5", "4-4") == 2  # a lead asks for its high pip
    assert taker("fours", "6-5", "6-6", "4-0", "6-2") == 2  # a trump takes it
    assert taker("fours", "6-4", "5-4", "4-4", "6-6") == 2  # 6-4 is a trump here, not a six
    assert taker("doubles-trump", "6-5", "0-0", "6-4", "1-1") == 3
    assert taker("doubles-suit", "6-5", "6-6", "6-4", "5-5") == 0  # doubles only follow doubles
    assert taker("doubles-suit", "2-2", "6-5", "3-3", "0-0") == 2


def test_the_set():
    assert len(set(PIPS)) == N_DOMINOES
    assert [domino_id(*pips) for pips in PIPS] == [domino_id(*pips[::-1]) for pips in PIPS] == list(range(28))
    assert sum(COUNT) == 35
    assert sum(is_double(domino) for domino in range(N_DOMINOES)) == 7
    assert [sum(is_called(domino, decl) for domino in range(28)) for decl in range(10)] == [7] * 9 + [0]


def test_tables_of_the_set_are_the_rules():
    for domino, (high, low) in enumerate(PIPS):
        assert (HIGH_PIP[domino], LOW_PIP[domino], COUNTS[domino]) == (high, low, COUNT[domino])
        for decl in range(N_DECLARATIONS):
            assert CALLED[decl, domino] == is_called(domino, decl)
            assert LED_SUIT[decl, domino] == rules.led_suit(domino, decl)
            for suit in range(rules.N_SUITS):
                assert FOLLOWS[decl, suit, domino] == rules.follows(domino, suit, decl)
                assert TRICK_RANK[decl, suit, domino] == rules.trick_rank(domino, suit, decl)


@settings(max_examples=5)
@given(seeds, decls)
def test_tables_of_a_deal_are_the_rules(seed, decl):
    """Every entry is compared: 4 leaders, 7 leads, all answers."""
    deal = deal_from_seed(seed)
    tables = deal_tables(check_deal(deal), decl)
    for leader in range(4):
        by_offset = [deal[(leader + offset) % 4] for offset in range(4)]
        for slot, lead in enumerate(by_offset[0]):
            suit = rules.led_suit(lead, decl)
            for offset in range(4):
                follow = sum(rules.follows(d, suit, decl) << i for i, d in enumerate(by_offset[offset]))
                assert tables.follow[leader, slot, offset] == follow

            for others in np.ndindex(7, 7, 7):
                trick = [lead, *(by_offset[offset + 1][i] for offset, i in enumerate(others))]
                winner = (leader + rules.trick_winner(trick, decl)) % 4
                points = rules.trick_points(trick)
                assert tables.winner[leader, slot, *others] == winner
                assert tables.points[leader, slot, *others] == (-points if team(winner) else points)


def test_tables_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        deal_tables(check_deal(deal_from_seed(0)), 0).points[0] = 0
