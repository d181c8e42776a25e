"""Deals by key: a deal depends on the key of its game and its round, not on play, batch or device.

The key of game g is `mix(stream key, g)`. Card c of round r has the key `mix(game key, 128 r + c)`. The cards
of the deck are ranked by their keys (ties by number); with H hands of n cards, the card of rank k < H n goes
to hand k mod H. A ghost is the last hand, and plays its cards in this order. The next two cards are the
stock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.skull_king.rules import Rules
from forge_core.streams import mix, stream

ROUND_STRIDE = 128
"""Counters per round: more than there are cards"""
STARTER_DRAW, ROUND_DRAW = 0, 1
"""Counters, below those of round 1, that draw the starter of a game and the round it begins with"""
DRAW_SHIFT = 33
"""Draws of seats use the upper 31 bits, which int64 holds without a sign"""
STOCK_SIZE = 2
"""Cards that Bendt's holder draws"""

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Deal:
    """The cards of a round, in the order in which they were dealt."""

    hands: tuple[tuple[int, ...], ...]
    """one per seat"""
    ghost: tuple[int, ...]
    """the cards of the ghost, in the order in which it plays them; empty without a ghost"""
    stock: tuple[int, ...]
    """the first undealt cards, two or fewer"""


def stream_key(seed: int) -> np.uint64:
    """Return the key of all games of a seed."""
    return stream(seed, "skull_king", "deals").integers(2**64, dtype=np.uint64)


def game_keys(seed: int, games: npt.ArrayLike) -> Keys:
    """Return the keys of games by number, of any shape."""
    return mix(stream_key(seed), games)


def starter_of(key: np.uint64 | Keys, seats: int) -> npt.NDArray[np.int64]:
    """Return the starter of the first round of a game, or of games of any shape."""
    return (mix(key, STARTER_DRAW) >> np.uint64(DRAW_SHIFT)).astype(np.int64) % seats


def deal_round(key: np.uint64, round: int, seats: int, rules: Rules) -> Deal:
    """Return the cards of a round of the game with this key. Raises BadInput for a round out of range."""
    n_dealt = rules.cards_dealt(round, seats)
    deck = np.array(rules.deck(seats))
    ranked = deck[np.argsort(mix(key, ROUND_STRIDE * round + deck), kind="stable")].tolist()
    n_hands = seats + rules.has_ghost(seats)
    dealt = n_hands * n_dealt
    hands = [tuple(ranked[hand:dealt:n_hands]) for hand in range(n_hands)]
    ghost = hands.pop() if rules.has_ghost(seats) else ()
    return Deal(tuple(hands), ghost, tuple(ranked[dealt : dealt + STOCK_SIZE]))
