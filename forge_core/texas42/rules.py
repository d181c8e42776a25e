"""The rules of play, slow and readable: the reference for every table and kernel.

Hands and tricks are lists of domino ids; a trick holds the plays so far, lead first. Source: the
published tournament rules of Texas 42. Every function is tested against recorded games in
tests/golden.
"""

from __future__ import annotations

from collections.abc import Sequence

from forge_core.texas42.declarations import DOUBLES_TRUMP, has_trump_power, is_called
from forge_core.texas42.dominoes import COUNT, PIPS, is_double

CALLED_SUIT = 7
"""The led suit when the lead is in the called set; suits 0..6 are pips"""
N_SUITS = 8


def led_suit(lead: int, decl: int) -> int:
    """Return the suit that a lead establishes: 7 if the domino is called, otherwise its high pip."""
    return CALLED_SUIT if is_called(lead, decl) else PIPS[lead][0]


def follows(domino: int, suit: int, decl: int) -> bool:
    """Return True if the domino follows the led suit."""
    if suit == CALLED_SUIT:
        return is_called(domino, decl)
    return suit in PIPS[domino] and not is_called(domino, decl)


def legal_plays(hand: Sequence[int], trick: Sequence[int], decl: int) -> list[int]:
    """Return the legal plays from `hand` (ids still held): those that follow suit; all if leading or void."""
    if not trick:
        return list(hand)
    suit = led_suit(trick[0], decl)
    return [domino for domino in hand if follows(domino, suit, decl)] or list(hand)


def trick_rank(domino: int, suit: int, decl: int) -> int:
    """Return the rank of a domino in a trick where `suit` was led; the highest rank wins.

    32 + r for a trump, 16 + r for a domino that follows suit, 0 for any other. If only doubles
    compete, r is the pip; otherwise r is the sum of the pips, or 14 for a double.
    """
    high, low = PIPS[domino]
    by_sum = 14 if is_double(domino) else high + low
    if has_trump_power(decl) and is_called(domino, decl):
        return 32 + (high if decl == DOUBLES_TRUMP else by_sum)
    if follows(domino, suit, decl):
        return 16 + (high if suit == CALLED_SUIT else by_sum)
    return 0


def trick_winner(trick: Sequence[int], decl: int) -> int:
    """Return the winner of the trick so far, as an offset 0..3 from the leader."""
    suit = led_suit(trick[0], decl)
    ranks = [trick_rank(domino, suit, decl) for domino in trick]
    return ranks.index(max(ranks))


def trick_points(trick: Sequence[int]) -> int:
    """Return the points of a complete trick: one for the trick plus its counts."""
    return 1 + sum(COUNT[domino] for domino in trick)
