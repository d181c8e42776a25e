"""Worlds: full rows that fit what a seat may know, drawn with equal probability.

Hands are drawn one after the other, each uniformly from the cards that its shown voids allow, the most
constrained hand first. How many cards are left for a hand depends on the hands before it, so that some worlds
would come up more often; a draw is therefore accepted with the inverse of that probability. All hands, the
ghost's, the stock and cards out of play come from the unseen cards.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import int64

from forge_core.draws import draw_below, mix, uniform
from forge_core.errors import BadInput
from forge_core.kernels import inlined, kernel
from forge_core.skull_king import actions, cards
from forge_core.skull_king.bots.values import HARD_NOISE, expected_of_words
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.kernels import hand_at, undealt
from forge_core.skull_king.state.view import BEFORE_ALL_BIDS, hide
from forge_core.skull_king.state.words import add_card, is_numbered, list_cards, suit_of

N_CLASSES = cards.N_SUITS + 1
"""suits, and the specials"""
MOST_DRAWS = 20_000
"""draws after which a world is accepted without the correction; never reached in tests"""
MOST_BID_DRAWS = 64
"""draws after which a world is accepted however little the bids fit"""
LEAST_FIT = 0.1
"""least probability that a player bids what it did, as its bid may come from a player unlike `hard`"""
HANDS_DRAW, ACCEPT_DRAW, REST_DRAW, FIT_DRAW = range(4)
"""counters of a draw's random numbers"""


def sample_worlds(
    views: at.Rows, k: int, options: at.Options, keys: npt.NDArray[np.uint64], bids: str | None = None
) -> at.Rows:
    """Return [N, k, WIDTH]: k worlds for the actor of each row, which need only hold what it may know.

    bids: "hard" draws them in proportion to the probability that `hard` would have bid what the others bid.
    keys: [N], of the draws. Raises BadInput for another value of bids or for k below 1.
    """
    if bids not in (None, "hard"):
        raise BadInput(f"bids={bids!r}: use 'hard', or None for worlds of equal probability")
    if k < 1:
        raise BadInput(f"k={k}: ask for at least 1 world")
    out = np.empty((len(views), k, at.WIDTH), np.int64)
    world_batch(np.ascontiguousarray(views), options, keys, bids == "hard", out)
    return out


def sample_worlds_by_keys(
    view: at.Row, options: at.Options, keys: npt.NDArray[np.uint64], fits_bids: bool
) -> at.Rows:
    """Return [M, WIDTH]: one world for the actor of a row per key [M]. See `sample_worlds`."""
    out = np.empty((len(keys), at.WIDTH), np.int64)
    worlds_of_row(np.ascontiguousarray(view), options, np.ascontiguousarray(keys), fits_bids, out)
    return out


@kernel
def worlds_of_row(row, options, keys, fits_bids, out):
    """Write a world of one row per key to `out` [M, WIDTH]."""
    for world in range(len(keys)):
        draw_world(row, row[at.ACTOR], options, keys[world], fits_bids, out[world])


@kernel
def world_batch(rows, options, keys, fits_bids, out):
    """Write k worlds of each row to `out` [N, k, WIDTH]."""
    for n in range(len(rows)):
        for world in range(out.shape[1]):
            draw_world(rows[n], rows[n, at.ACTOR], options, mix(keys[n], world), fits_bids, out[n, world])


@kernel
def draw_world(row, seat, options, key, fits_bids, out):
    """Write a world for a seat to `out`. Only what the seat may know is read from `row`. key: uint64."""
    hands = options[at.O_HANDS]
    known = np.empty(at.WIDTH, np.int64)
    hide(row, seat, known)
    unseen = np.empty(cards.N_CARDS, np.int64)
    n_unseen = list_unseen(known, seat, options, unseen)
    sizes, order = np.zeros(hands, np.int64), np.empty(hands, np.int64)
    for hand in range(hands):
        sizes[hand] = 0 if hand == seat else hand_size(known, hand, options)
    counts = np.zeros(N_CLASSES, np.int64)
    for i in range(n_unseen):
        counts[class_of(unseen[i])] += 1
    n_order = order_hands(known, seat, options, counts, order)
    most = np.empty(hands, np.int64)
    for i in range(n_order):
        most[i] = most_allowed(known, options, counts, sizes, order, i)

    pool, candidates = np.empty(n_unseen, np.int64), np.empty(n_unseen, np.int64)
    for attempt in range(MOST_DRAWS):
        draw = mix(key, attempt)
        out[:] = known
        pool[:] = unseen[:n_unseen]
        accept = draw_hands(out, sizes, order[:n_order], most, options, pool, candidates, draw)
        if accept < 0 or (uniform(mix(draw, ACCEPT_DRAW)) >= accept and attempt < MOST_DRAWS - 1):
            continue
        if not fits_bids or known[at.PHASE] <= BEFORE_ALL_BIDS or attempt >= MOST_BID_DRAWS:
            break
        if uniform(mix(draw, FIT_DRAW)) < fit_of_bids(out, seat, options):
            break
    fill_rest(out, seat, options, mix(draw, REST_DRAW))


@inlined
def class_of(card):
    """Return the suit of a card, or the class of specials."""
    return suit_of(card) if is_numbered(card) else cards.N_SUITS


@kernel
def list_unseen(known, seat, options, out):
    """Write the cards that may be in other hands; return their number."""
    numbers, specials = known[at.NUMBERS + seat], known[at.SPECIALS + seat]
    for hand in range(options[at.O_HANDS]):
        numbers |= known[at.PLAYED_NUMBERS + hand]
        specials |= known[at.PLAYED_SPECIALS + hand]
    numbers |= known[at.JADE_NUMBERS] | known[at.DISCARD_NUMBERS]
    specials |= known[at.JADE_SPECIALS] | known[at.DISCARD_SPECIALS]
    n = list_cards(options[at.O_DECK_NUMBERS] & ~numbers, options[at.O_DECK_SPECIALS] & ~specials, out)
    for i in range(n):
        out[i] += 1
    return n


@kernel
def hand_size(known, hand, options):
    """Return the number of cards that a hand holds."""
    size = known[at.DEALT] - known[at.TRICK]
    for place in range(known[at.IN_TRICK]):
        if hand_at(known, place, options) == hand:
            size -= 1
    if hand == known[at.BENDT_SEAT] and known[at.PHASE] == actions.DISCARD:
        size += known[at.DISCARDS_DUE]
    return size


@inlined
def voids_of(known, hand, options):
    """Return the voids that a hand has shown; the ghost shows none."""
    return known[at.VOIDS + hand] if hand < options[at.O_SEATS] else 0


@kernel
def order_hands(known, seat, options, counts, order):
    """Write the other hands, those with the fewest possible cards first; return their number."""
    n, possible = 0, np.empty(len(order), np.int64)
    for hand in range(options[at.O_HANDS]):
        if hand == seat:
            continue
        allowed, place = 0, n
        for kind in range(N_CLASSES):
            allowed += 0 if voids_of(known, hand, options) >> kind & 1 else counts[kind]
        while place > 0 and possible[place - 1] > allowed:
            possible[place], order[place] = possible[place - 1], order[place - 1]
            place -= 1
        possible[place], order[place] = allowed, hand
        n += 1
    return n


@kernel
def most_allowed(known, options, counts, sizes, order, i):
    """Return the greatest number of cards that can be left for hand order[i] after the hands before it."""
    voids, most = voids_of(known, order[i], options), 0
    for kind in range(N_CLASSES):
        most += 0 if voids >> kind & 1 else counts[kind]
    for j in range(i):
        others, elsewhere = voids_of(known, order[j], options), 0
        for kind in range(N_CLASSES):
            if voids >> kind & 1 and not others >> kind & 1:
                elsewhere += counts[kind]
        most -= max(0, sizes[order[j]] - elsewhere)  # it takes at least these from what this hand may hold
    return most


@kernel
def draw_hands(out, sizes, order, most, options, pool, candidates, draw):
    """Draw hands from the pool, where 0 marks a taken card; return the probability to accept them, or -1."""
    accept, counter, base = 1.0, 0, mix(draw, HANDS_DRAW)
    for i in range(len(order)):
        hand, n = order[i], 0
        voids = voids_of(out, hand, options)
        for place in range(len(pool)):
            if pool[place] and not voids >> class_of(pool[place]) & 1:
                candidates[n] = place
                n += 1
        if n < sizes[hand]:
            return -1.0
        for taken in range(sizes[hand]):
            accept *= (n - taken) / (most[i] - taken)
            chosen = taken + draw_below(mix(base, counter), n - taken)
            place = candidates[chosen]
            candidates[chosen] = candidates[taken]
            add_card(out, at.NUMBERS + hand, at.SPECIALS + hand, pool[place])
            if hand == options[at.O_SEATS]:
                out[at.GHOST + out[at.DEALT] - sizes[hand] + taken] = pool[place]
            pool[place] = 0
            counter += 1
    return accept


@kernel
def fit_of_bids(world, seat, options):
    """Return the product over the other seats of the probability that `hard` bids what they bid."""
    fit = 1.0
    for other in range(options[at.O_SEATS]):
        if other == seat:
            continue
        expected = expected_of_words(
            world[at.NUMBERS + other] | world[at.PLAYED_NUMBERS + other],
            world[at.SPECIALS + other] | world[at.PLAYED_SPECIALS + other],
        )
        bid = world[at.BIDS + other]
        low = bid - 0.5 if bid > 0 else -np.inf
        high = bid + 0.5 if bid < world[at.DEALT] else np.inf
        overlap = min(high, expected + HARD_NOISE) - max(low, expected - HARD_NOISE)
        fit *= max(LEAST_FIT, overlap / (2 * HARD_NOISE))
    return fit


@kernel
def fill_rest(out, seat, options, key):
    """Draw the stock, the discards of another seat, the cards that it saw, and the key of later deals."""
    rest = np.empty(cards.N_CARDS, np.int64)
    n = list_undealt(out, options, rest)
    out[at.KEY] = int64(mix(key, 0))
    if not options[at.O_ABILITIES]:
        return
    for i in range(min(n, 2)):
        chosen = i + draw_below(mix(key, i + 1), n - i)
        card = rest[chosen]
        rest[chosen], rest[i] = rest[i], card
        if out[at.BENDT_SEAT] < 0:
            out[at.STOCK + i] = card
        elif out[at.BENDT_SEAT] != seat and out[at.PHASE] != actions.DISCARD:
            add_card(out, at.DISCARD_NUMBERS, at.DISCARD_SPECIALS, card)
    if out[at.JADE_SEAT] >= 0 and out[at.JADE_SEAT] != seat:
        n = list_undealt(out, options, rest)
        for i in range(n):
            add_card(out, at.JADE_NUMBERS, at.JADE_SPECIALS, rest[i])


@inlined
def list_undealt(row, options, out):
    """Write the cards that nobody holds, has played or has discarded; return their number."""
    numbers, specials = undealt(row, options)
    n = list_cards(numbers, specials, out)
    for i in range(n):
        out[i] += 1
    return n
