"""Features of Stage 2 tokens that follow from a transcript: trumps, voids, what beats what."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from random_games import play

from forge_core.texas42.rules import CALLED_SUIT, N_SUITS, follows, led_suit, trick_rank
from forge_core.texas42.tokens.inferences import STAGE2_SPEC, VOCABULARY, encode_views
from forge_core.texas42.tokens.transcript import CONTEXT, FIRST_OF_HAND, FIRST_PLAY, encode_transcripts
from forge_core.texas42.views import Views

seeds = st.lists(st.integers(0, 10**6), min_size=1, max_size=3)


def inferred(views: Views, n: int) -> np.ndarray:
    """Infer the features 8..11 of game n from the rules: [36, 4]."""
    seen, hand = views.seen, [int(domino) for domino in views.hand[n]]
    decl, seat = int(seen.decl[n]), int(seen.turn[n])
    plays, players = seen.plays[n].tolist(), seen.players[n].tolist()
    unseen = set(range(28)) - set(hand) - set(plays)
    features = np.zeros((36, 4), dtype=int)
    voids = {seat: set() for seat in range(4)}
    for ply, (domino, player) in enumerate(zip(plays, players, strict=True)):
        suit = led_suit(plays[ply - ply % 4], decl)
        followed = follows(domino, suit, decl)
        if not followed:
            voids[player].add(suit)
        features[FIRST_PLAY + ply, :2] = follows(domino, CALLED_SUIT, decl), 1 if followed else 2

    def void_bits(suit: int) -> int:
        return sum(1 << away - 1 for away in (1, 2, 3) if suit in voids[(seat + away) % 4])

    trick = plays[len(plays) - len(plays) % 4 :]
    led = led_suit(trick[0], decl) if trick else N_SUITS
    ranks = [trick_rank(domino, led, decl) for domino in trick]
    if trick:
        features[FIRST_PLAY + len(plays) - len(trick) + int(np.argmax(ranks)), 3] = 1
    for slot, domino in enumerate(hand):
        token, own = features[FIRST_OF_HAND + slot], led_suit(domino, decl)
        token[0] = follows(domino, CALLED_SUIT, decl)
        if domino in plays:
            continue
        rank = trick_rank(domino, own, decl)
        better = [d for d in unseen if follows(d, own, decl) and trick_rank(d, own, decl) > rank]
        token[1:3] = 3 + len(better), 1 + void_bits(own)
        if trick and views.legal[n, slot]:
            token[3] = 3 if trick_rank(domino, led, decl) > max(ranks) else 2
    features[CONTEXT, 0] = 2 + sum(follows(domino, CALLED_SUIT, decl) for domino in unseen)
    features[CONTEXT, 2] = 1 + void_bits(CALLED_SUIT)
    return features


@settings(max_examples=20)
@given(seeds, st.integers(0, 3), st.integers(0, 10**6))
def test_features_are_what_the_docstring_says(seeds, leader, draw):
    for games in play(seeds, leader, draw=draw)[:-1]:
        tokens = encode_views(games.views)
        transcript = encode_transcripts(games.views)
        assert np.array_equal(tokens.tokens[:, :, :8], transcript.tokens)
        assert np.array_equal(tokens.mask, transcript.mask) and np.array_equal(tokens.legal, transcript.legal)
        for n in range(len(games)):
            assert tokens.tokens[n, :, 8:].tolist() == inferred(games.views, n).tolist()
        assert (tokens.tokens >= 0).all() and (tokens.tokens < VOCABULARY).all()


def test_the_spec_fits_the_tokens():
    games = play([3])[5]
    tokens = encode_views(games.views).tokens
    assert tokens.shape[1:] == (STAGE2_SPEC.n_positions, STAGE2_SPEC.n_features) == (36, 12)
    assert tokens.dtype == np.int8
    assert (STAGE2_SPEC.action_positions, STAGE2_SPEC.value_position) == (tuple(range(1, 8)), CONTEXT)
    assert type(STAGE2_SPEC).from_dict(STAGE2_SPEC.to_dict()) == STAGE2_SPEC
