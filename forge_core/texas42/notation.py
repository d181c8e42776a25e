"""Texas 42 as text: dominoes, hands and declarations."""

from __future__ import annotations

from collections.abc import Sequence

from forge_core.errors import BadInput
from forge_core.texas42.deals import check_hand
from forge_core.texas42.declarations import NAMES, NOTRUMP, has_trump_power, is_called
from forge_core.texas42.dominoes import PIPS, domino_id
from forge_core.texas42.rules import CALLED_SUIT, trick_rank


def domino_text(domino: int) -> str:
    """`6-4`, high pip first."""
    return "{}-{}".format(*PIPS[domino])


def parse_domino(text: str) -> int:
    """`6-4` or `4-6` -> id. Raises BadInput."""
    parts = text.strip().split("-")
    if len(parts) != 2 or not all(len(part) == 1 and part in "0123456" for part in parts):
        raise BadInput(f"{text.strip()!r} is no domino: write two pips 0..6 as in 6-4")
    return domino_id(int(parts[0]), int(parts[1]))


def hand_text(hand: Sequence[int]) -> str:
    """Dominoes joined by commas, highest id first: `6-6,5-2,...`."""
    return ",".join(domino_text(domino) for domino in sorted(hand, reverse=True))


def parse_hand(text: str) -> list[int]:
    """`6-6,6-5,...` -> seven ids, ascending. Raises BadInput."""
    hand = [parse_domino(part) for part in text.replace(" ", ",").split(",") if part]
    repeated = [domino for domino in hand if hand.count(domino) > 1]
    if repeated:
        raise BadInput(f"{domino_text(repeated[0])} is twice in one hand: the set has each domino once")
    return check_hand(hand)


def by_suit(hand: Sequence[int], decl: int | None) -> list[int]:
    """The hand as one would stand it up: what is called first, by rank, then high to low."""

    def height(domino: int) -> tuple[int, int]:
        if decl is None or not is_called(domino, decl):
            return 0, domino
        return trick_rank(domino, CALLED_SUIT, decl), domino

    return sorted(hand, key=height, reverse=True)


def declaration_text(decl: int) -> str:
    """`sixes are trumps`, `doubles are a suit of their own`, `no trumps`."""
    if decl == NOTRUMP:
        return "no trumps"
    called = NAMES[decl].partition("-")[0]
    return f"{called} are trumps" if has_trump_power(decl) else f"{called} are a suit of their own"
