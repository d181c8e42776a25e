"""The double-six set: 28 dominoes with their pips and count points."""

from __future__ import annotations

N_DOMINOES = 28
N_SEATS = 4
HAND_SIZE = 7
N_PLAYS = N_SEATS * HAND_SIZE
"""Plays in a hand. A ply is 0..28; 28 is the terminal state."""
HAND_POINTS = 42
"""Seven tricks at one point each, plus 35 count points"""

PIPS: tuple[tuple[int, int], ...] = tuple((h, low) for h in range(7) for low in range(h + 1))
"""Domino id -> (high pip, low pip); id = high (high + 1) / 2 + low"""

COUNT: tuple[int, ...] = tuple(
    10 if pips in ((5, 5), (6, 4)) else 5 if pips in ((5, 0), (4, 1), (3, 2)) else 0 for pips in PIPS
)
"""Domino id -> its count: the points that it adds to the trick"""


def domino_id(a: int, b: int) -> int:
    """Return the id of the domino with pips `a` and `b`, in either order."""
    high, low = max(a, b), min(a, b)
    return high * (high + 1) // 2 + low


def is_double(domino: int) -> bool:
    """Return True if both halves show the same pip."""
    high, low = PIPS[domino]
    return high == low


def team(seat: int) -> int:
    """Return the team of a seat: 0 for seats 0 and 2, 1 for seats 1 and 3."""
    return seat & 1
