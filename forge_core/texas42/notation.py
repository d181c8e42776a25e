"""Texas 42 as text: dominoes and hands."""

from __future__ import annotations

from collections.abc import Sequence

from forge_core.errors import BadInput
from forge_core.texas42.deals import check_hand
from forge_core.texas42.dominoes import PIPS, domino_id


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
