"""The kernels of `dealing` again as torch operations on rows [N, WIDTH]."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from forge_core.skull_king import actions
from forge_core.skull_king.deals import DRAW_SHIFT, ROUND_STRIDE, STARTER_DRAW, STOCK_SIZE
from forge_core.skull_king.rules import OPEN
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.tensors import card_words, numbers

_SIGN = -(2**63)
"""flips the sign bit: signed words then sort as unsigned ones"""


def mix(keys: Tensor, counters: Tensor | int) -> Tensor:
    """Return `streams.mix` on int64 tensors, whose products wrap like those of uint64."""
    z = keys + (counters + 1) * (0x9E3779B97F4A7C15 - 2**64)
    z = (z ^ _shift(z, 30)) * (0xBF58476D1CE4E5B9 - 2**64)
    z = (z ^ _shift(z, 27)) * (0x94D049BB133111EB - 2**64)
    return z ^ _shift(z, 31)


def _shift(z: Tensor, bits: int) -> Tensor:
    """Shift right logically: zeros come in at the top, not the sign bit."""
    return z >> bits & (1 << 64 - bits) - 1


def start_rows(keys: Tensor, rounds: Tensor, options: at.Options) -> Tensor:
    """Return rows [N, WIDTH] of new games with keys [N] (int64), which begin at rounds [N]."""
    rows = torch.zeros(len(keys), at.WIDTH, dtype=torch.int64, device=keys.device)
    rows[:, at.KEY], rows[:, at.ROUND] = keys, rounds
    rows[:, at.STARTER] = _shift(mix(keys, STARTER_DRAW), DRAW_SHIFT) % int(options[at.O_SEATS])
    return deal_rows(rows, options)


def next_rounds(rows: Tensor, options: at.Options) -> Tensor:
    """Return the rows after the next round was dealt, which the next seat starts."""
    rows = rows.clone()
    rows[:, at.ROUND] += 1
    rows[:, at.STARTER] = (rows[:, at.STARTER] + 1) % int(options[at.O_SEATS])
    return deal_rows(rows, options)


def deal_rows(rows: Tensor, options: at.Options) -> Tensor:
    """Return the rows after the round ROUND, which STARTER starts, was dealt."""
    n_hands, ranked = int(options[at.O_HANDS]), rank_cards(rows, options)
    dealt = rows[:, at.ROUND].clamp(max=int(options[at.O_MOST_DEALT]))
    new = torch.zeros_like(rows)
    for column in (at.KEY, at.ROUND, at.STARTER, *range(at.SCORE, at.TABLE)):
        new[:, column] = rows[:, column]
    new[:, at.DEALT] = dealt
    new[:, at.LEADER] = new[:, at.ACTOR] = rows[:, at.STARTER]
    new[:, at.LED] = OPEN
    new[:, at.BIDS : at.BIDS + actions.MOST_SEATS] = at.NO_BID
    for column in (at.HARRY_SEAT, at.JADE_SEAT, at.BENDT_SEAT):
        new[:, column] = at.NOBODY

    # The card of rank k < H n goes to hand k mod H.
    rank = numbers(ranked.shape[1], rows.device)
    number_words, special_words = card_words(ranked)
    is_dealt = rank < (n_hands * dealt)[:, None]
    for hand in range(n_hands):
        holds = is_dealt & (rank % n_hands == hand)
        new[:, at.NUMBERS + hand] = torch.where(holds, number_words, 0).sum(1)
        new[:, at.SPECIALS + hand] = torch.where(holds, special_words, 0).sum(1)
    if n_hands > options[at.O_SEATS]:
        of_ghost = ranked[:, n_hands - 1 :: n_hands][:, : actions.MOST_CARDS]
        held = numbers(of_ghost.shape[1], rows.device) < dealt[:, None]
        new[:, at.GHOST : at.GHOST + of_ghost.shape[1]] = torch.where(held, of_ghost, 0)
    for i in range(STOCK_SIZE):
        place = n_hands * dealt + i
        card = ranked.gather(1, place.clamp(max=ranked.shape[1] - 1)[:, None])[:, 0]
        new[:, at.STOCK + i] = torch.where(place < ranked.shape[1], card, 0)
    return new


def rank_cards(rows: Tensor, options: at.Options) -> Tensor:
    """Return [N, D]: the cards of the deck by rank of their keys."""
    deck = _deck(int(options[at.O_DECK_NUMBERS]), int(options[at.O_DECK_SPECIALS]), rows.device)
    counters = ROUND_STRIDE * rows[:, at.ROUND, None] + deck
    keys = mix(rows[:, at.KEY, None], counters) ^ _SIGN
    return deck[keys.argsort(dim=1, stable=True)]


@cache
def _deck(number_word: int, special_word: int, device: torch.device) -> Tensor:
    return torch.tensor(at.cards_of(number_word, special_word), device=device)
