"""Text forms of dominoes, hands, suits and declarations."""

from __future__ import annotations

from collections.abc import Sequence

from forge_core.errors import BadInput
from forge_core.texas42.deals import check_hand
from forge_core.texas42.declarations import NAMES, NOTRUMP, has_trump_power, is_called
from forge_core.texas42.dominoes import HAND_SIZE, PIPS, domino_id
from forge_core.texas42.rules import CALLED_SUIT, trick_rank


def domino_text(domino: int) -> str:
    """Return text such as `6-4`, high pip first."""
    return "{}-{}".format(*PIPS[domino])


def parse_domino(text: str) -> int:
    """Return the id of a domino written `6-4` or `4-6`. Raises BadInput for other text."""
    parts = text.strip().split("-")
    if len(parts) != 2 or not all(len(part) == 1 and part in "0123456" for part in parts):
        raise BadInput(f"{text.strip()!r} is not a domino: write two pips 0..6, as in 6-4")
    return domino_id(int(parts[0]), int(parts[1]))


def hand_text(hand: Sequence[int]) -> str:
    """Return dominoes separated by commas, highest id first: `6-6,5-2,...`."""
    return ",".join(domino_text(domino) for domino in sorted(hand, reverse=True))


def parse_hand(text: str) -> list[int]:
    """Return the ids, ascending, of a hand written `6-6,6-5,...`. Raises BadInput for an invalid hand."""
    hand = [parse_domino(part) for part in text.replace(" ", ",").split(",") if part]
    repeated = [domino for domino in hand if hand.count(domino) > 1]
    if repeated:
        raise BadInput(f"{domino_text(repeated[0])} appears twice in one hand: name each domino once")
    return check_hand(hand)


def by_suit(hand: Sequence[int], decl: int | None) -> list[int]:
    """Sort a hand as a player would: the called dominoes by rank, then the others from high to low."""

    def sort_key(domino: int) -> tuple[int, int]:
        if decl is None or not is_called(domino, decl):
            return 0, domino
        return trick_rank(domino, CALLED_SUIT, decl), domino

    return sorted(hand, key=sort_key, reverse=True)


def declaration_text(decl: int) -> str:
    """Return `sixes are trumps`, `doubles are a suit of their own` or `no trumps`."""
    if decl == NOTRUMP:
        return "no trumps"
    called = NAMES[decl].partition("-")[0]
    return f"{called} are trumps" if has_trump_power(decl) else f"{called} are a suit of their own"


def suits_of(decl: int) -> list[int]:
    """Return the suits under a declaration, in display order.

    The called suit, 7, takes the place of the called pip; if doubles are called it comes last.
    """
    suits = [CALLED_SUIT if suit == decl else suit for suit in range(HAND_SIZE)]
    return suits if decl < HAND_SIZE or decl == NOTRUMP else [*suits, CALLED_SUIT]


def suit_text(suit: int, decl: int) -> str:
    """Return `fives`, `trumps`, or, if doubles are a suit of their own, `doubles`."""
    if suit != CALLED_SUIT:
        return NAMES[suit]
    return "trumps" if has_trump_power(decl) else "doubles"
