"""The worth of cards for players by rules, compiled: tricks to expect from a card, and its strength."""

from __future__ import annotations

from forge_core.kernels import inlined, kernel
from forge_core.lanes import trailing_zeros
from forge_core.skull_king import cards
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.words import is_numbered, number_of, suit_of

BOT_NAMES = ("random", "easy", "medium", "hard", "captain")
RANDOM, EASY, MEDIUM, HARD, CAPTAIN = range(len(BOT_NAMES))
LEARNER = -1
"""in place of a player by rules: a seat whose decisions come from outside"""

HARD_NOISE = 0.2
"""tricks that the bid of `hard` is off at most, before rounding"""
WHALE_STRENGTH, FED_WHALE_STRENGTH = 0.35, 0.6
"""of the Whale alone, and next to two numbers of at least HIGH_NUMBER"""
HIGH_NUMBER = 12


@inlined
def expected_tricks(card):
    """Return the number of tricks that `hard` expects from a card, 0..1."""
    if is_numbered(card):
        number = number_of(card)
        if suit_of(card) == cards.ROGER:
            return 0.7 if number >= 10 else 0.4 if number >= 6 else 0.2
        return 0.3 if number >= 12 else 0.15 if number >= 8 else 0.0
    if card == cards.KING:
        return 0.9
    if card == cards.WHALE:
        return 0.2
    if card == cards.KRAKEN:
        return 0.15
    if card < cards.ROSIE:
        return 0.4
    if card <= cards.HARRY:
        return 0.6
    if card == cards.TIGRESS:
        return 0.35
    return 0.05 if card > cards.TIGRESS else 0.0


@inlined
def strength(card):
    """Return the strength of a card, 0..1, by which players choose; the Tigress as an Escape has her own."""
    if is_numbered(card):
        share = number_of(card) / cards.HIGHEST
        return 0.4 + share * 0.4 if suit_of(card) == cards.ROGER else 0.1 + share * 0.3
    if card == cards.KING:
        return 1.0
    if card == cards.WHALE:
        return WHALE_STRENGTH
    if card == cards.KRAKEN:
        return 0.25
    if card < cards.ROSIE:
        return 0.75
    if card <= cards.HARRY:
        return 0.85
    if card == cards.TIGRESS:
        return 0.55
    return 0.05 if card > cards.TIGRESS else 0.0


@kernel
def expected_of_words(numbers, specials):
    """Return the number of tricks to expect from a set of cards."""
    total = 0.0
    while numbers:
        total += expected_tricks(at.FIRST_NUMBERED + trailing_zeros(numbers))
        numbers &= numbers - 1
    while specials:
        bit = trailing_zeros(specials)
        total += expected_tricks(bit + 1 if bit < at.LOW_SPECIALS else bit + at.SPECIALS_SHIFT)
        specials &= specials - 1
    return total
