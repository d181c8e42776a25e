"""Sets of cards as two words, compiled: see `layout`."""

from __future__ import annotations

from forge_core.kernels import inlined
from forge_core.lanes import trailing_zeros
from forge_core.skull_king.state import layout as at

LOW_MASK = (1 << at.LOW_SPECIALS) - 1


@inlined
def is_numbered(card):
    """Return True for a card with a suit."""
    return at.FIRST_NUMBERED <= card <= at.LAST_NUMBERED


@inlined
def suit_of(card):
    """Return the suit of a numbered card."""
    return (card - at.FIRST_NUMBERED) // at.SUIT_BITS


@inlined
def number_of(card):
    """Return the number 1..14 of a numbered card."""
    return (card - at.FIRST_NUMBERED) % at.SUIT_BITS + 1


@inlined
def special_bit(card):
    """Return the bit of a special."""
    return card - 1 if card <= at.LOW_SPECIALS else card - at.SPECIALS_SHIFT


@inlined
def add_card(row, numbers, specials, card):
    """Add a card to the set in the columns `numbers` and `specials`."""
    if is_numbered(card):
        row[numbers] |= 1 << (card - at.FIRST_NUMBERED)
    else:
        row[specials] |= 1 << special_bit(card)


@inlined
def remove_card(row, numbers, specials, card):
    """Remove a card from the set in the columns `numbers` and `specials`."""
    if is_numbered(card):
        row[numbers] &= ~(1 << (card - at.FIRST_NUMBERED))
    else:
        row[specials] &= ~(1 << special_bit(card))


@inlined
def list_cards(numbers, specials, out):
    """Write the cards of a set, less 1, in ascending order; return their number."""
    n = 0
    low, high = specials & LOW_MASK, specials & ~LOW_MASK
    while low:
        out[n] = trailing_zeros(low)
        low &= low - 1
        n += 1
    while numbers:
        out[n] = trailing_zeros(numbers) + at.FIRST_NUMBERED - 1
        numbers &= numbers - 1
        n += 1
    while high:
        out[n] = trailing_zeros(high) + at.SPECIALS_SHIFT - 1
        high &= high - 1
        n += 1
    return n
