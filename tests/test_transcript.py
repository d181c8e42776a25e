"""Tokens of Stage 2: the player's own hand and public information."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_games import play

from forge_core.errors import BadInput
from forge_core.texas42.dominoes import COUNT, PIPS
from forge_core.texas42.rules import led_suit
from forge_core.texas42.tokens.transcript import (
    FIRST_OF_HAND,
    FIRST_PLAY,
    VOCABULARY,
    encode_transcripts,
    transcripts,
)
from forge_core.texas42.views import Seen, Views

seeds = st.lists(st.integers(0, 10**6), min_size=1, max_size=4)
leaders, draws = st.integers(0, 3), st.integers(0, 10**6)


def told(games) -> np.ndarray:
    """Return the tokens of whole games, all decisions [N, 28, 36, 8]."""
    seen = games[-1].seen
    return transcripts(games[-1].hands, seen.decl, seen.leader, seen.plays).tokens


def same(one, other) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("tokens", "mask", "legal")
    )


def as_a_person_would(views: Views, n: int) -> list[list[int]]:
    """Encode the tokens of game n one by one from the rules."""
    seen, hand = views.seen, [int(domino) for domino in views.hand[n]]
    decl, seat = int(seen.decl[n]), int(seen.turn[n])
    plays, players = seen.plays[n].tolist(), seen.players[n].tolist()

    def domino(which: int) -> list[int]:
        high, low = PIPS[which]
        return [high, low, int(high == low), COUNT[which] // 5]

    in_trick = len(plays) % 4
    leader = players[-in_trick] if in_trick else seat
    tokens = [[0, 0, 0, 0, (leader - seat) % 4, 0, decl, 0]]
    tokens += [[*domino(which), 0, int(which not in plays), decl, 1] for which in hand]
    for ply, (which, player) in enumerate(zip(plays, players, strict=True)):
        trick, place = divmod(ply, 4)
        suit = led_suit(plays[4 * trick], decl)
        tokens.append([*domino(which), (player - seat) % 4, 2 + place, 10 + suit, 2 + trick])
    return tokens


@settings(max_examples=30)
@given(seeds, leaders, draws)
def test_tokens_are_what_the_docstring_says(seeds, leader, draw):
    for games in play(seeds, leader, draw=draw):
        told = encode_transcripts(games.views)
        for n in range(len(games)):
            expected = as_a_person_would(games.views, n)
            assert told.tokens[n, : len(expected)].tolist() == expected
            assert told.mask[n].tolist() == [True] * len(expected) + [False] * (36 - len(expected))
            assert not told.tokens[n, len(expected) :].any()
        assert np.array_equal(told.legal, games.views.legal)
        assert (told.tokens >= 0).all() and (told.tokens < VOCABULARY).all()


@settings(max_examples=30)
@given(seeds, leaders, draws)
def test_every_action_points_at_a_hand_token_still_in_hand(seeds, leader, draw):
    games = play(seeds, leader, draw=draw)
    seen, hands = games[-1].seen, games[-1].hands
    tokens = told(games)
    for n in range(len(seeds)):
        for step, (seat, domino) in enumerate(zip(seen.players[n], seen.plays[n], strict=True)):
            slot = hands[n, seat].tolist().index(domino)
            token = tokens[n, step, FIRST_OF_HAND + slot]
            assert (token[0], token[1]) == PIPS[domino]
            assert (token[5], token[7]) == (1, 1)  # still in hand; a hand token
            assert tokens[n, step, FIRST_OF_HAND:FIRST_PLAY, 5].sum() == 7 - step // 4


@settings(max_examples=30)
@given(seeds, leaders, draws)
def test_a_whole_game_is_told_as_its_views_are(seeds, leader, draw):
    games = play(seeds, leader, draw=draw)
    seen = games[-1].seen
    whole = transcripts(games[-1].hands, seen.decl, seen.leader, seen.plays)
    for step, before in enumerate(games[:-1]):
        alone = encode_transcripts(before.views)
        assert np.array_equal(whole.tokens[:, step], alone.tokens)
        assert np.array_equal(whole.mask[:, step], alone.mask)
        assert np.array_equal(whole.legal[:, step], alone.legal)


@settings(max_examples=30)
@given(seeds, leaders, draws, st.integers(1, 3))
def test_other_chairs_change_nothing(seeds, leader, draw, turned):
    end = play(seeds, leader, draw=draw)[-1]
    seen = end.seen
    here = transcripts(end.hands, seen.decl, seen.leader, seen.plays)
    there = transcripts(np.roll(end.hands, turned, axis=1), seen.decl, (seen.leader + turned) % 4, seen.plays)
    assert same(here, there)


@settings(max_examples=30)
@given(seeds, leaders, draws, st.integers(0, 27), st.randoms(use_true_random=False))
def test_order_carries_nothing_that_the_tokens_do_not_say(seeds, leader, draw, step, shuffle):
    """The features of the plays determine their order."""
    before = play(seeds, leader, draw=draw)[step]
    plays = encode_transcripts(before.views).tokens[0, FIRST_PLAY : FIRST_PLAY + step].tolist()
    shuffled = plays.copy()
    shuffle.shuffle(shuffled)
    assert sorted(shuffled, key=lambda token: (token[7], token[5])) == plays


def test_hidden_hands_and_the_bid_are_not_told():
    fields = set(Views.__dataclass_fields__) | set(Seen.__dataclass_fields__)
    assert not fields & {"hands", "deal"}
    before = play([1], bids=30)[7]
    other = play([1], bids=84)[7]
    assert same(encode_transcripts(before.views), encode_transcripts(other.views))


def test_what_breaks_the_rules_is_refused():
    end = play([4])[-1]
    seen = end.seen
    with pytest.raises(BadInput, match="plays of shape"):
        transcripts(end.hands, seen.decl, seen.leader, seen.plays[:, :27])
    with pytest.raises(BadInput, match="may not play"):
        transcripts(end.hands, seen.decl, seen.leader, seen.plays[:, ::-1])
