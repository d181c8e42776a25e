"""The kernels of `dealing` again as torch operations on rows [N, WIDTH]."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from forge_core.draws import GOLDEN_RATIO
from forge_core.skull_king import actions, cards
from forge_core.skull_king.deals import DRAW_SHIFT, ROUND_DRAW, ROUND_STRIDE, STARTER_DRAW, STOCK_SIZE
from forge_core.skull_king.rules import OPEN
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.tensors import card_words, numbers

N_POINTS = at.TABLE - at.SCORE
"""columns of SCORE and DELTA"""
_SIGN = -(2**63)
"""flips the sign bit: signed words then sort as unsigned ones"""


def mix(keys: Tensor, counters: Tensor | int) -> Tensor:
    """Return `streams.mix` on int64 tensors, whose products wrap like those of uint64."""
    z = keys + _signed(GOLDEN_RATIO) + counters * _signed(GOLDEN_RATIO)
    z = (z ^ _shift(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift(z, 31)


def _signed(word: int) -> int:
    """Return the int64 with the bits of a uint64."""
    return word - 2**64 if word >= 2**63 else word


def _shift(z: Tensor, bits: int) -> Tensor:
    """Shift right logically: zeros come in at the top, not the sign bit."""
    return z >> bits & (1 << 64 - bits) - 1


def start_rows(keys: Tensor, rounds: Tensor, options: at.Options) -> Tensor:
    """Return rows [N, WIDTH] of new games with keys [N] (int64), which begin at rounds [N]."""
    points = torch.zeros(len(keys), N_POINTS, dtype=torch.int64, device=keys.device)
    return deal_rows(keys, rounds, first_starters(keys, options), points, options)


def next_rounds(rows: Tensor, options: at.Options) -> Tensor:
    """Return the rows after the next round was dealt, which the next seat starts."""
    starters = (rows[:, at.STARTER] + 1) % int(options[at.O_SEATS])
    return deal_rows(rows[:, at.KEY], rows[:, at.ROUND] + 1, starters, points_of(rows), options)


def deal_after(rows: Tensor, ended: Tensor, keys: Tensor, bounds: Tensor, options: at.Options) -> Tensor:
    """Return the rows after the next round was dealt; where `ended`, [N] bool, that of a new game.

    keys: [N], of the new games. bounds: see `first_rounds`.
    """
    starters = (rows[:, at.STARTER] + 1) % int(options[at.O_SEATS])
    return deal_rows(
        torch.where(ended, keys, rows[:, at.KEY]),
        torch.where(ended, first_rounds(keys, bounds), rows[:, at.ROUND] + 1),
        torch.where(ended, first_starters(keys, options), starters),
        torch.where(ended[:, None], 0, points_of(rows)),
        options,
    )


def first_starters(keys: Tensor, options: at.Options) -> Tensor:
    """Return the seats [N] that start the first rounds of games with keys [N]."""
    return _shift(mix(keys, STARTER_DRAW), DRAW_SHIFT) % int(options[at.O_SEATS])


def first_rounds(keys: Tensor, bounds: Tensor) -> Tensor:
    """Return the rounds [N] with which games begin: see `env.first_rounds`. bounds: [10] float64."""
    draws = _shift(mix(keys, ROUND_DRAW), 11).double() * 2.0**-53
    return 1 + (draws[:, None] >= bounds[:-1]).sum(1)


def points_of(rows: Tensor) -> Tensor:
    """Return [N, N_POINTS]: the points of rows that remain when a round is dealt; a view."""
    return rows[:, at.SCORE : at.SCORE + N_POINTS]


def deal_rows(keys: Tensor, rounds: Tensor, starters: Tensor, points: Tensor, options: at.Options) -> Tensor:
    """Return rows [N, WIDTH] of rounds [N] of the games with keys [N], which seats `starters` [N] start.

    points: [N, N_POINTS], see `points_of`.
    """
    n, n_hands, most_dealt = len(keys), int(options[at.O_HANDS]), int(options[at.O_MOST_DEALT])
    dealt = rounds.clamp(max=most_dealt)
    new = _undealt_row(keys.device).repeat(n, 1)
    for column, values in (
        (at.KEY, keys),
        (at.ROUND, rounds),
        (at.DEALT, dealt),
        (at.STARTER, starters),
        (at.LEADER, starters),
        (at.ACTOR, starters),
    ):
        new[:, column] = values
    points_of(new)[:] = points

    # The card of rank k < H n goes to hand k mod H.
    ranked = rank_cards(keys, rounds, options)
    first = ranked[:, : n_hands * most_dealt]
    held = numbers(most_dealt, keys.device) < dealt[:, None]
    words = torch.where(held[:, :, None], _words(keys.device)[:, first].view(2, n, most_dealt, n_hands), 0)
    for column, hands in zip((at.NUMBERS, at.SPECIALS), words.sum(2), strict=True):
        new[:, column : column + n_hands] = hands
    if n_hands > options[at.O_SEATS]:
        of_ghost = torch.where(held, first[:, n_hands - 1 :: n_hands], 0)
        new[:, at.GHOST : at.GHOST + most_dealt] = of_ghost
    place = n_hands * dealt[:, None] + numbers(STOCK_SIZE, keys.device)
    stock = ranked.gather(1, place.clamp(max=ranked.shape[1] - 1))
    new[:, at.STOCK : at.STOCK + STOCK_SIZE] = torch.where(place < ranked.shape[1], stock, 0)
    return new


def rank_cards(keys: Tensor, rounds: Tensor, options: at.Options) -> Tensor:
    """Return [N, D]: the cards of the deck by rank of their keys, in rounds [N] of games with keys [N]."""
    deck = _deck(int(options[at.O_DECK_NUMBERS]), int(options[at.O_DECK_SPECIALS]), keys.device)
    # A draw depends on key + GOLDEN_RATIO * counter, so the counters of the rounds are added to the keys.
    of_rounds = keys + rounds * ROUND_STRIDE * _signed(GOLDEN_RATIO)
    return deck[(mix(of_rounds[:, None], deck) ^ _SIGN).argsort(dim=1, stable=True)]


@cache
def _deck(number_word: int, special_word: int, device: torch.device) -> Tensor:
    return torch.tensor(at.cards_of(number_word, special_word), device=device)


@cache
def _words(device: torch.device) -> Tensor:
    """Return [2, 75]: the words, (numbers, specials), of the set of each card; empty for 0."""
    return torch.stack(card_words(numbers(cards.N_CARDS + 1, device)))


@cache
def _undealt_row(device: torch.device) -> Tensor:
    """Return [WIDTH]: the columns of a round before its first card is dealt."""
    row = torch.zeros(at.WIDTH, dtype=torch.int64, device=device)
    row[at.LED] = OPEN
    row[at.BIDS : at.BIDS + actions.MOST_SEATS] = at.NO_BID
    for column in (at.HARRY_SEAT, at.JADE_SEAT, at.BENDT_SEAT):
        row[column] = at.NOBODY
    return row
