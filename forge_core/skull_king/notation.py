"""Rounds as text: seats, hands, tricks and scores."""

from __future__ import annotations

from forge_core.skull_king.actions import (
    OVER,
    PHASE_NAMES,
    SCORED,
    TIGRESS_AS_ESCAPE,
    TIGRESS_AS_PIRATE,
    play_text,
)
from forge_core.skull_king.cards import TIGRESS, card_text, hand_text
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.state import layout as at

SEAT_LETTERS = "NESWABCD"
"""Names of seats 0..7: four compass points, as at a table of four, then letters"""
GHOST_NAME = "ghost"
CARD_LEGEND = (
    "N, E, S and W are seats. Cards follow their seat: R is trump (Jolly Roger), P, M and C are the other "
    "suits, and E is an Escape."
)
"""explains the letters of seats and cards"""


def seat_text(hand: int, seats: int) -> str:
    """Return the name of a seat, or of the ghost."""
    return SEAT_LETTERS[hand] if hand < seats else GHOST_NAME


def cards_text(n: int) -> str:
    """Return `1 card`, `2 cards`, ..."""
    return f"{n} card{'' if n == 1 else 's'}"


def played_text(card: int, tigress_is_pirate: bool) -> str:
    """Return a card on the table; the Tigress says how she was played."""
    if card == TIGRESS:
        return play_text(TIGRESS_AS_PIRATE if tigress_is_pirate else TIGRESS_AS_ESCAPE)
    return card_text(card)


def order_of(row: at.Row, seats: int, rules: Rules) -> list[int]:
    """Return the hands in order of play in the trick; the number of seats is the ghost."""
    leader, starter = int(row[at.LEADER]), int(row[at.STARTER])
    if not rules.has_ghost(seats):
        return [(leader + place) % seats for place in range(seats)]
    return [seats, starter, 1 - starter] if leader == seats else [leader, seats, 1 - leader]


def describe(row: at.Row, seats: int, rules: Rules, seat: int | None) -> str:
    """Return the round as lines of text. seat: only its hand is shown; None: all hands."""
    starter = seat_text(int(row[at.STARTER]), seats)
    lines = [f"round {row[at.ROUND]}, {cards_text(int(row[at.DEALT]))}, {starter} starts"]
    for hand in range(seats):
        if seat in (None, hand):
            held = at.cards_of(row[at.NUMBERS + hand], row[at.SPECIALS + hand])
            lines.append(f"{seat_text(hand, seats)} holds {hand_text(held) or 'no cards'}")
    lines.append(_seats_text(row, seats))
    on_table = row[at.TABLE : at.TABLE + row[at.IN_TRICK]].tolist()
    if on_table:
        names = [seat_text(hand, seats) for hand in order_of(row, seats, rules)]
        plays = [played_text(card, bool(row[at.TIGRESS_MODE])) for card in on_table]
        lines.append("table " + ", ".join(f"{name} {play}" for name, play in zip(names, plays, strict=False)))
    phase = int(row[at.PHASE])
    if phase == OVER:
        lines.append("the game is over")
    elif phase == SCORED:
        lines.append("the round is over")
    else:
        lines.append(f"{seat_text(int(row[at.ACTOR]), seats)} is to {PHASE_NAMES[phase]}")
    return "\n".join(lines)


def _seats_text(row: at.Row, seats: int) -> str:
    """Return tricks won, bid and score of each seat: `N 1/2 +40`."""
    parts = []
    for seat in range(seats):
        bid = row[at.BIDS + seat]
        aim = "?" if bid == at.NO_BID else str(bid)
        parts.append(f"{seat_text(seat, seats)} {row[at.WON + seat]}/{aim} {row[at.SCORE + seat]:+d}")
    return "won/bid, score: " + ", ".join(parts)
