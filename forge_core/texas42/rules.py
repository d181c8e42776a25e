"""The rules of play, slow and readable: the truth that every table and kernel is held to.

Hands and tricks are lists of domino ids; a trick holds the plays so far, lead first.
Source: the published rules of Texas 42 as used by tournament play; every function is
held to recorded games in tests/golden.
"""

from __future__ import annotations

from collections.abc import Sequence

from forge_core.texas42.declarations import DOUBLES_TRUMP, has_trump_power, is_called
from forge_core.texas42.dominoes import COUNT, PIPS, is_double

CALLED_SUIT = 7
"""The led suit when the lead is in the called set; suits 0..6 are the pips."""
N_SUITS = 8


def led_suit(lead: int, decl: int) -> int:
    """The suit that a lead asks for: 7 (called), else the lead's high pip."""
    return CALLED_SUIT if is_called(lead, decl) else PIPS[lead][0]


def follows(domino: int, suit: int, decl: int) -> bool:
    """Whether the domino follows the led suit."""
    if suit == CALLED_SUIT:
        return is_called(domino, decl)
    return suit in PIPS[domino] and not is_called(domino, decl)


def legal_plays(hand: Sequence[int], trick: Sequence[int], decl: int) -> list[int]:
    """What may be played from `hand` (ids still held): who can follow must, the leader is free."""
    if not trick:
        return list(hand)
    suit = led_suit(trick[0], decl)
    return [domino for domino in hand if follows(domino, suit, decl)] or list(hand)


def trick_rank(domino: int, suit: int, decl: int) -> int:
    """What decides the trick when `suit` was led; the highest wins.

    32 + r for a trump, 16 + r for a domino that follows, 0 for one that does neither;
    r is the pip where only doubles compete, else the pip sum, with a double above all.
    """
    high, low = PIPS[domino]
    by_sum = 14 if is_double(domino) else high + low
    if has_trump_power(decl) and is_called(domino, decl):
        return 32 + (high if decl == DOUBLES_TRUMP else by_sum)
    if follows(domino, suit, decl):
        return 16 + (high if suit == CALLED_SUIT else by_sum)
    return 0


def trick_winner(trick: Sequence[int], decl: int) -> int:
    """Who takes the trick (or holds it so far), as an offset 0..3 from the leader."""
    suit = led_suit(trick[0], decl)
    ranks = [trick_rank(domino, suit, decl) for domino in trick]
    return ranks.index(max(ranks))


def trick_points(trick: Sequence[int]) -> int:
    """What a complete trick is worth: one point and its counts."""
    return 1 + sum(COUNT[domino] for domino in trick)
