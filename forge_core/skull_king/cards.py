"""The 74 cards, numbered 1..74, and their names in text.

    1 Skull King   2 White Whale   3 Kraken   4-5 Mermaids   6-10 Pirates   11-24 Jolly Roger 1-14 (trump)
    25-38 Parrot   39-52 Map   53-66 Chest   67-71 Escape   72 Tigress   73-74 Loot

A numbered card has a suit and a number 1..14; all others are *specials*. Kraken and Whale are *beasts*.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from forge_core.errors import BadInput

N_CARDS = 74
KING, WHALE, KRAKEN, TIGRESS = 1, 2, 3, 72
MERMAIDS = range(4, 6)
PIRATES = range(6, 11)
ROSIE, BENDT, RASCAL, JADE, HARRY = PIRATES
NUMBERED = range(11, 67)
ESCAPES = range(67, 72)
LOOTS = range(73, 75)

ROGER, PARROT, MAP, CHEST = range(4)
"""Suits; Roger is trump"""
N_SUITS = 4
HIGHEST = 14
"""the highest number of a suit"""

SUIT_LETTERS = "RPMC"
_SINGLE = {
    KING: "King",
    WHALE: "Whale",
    KRAKEN: "Kraken",
    ROSIE: "Rosie",
    BENDT: "Bendt",
    RASCAL: "Rascal",
    JADE: "Jade",
    HARRY: "Harry",
    TIGRESS: "Tigress",
}
_COPIES = {"E": ESCAPES, "Mermaid": MERMAIDS, "Loot": LOOTS}
"""names of cards of which there are several"""


def suit_of(card: int) -> int | None:
    """Return the suit of a numbered card, None for a special."""
    return (card - NUMBERED.start) // HIGHEST if card in NUMBERED else None


def number_of(card: int) -> int:
    """Return the number 1..14 of a numbered card, 0 for a special."""
    return (card - NUMBERED.start) % HIGHEST + 1 if card in NUMBERED else 0


def check_card(card: int) -> int:
    """Return the card. Raises BadInput unless it is one of 1..74."""
    if isinstance(card, bool) or card not in range(1, N_CARDS + 1):
        raise BadInput(f"card {card!r} does not exist: use 1..{N_CARDS}")
    return int(card)


def card_text(card: int, *, which: bool = False) -> str:
    """Return `R14`, `E`, `Mermaid`, `Harry`; with `which`, the copy too: `E3`. Raises BadInput."""
    suit = suit_of(check_card(card))
    if suit is not None:
        return f"{SUIT_LETTERS[suit]}{number_of(card)}"
    for name, copies in _COPIES.items():
        if card in copies:
            return f"{name}{copies.index(card) + 1}" if which else name
    return _SINGLE[card]


def hand_text(cards: Iterable[int]) -> str:
    """Return the cards of a hand, ascending, separated by spaces."""
    return " ".join(card_text(card) for card in sorted(cards))


_CARD_OF = {card_text(card, which=True).lower(): card for card in range(1, N_CARDS + 1)}


def parse_cards(text: str) -> list[int]:
    """Parse cards separated by spaces or commas, such as `Harry R2 R14 P5 E E Mermaid2`; keep their order.

    A name without a number, such as `E`, takes the first copy that the text does not name otherwise.
    Raises BadInput for an unknown card, or for more copies than there are.
    """
    words = text.replace(",", " ").split()
    taken = [_CARD_OF.get(word.lower()) for word in words]
    copies_of = {name.lower(): copies for name, copies in _COPIES.items()}
    for place, word in enumerate(words):
        if taken[place] is not None:
            continue
        if word.lower() not in copies_of:
            raise BadInput(f"{word!r} is not a card: write R14, P9, M8, C3, E, Mermaid, Loot, {_names()}")
        free = [card for card in copies_of[word.lower()] if card not in taken]
        if not free:
            raise BadInput(f"{text!r} has more cards {word!r} than there are: leave one out")
        taken[place] = free[0]
    cards = [card for card in taken if card is not None]
    require_different(cards)
    return cards


def require_different(cards: Sequence[int]) -> None:
    """Raise BadInput if a card occurs twice or does not exist."""
    for place, card in enumerate(cards):
        if check_card(card) in cards[:place]:
            raise BadInput(f"{card_text(card, which=True)} occurs twice: name each card once")


def _names() -> str:
    names = list(_SINGLE.values())
    return f"{', '.join(names[:-1])} or {names[-1]}"
