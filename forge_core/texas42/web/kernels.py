"""The kernels of Texas 42 that run in a browser: exact search, playouts, beliefs, worlds, tokens, bids.

Each function adapts one kernel: it makes arrays of the addresses that it receives, and adds the tables of
the rules, which become constants of the WebAssembly file. `make wasm` builds the file.
"""

from __future__ import annotations

from numba import types
from numba.np.numpy_support import carray, from_dtype

from forge_core.texas42.bidding.calls import (
    FIELD_RECORD,
    RULE_TABLE,
    fill_best_call,
    fill_rule_p_make,
)
from forge_core.texas42.bidding.table import BIDS
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.eq.declared import TRUMPS, add_declaration
from forge_core.texas42.one_hand.choose import MEMORY, NETWORK, choose_rows
from forge_core.texas42.one_hand.likelihood import _weigh
from forge_core.texas42.one_hand.network import WEIGHTS
from forge_core.texas42.one_hand.playouts import play_deals, playout_rows
from forge_core.texas42.one_hand.sight import DOMINO_TABLE, SIGHT
from forge_core.texas42.oracle.alphabeta.positions import _answer_rows
from forge_core.texas42.oracle.alphabeta.rulebook import RULEBOOK
from forge_core.texas42.oracle.alphabeta.search import SEARCH
from forge_core.texas42.settings.games import BELIEF_MIX, BELIEF_TAU, DECLARED_MIX, DECLARED_TEMPERATURE
from forge_core.texas42.tables import (
    BEATEN_BY,
    CALLED,
    COUNTS,
    DOMINO_FEATURES,
    FOLLOWING,
    FOLLOWS,
    LED_SUIT,
    TRICK_RANK,
)
from forge_core.texas42.tokens.encoder import N_FEATURES, N_POSITIONS, _encode
from forge_core.texas42.tokens.inferences import DOMINO_OF_PIPS, fill_inferences
from forge_core.texas42.tokens.inferences import N_FEATURES as INFERENCES_WIDTH
from forge_core.texas42.tokens.transcript import N_FEATURES as TRANSCRIPT_WIDTH
from forge_core.texas42.tokens.transcript import N_POSITIONS as TRANSCRIPT_POSITIONS
from forge_core.texas42.tokens.transcript import TRANSCRIPT_FEATURES, fill_transcripts
from forge_core.texas42.worlds.count import N_CELLS, SIDE, _count
from forge_core.texas42.worlds.sample import _walk
from forge_core.web.exports import Export, Exports

MODULE = __name__
_N_LED, _N_FOLLOWS = LED_SUIT.size, FOLLOWS.size


def root_q(workspace, deals, decls, states, q, n):
    """Fill q [n, 7] int8 as `oracle.root_q` does; it must hold -128. Return -1, or the first impossible row.

    workspace: one SEARCH record, zeros at first. deals: [n, 4, 7] int8. decls, states: [n] int64.
    """
    return _answer_rows(
        RULEBOOK,
        carray(workspace, 1),
        carray(deals, (n, N_SEATS, HAND_SIZE)),
        carray(decls, n),
        carray(states, n),
        carray(states, 0),  # no bounds: values are wanted
        carray(q, (n, HAND_SIZE)),
    )


def playout_q(search, sight, memory, deals, decls, states, voids, bidders, policy, weights, until, q, n):
    """Fill q [n, 7] int8 as `one_hand.playouts.playout_q` does; it must hold -128. Return as `root_q`.

    sight, memory: one SIGHT and one MEMORY record. voids: [n, 4] uint8. bidders: [n] int64. policy: index
    into POLICIES. weights: one WEIGHTS record. until: plays left from which on values are exact.
    """
    return playout_rows(
        RULEBOOK,
        carray(search, 1),
        DOMINO_TABLE,
        carray(sight, 1),
        carray(memory, 1),
        carray(deals, (n, N_SEATS, HAND_SIZE)),
        carray(decls, n),
        carray(states, n),
        carray(voids, (n, N_SEATS)),
        carray(bidders, n),
        policy,
        carray(weights, 1),
        until,
        carray(q, (n, HAND_SIZE)),
    )


def deal_points(search, sight, memory, deals, decls, policy, weights, gained, n):
    """Fill gained [n] int64 as `one_hand.playouts.play_deals` does."""
    play_deals(
        RULEBOOK,
        carray(search, 1),
        DOMINO_TABLE,
        carray(sight, 1),
        carray(memory, 1),
        carray(deals, (n, N_SEATS, HAND_SIZE)),
        carray(decls, n),
        policy,
        carray(weights, 1),
        carray(gained, n),
    )


def policy_slot(sight, memory, view, plays, players, hand, policy, weights, slot, n_plays):
    """Fill slot [1] int64: the slot that a policy plays in one view.

    view: declaration, seat and bidder, [3] int64. plays, players: [n_plays] int8. hand: [7] int8 as dealt.
    """
    numbers = carray(view, 3)
    choose_rows(
        RULEBOOK,
        DOMINO_TABLE,
        carray(sight, 1),
        carray(memory, 1),
        numbers[0:1],
        numbers[1:2],
        numbers[2:3],
        carray(plays, (1, n_plays)),
        carray(players, (1, n_plays)),
        carray(hand, (1, HAND_SIZE)),
        policy,
        carray(weights, 1),
        carray(slot, 1),
    )


def log_weights(sight, memory, deals, games, view, plays, players, weights, log_p, n_plays, n):
    """Add the log weights of n worlds by `belief=both` with its default settings to log_p [n] float64.

    deals: [n, 4, 7] int8. games: [n] int64 zeros. view, plays, players: as in policy_slot; the seat holds
    the belief.
    """
    numbers, dealt = carray(view, 3), carray(deals, (n, N_SEATS, HAND_SIZE))
    decl, seat, bidder = numbers[0], numbers[1], numbers[2]
    found = carray(log_p, n)
    _weigh(
        RULEBOOK,
        DOMINO_TABLE,
        carray(sight, 1),
        carray(memory, 1),
        numbers[0:1],
        numbers[1:2],
        numbers[2:3],
        carray(plays, (1, n_plays)),
        carray(players, (1, n_plays)),
        dealt,
        carray(games, n),
        NETWORK,
        carray(weights, 1),
        BELIEF_TAU,
        BELIEF_MIX,
        found,
    )
    if seat != bidder:
        add_declaration(
            TRUMPS, LED_SUIT, BEATEN_BY, dealt, bidder, decl, DECLARED_TEMPERATURE, DECLARED_MIX, found
        )


def rule_p_make(hand, p_make):
    """Fill p_make [10, 13] float64 of a hand [7] int8 as `bidders.RuleBidder` does."""
    table = carray(p_make, (N_DECLARATIONS, len(BIDS)))
    fill_rule_p_make(RULE_TABLE, TRUMPS, LED_SUIT, BEATEN_BY, carray(hand, HAND_SIZE), table)


def best_call(p_make, calls, n_calls, own_marks, other_marks, forced, best):
    """Fill best [2] int64 with the call and the declaration of `calls.fill_best_call`."""
    table = carray(p_make, (N_DECLARATIONS, len(BIDS)))
    earlier = carray(calls, n_calls)
    fill_best_call(FIELD_RECORD[0], table, earlier, own_marks, other_marks, forced, carray(best, 2))


def encode(deals, decls, deal_of, states, tokens, mask, legal, n_deals, n):
    """Fill tokens [n, 32, 12], mask [n, 32] and legal [n, 7] as `tokens.encoder.encode` does, from zeros.

    deals: [n_deals, 4, 7] int8. decls: [n_deals] int64. deal_of, states: [n] int64.
    """
    _encode(
        carray(deals, (n_deals, N_SEATS, HAND_SIZE)),
        carray(decls, n_deals),
        carray(deal_of, n),
        carray(states, n),
        DOMINO_FEATURES,
        LED_SUIT,
        FOLLOWING,
        BEATEN_BY,
        carray(tokens, (n, N_POSITIONS, N_FEATURES)),
        carray(mask, (n, N_POSITIONS)),
        carray(legal, (n, HAND_SIZE)),
    )


def encode_transcript(hand, numbers, plays, players, told, tokens, mask, legal):
    """Fill tokens [36, 12], mask [36] and legal [7] as `tokens.inferences.encode_views` does, from zeros.

    hand: [7] int8. numbers: declaration, seat and number of plays, [3] int8. plays, players: [28] int8.
    told: [36, 8] int8 zeros, which become the tokens of `tokens.transcript.encode_rows`.
    """
    facts = carray(numbers, 3)
    transcript = carray(told, (1, TRANSCRIPT_POSITIONS, TRANSCRIPT_WIDTH))
    kept, playable = carray(mask, (1, TRANSCRIPT_POSITIONS)), carray(legal, (1, HAND_SIZE))
    fill_transcripts(
        carray(hand, (1, HAND_SIZE)),
        facts[0:1],
        facts[1:2],
        carray(plays, (1, N_PLAYS)),
        carray(players, (1, N_PLAYS)),
        facts[2:3],
        TRANSCRIPT_FEATURES,
        LED_SUIT,
        FOLLOWS,
        transcript,
        kept,
        playable,
    )
    fill_inferences(
        transcript,
        kept,
        playable,
        DOMINO_OF_PIPS,
        CALLED,
        LED_SUIT,
        FOLLOWING,
        BEATEN_BY,
        TRICK_RANK,
        carray(tokens, (1, TRANSCRIPT_POSITIONS, INFERENCES_WIDTH)),
    )


def count_worlds(allowed, ways, n_unseen):
    """Fill ways [n_unseen + 1, 81] int32, which must be zeros, from allowed [n_unseen] uint8.

    The number of worlds is ways[0] at cell 9 * (need[0] + 1) + need[1] + 1.
    """
    _count(carray(allowed, (1, n_unseen)), carray(ways, (1, n_unseen + 1, SIDE, SIDE)))


def unrank_worlds(allowed, cell, ways, ranks, owner, n_unseen, n):
    """Fill owner [n, n_unseen] int8: the hidden seat that holds each domino in the worlds `ranks` [n] int64.

    allowed and ways: as in count_worlds. cell: [1] int64, that of the number of worlds.
    """
    _walk(
        carray(allowed, (1, n_unseen)),
        carray(cell, 1),
        carray(ways, (1, n_unseen + 1, N_CELLS)),
        carray(ranks, (1, n)),
        carray(owner, (1, n, n_unseen)),
    )


def rules(led_suit, follows, rank, points):
    """Copy the tables of the rules, int8: led_suit [10, 28], follows and rank [10, 8, 28], points [28]."""
    led, follow = carray(led_suit, _N_LED), carray(follows, _N_FOLLOWS)
    ranks, counts = carray(rank, _N_FOLLOWS), carray(points, N_DOMINOES)
    for i in range(_N_LED):
        led[i] = LED_SUIT.flat[i]
    for i in range(_N_FOLLOWS):
        follow[i], ranks[i] = FOLLOWS.flat[i], TRICK_RANK.flat[i]
    for i in range(N_DOMINOES):
        counts[i] = COUNTS[i]


def _exports() -> Exports:
    number, flags, floats = types.int64, types.CPointer(types.boolean), types.CPointer(types.float64)
    count, int8s, bytes_ = types.int32, types.CPointer(types.int8), types.CPointer(types.uint8)
    int32s, int64s = types.CPointer(types.int32), types.CPointer(types.int64)
    search, sight, memory, weights = (
        types.CPointer(from_dtype(record)) for record in (SEARCH, SIGHT, MEMORY, WEIGHTS)
    )
    thread = search, sight, memory
    signatures = {
        root_q: types.int64(search, int8s, int64s, int64s, int8s, count),
        playout_q: types.int64(
            *thread, int8s, int64s, int64s, bytes_, int64s, number, weights, number, int8s, count
        ),
        deal_points: types.void(*thread, int8s, int64s, number, weights, int64s, count),
        policy_slot: types.void(sight, memory, int64s, int8s, int8s, int8s, number, weights, int64s, count),
        log_weights: types.void(
            sight, memory, int8s, int64s, int64s, int8s, int8s, weights, floats, count, count
        ),
        rule_p_make: types.void(int8s, floats),
        best_call: types.void(floats, int64s, count, number, number, number, int64s),
        encode: types.void(int8s, int64s, int64s, int64s, int8s, flags, flags, count, count),
        encode_transcript: types.void(int8s, int8s, int8s, int8s, int8s, int8s, flags, flags),
        count_worlds: types.void(bytes_, int32s, count),
        unrank_worlds: types.void(bytes_, int64s, int32s, int64s, int8s, count, count),
        rules: types.void(int8s, int8s, int8s, int8s),
    }
    functions = [Export(each.__name__, each, signature) for each, signature in signatures.items()]
    sizes = {"search": SEARCH, "sight": SIGHT, "memory": MEMORY, "weights": WEIGHTS}
    layout = {f"{name}_bytes": record.itemsize for name, record in sizes.items()}
    return Exports(functions, {**layout, "cells": N_CELLS, "side": SIDE})


EXPORTS = _exports()
