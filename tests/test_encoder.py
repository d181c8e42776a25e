"""Tokens: the encoding follows the rules, respects symmetry and is the same on every path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.errors import BadInput, StateUnreachable
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed, marginalized_deal
from forge_core.texas42.declarations import is_called
from forge_core.texas42.dominoes import COUNT, PIPS
from forge_core.texas42.rules import led_suit, legal_plays, trick_rank, trick_winner
from forge_core.texas42.state import Fields, advance, initial_state, legal_slots, pack, unpack
from forge_core.texas42.tables import deal_tables
from forge_core.texas42.tokens.encoder import CONTEXT, FIRST_OF_TRICK, VOCABULARY, Status, encode

seeds = st.integers(0, 2**31)
decls = st.integers(0, 9)


def game(hands, decl, leader, key):
    """Return the 28 states of one random game."""
    rng, tables = stream(0, "game", key), deal_tables(np.array(hands, dtype=np.int8), decl)
    state, states = np.array([initial_state(leader)]), []
    for _ in range(28):
        states.append(int(state[0]))
        legal = [slot for slot in range(7) if legal_slots(state, tables)[0] >> slot & 1]
        state, _ = advance(state, [rng.choice(legal)], tables)
    return np.array(states)


def encode_slowly(hands, decl, state):
    """Encode one position from the definition and the rules alone: tokens, mask, legal."""
    f = unpack([state])
    mover, leader, n = int(f.mover[0]), int(f.leader[0]), int(f.in_trick[0])
    trick = [hands[(leader + k) % 4][f.played[0, k]] for k in range(n)]
    held = [[d for i, d in enumerate(hands[s]) if f.remaining[0, s] >> i & 1] for s in range(4)]
    tokens, mask, legal = np.zeros((32, 12), int), np.zeros(32, bool), np.zeros(7, bool)
    may = legal_plays(held[mover], trick, decl)
    called = sorted(
        (d for d in range(28) if is_called(d, decl)), key=lambda d: trick_rank(d, 7, decl), reverse=True
    )

    def fixed(domino):
        place = called.index(domino) if domino in called else 7
        return [*PIPS[domino], COUNT[domino] // 5, place]

    for relative in range(4):
        seat = (mover + relative) % 4
        for slot, domino in enumerate(hands[seat]):
            position, here = 7 * relative + slot, domino in held[seat]
            status = Status.IN_HAND if here else Status.PLAYED
            tokens[position, :8] = [*fixed(domino), relative, status, decl, (leader - mover) % 4]
            mask[position] = here
            if not here:
                continue
            suit = led_suit(domino, decl)

            def beats(other, domino=domino, suit=suit):
                return trick_rank(other, suit, decl) > trick_rank(domino, suit, decl)

            against = [d for s in (1, 3) for d in held[(seat + s) % 4] if beats(d)]
            tokens[position, 9] = bool(trick) and trick_winner([*trick, domino], decl) == n
            tokens[position, 10] = min(len(against), 3)
            tokens[position, 11] = any(beats(d) for d in held[(seat + 2) % 4])
            if relative == 0:
                tokens[position, 8] = legal[slot] = domino in may
    tokens[CONTEXT, [6, 7]] = decl, (leader - mover) % 4
    mask[CONTEXT] = True
    for k, domino in enumerate(trick):
        wins = trick_winner(trick, decl) == k
        owner = (leader + k - mover) % 4
        status = Status.FIRST + k
        tokens[FIRST_OF_TRICK + k, :8] = [*fixed(domino), owner, status, decl, (leader - mover) % 4]
        tokens[FIRST_OF_TRICK + k, 9] = wins
        mask[FIRST_OF_TRICK + k] = True
    return tokens, mask, legal


@settings(max_examples=40)
@given(seeds, decls, st.integers(0, 3))
def test_tokens_are_what_the_rules_say(seed, decl, leader):
    hands = deal_from_seed(seed)
    states = game(hands, decl, leader, seed)
    encoded = encode([hands], [decl], states, np.zeros(28, int))
    for i, state in enumerate(states):
        tokens, mask, legal = encode_slowly(hands, decl, state)
        np.testing.assert_array_equal(encoded.tokens[i], tokens)
        np.testing.assert_array_equal(encoded.mask[i], mask)
        np.testing.assert_array_equal(encoded.legal[i], legal)
    assert (encoded.tokens >= 0).all()
    assert (encoded.tokens < VOCABULARY).all()


@settings(max_examples=20)
@given(seeds, decls, st.integers(1, 3))
def test_no_token_betrays_the_absolute_seat(seed, decl, turn):
    hands = deal_from_seed(seed)
    states = game(hands, decl, 0, seed)
    f = unpack(states)
    turned = pack(Fields(np.roll(f.remaining, turn, axis=1), (f.leader + turn) % 4, f.in_trick, f.played))
    around = [hands[(seat - turn) % 4] for seat in range(4)]
    here, there = (encode([h], [decl], s, np.zeros(28, int)) for h, s in ((hands, states), (around, turned)))
    np.testing.assert_array_equal(here.tokens, there.tokens)
    np.testing.assert_array_equal(here.mask, there.mask)


@settings(max_examples=20)
@given(seeds, decls, st.permutations(range(7)))
def test_permuting_a_hand_permutes_its_tokens(seed, decl, order):
    hands = deal_from_seed(seed)
    lead = np.array([initial_state()])
    plain = encode([hands], [decl], lead)
    shuffled = encode([[[hands[0][i] for i in order], *hands[1:]]], [decl], lead)
    np.testing.assert_array_equal(shuffled.tokens[:, :7], plain.tokens[:, list(order)])
    np.testing.assert_array_equal(shuffled.tokens[:, 7:], plain.tokens[:, 7:])


@settings(max_examples=20)
@given(seeds, decls, st.integers(0, 5))
def test_marginalized_deals_have_the_legal_plays_of_their_own_hands(seed, decl, opponent):
    hands = marginalized_deal(seed, opponent)
    states = game(hands, decl, 0, seed)
    tables = deal_tables(np.array(hands, dtype=np.int8), decl)
    legal = (legal_slots(states, tables)[:, None] >> np.arange(7) & 1).astype(bool)
    np.testing.assert_array_equal(encode([hands], [decl], states, np.zeros(28, int)).legal, legal)


def test_tensors_give_the_same_tokens():
    torch = pytest.importorskip("torch")
    hands = np.array([deal_from_seed(seed) for seed in range(30)], dtype=np.int8)
    decls_of = np.arange(30) % 10
    states = np.concatenate([game(hands[i].tolist(), i % 10, 1, i) for i in range(30)])
    deal_of = np.repeat(np.arange(30), 28)
    arrays = encode(hands, decls_of, states, deal_of)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in devices:
        tensors = encode(hands, decls_of, torch.from_numpy(states).to(device), deal_of)
        for name in ("tokens", "mask", "legal"):
            np.testing.assert_array_equal(getattr(tensors, name).cpu().numpy(), getattr(arrays, name))


def test_bad_questions_are_refused():
    root = np.array([initial_state()])
    with pytest.raises(StateUnreachable):
        encode([deal_from_seed(0)], [0], root ^ 1)
    with pytest.raises(BadInput, match="one declaration per deal"):
        encode([deal_from_seed(0)], [0, 1], root)
    with pytest.raises(BadInput, match="outside"):
        encode([deal_from_seed(0)], [0], root, np.array([1]))
