"""Deals of `forge_core.skull_king.deals`, compiled: draws by key, and the start of rounds and games."""

from __future__ import annotations

import numpy as np
from numba import int64, uint64

from forge_core.draws import mix
from forge_core.kernels import inlined, kernel
from forge_core.skull_king import actions
from forge_core.skull_king.deals import DRAW_SHIFT, ROUND_STRIDE, STARTER_DRAW, STOCK_SIZE
from forge_core.skull_king.rules import OPEN
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.words import add_card, list_cards

BUCKET_SHIFT, N_BUCKETS = 58, 64
"""Cards are sorted into one bucket per value of a key's upper six bits: about one card in each"""


@kernel
def start_game(row, key, round, options):
    """Begin a game with this key at a round: no scores, a drawn starter, cards dealt. key: uint64."""
    for seat in range(actions.MOST_SEATS):
        row[at.SCORE + seat] = 0
        row[at.DELTA + seat] = 0
    row[at.KEY] = int64(key)
    row[at.ROUND] = round
    row[at.STARTER] = int64(mix(key, STARTER_DRAW) >> uint64(DRAW_SHIFT)) % options[at.O_SEATS]
    deal(row, options)


@kernel
def next_round(row, options):
    """Deal the next round, which the next seat starts."""
    row[at.ROUND] += 1
    row[at.STARTER] = (row[at.STARTER] + 1) % options[at.O_SEATS]
    deal(row, options)


@kernel
def deal(row, options):
    """Deal round ROUND, which STARTER starts; scores stay."""
    n_hands, dealt = options[at.O_HANDS], min(row[at.ROUND], options[at.O_MOST_DEALT])
    clear_round(row)
    row[at.DEALT] = dealt
    row[at.LEADER] = row[at.ACTOR] = row[at.STARTER]
    ranked = np.empty(at.N_NUMBERED + at.N_SPECIALS, np.int64)
    n_ranked = rank_cards(uint64(row[at.KEY]), row[at.ROUND], options, ranked)
    hand, ghost_cards = 0, 0
    for rank in range(n_hands * dealt):
        add_card(row, at.NUMBERS + hand, at.SPECIALS + hand, ranked[rank])
        if hand == options[at.O_SEATS]:
            row[at.GHOST + ghost_cards] = ranked[rank]
            ghost_cards += 1
        hand = hand + 1 if hand + 1 < n_hands else 0
    for i in range(min(STOCK_SIZE, n_ranked - n_hands * dealt)):
        row[at.STOCK + i] = ranked[n_hands * dealt + i]


@inlined
def clear_round(row):
    """Clear all columns of a round; scores, points, round, starter and key stay."""
    for column in range(at.LOOT, at.BIDS):
        row[column] = 0
    for column in range(at.BIDS, at.WIDTH):
        if not at.SCORE <= column < at.TABLE:
            row[column] = 0
    for seat in range(actions.MOST_SEATS):
        row[at.BIDS + seat] = at.NO_BID
    row[at.PHASE] = actions.BID
    row[at.TRICK] = row[at.IN_TRICK] = row[at.TIGRESS_MODE] = row[at.N_LOOT] = row[at.DISCARDS_DUE] = 0
    row[at.LED] = OPEN
    row[at.HARRY_SEAT] = row[at.JADE_SEAT] = row[at.BENDT_SEAT] = at.NOBODY
    row[at.JADE_NUMBERS] = row[at.JADE_SPECIALS] = 0
    row[at.DISCARD_NUMBERS] = row[at.DISCARD_SPECIALS] = 0


@kernel
def rank_cards(key, round, options, ranked):
    """Write the cards of the deck by rank of their keys; return their number."""
    deck = np.empty(at.N_NUMBERED + at.N_SPECIALS, np.int64)
    n = list_cards(options[at.O_DECK_NUMBERS], options[at.O_DECK_SPECIALS], deck)
    keys, starts = np.empty(n, np.uint64), np.zeros(N_BUCKETS + 1, np.int64)
    for i in range(n):
        keys[i] = mix(key, ROUND_STRIDE * round + deck[i] + 1)
        starts[int64(keys[i] >> uint64(BUCKET_SHIFT)) + 1] += 1
    for bucket in range(N_BUCKETS):
        starts[bucket + 1] += starts[bucket]
    order = np.empty(n, np.int64)
    for i in range(n):
        bucket = int64(keys[i] >> uint64(BUCKET_SHIFT))
        order[starts[bucket]] = i
        starts[bucket] += 1
    for place in range(1, n):  # within a bucket, cards are still in order of their number
        moved, hole = order[place], place
        while hole > 0 and keys[order[hole - 1]] > keys[moved]:
            order[hole] = order[hole - 1]
            hole -= 1
        order[hole] = moved
    for place in range(n):
        ranked[place] = deck[order[place]] + 1
    return n
