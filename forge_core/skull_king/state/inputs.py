"""The layout of observations: uint8 arrays of zeros and ones, with seats relative to the observer.

`bid` is written until all have bid, `play` afterwards. P is the number of seats, H that of hands (the ghost's
is the last). With default options and P = H = 4, they are 88 and 712 long; options append blocks at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.skull_king.actions import MOST_CARDS, N_PLAYS
from forge_core.skull_king.cards import N_CARDS, N_SUITS
from forge_core.skull_king.rules import Rules

N_BIDS = MOST_CARDS + 1
"""bids, or numbers of tricks, 0..10"""
N_LED = N_SUITS + 2
"""open, the four suits, free"""
N_NEEDS = 5
"""needs some, needs all that are left, needs more than are left, exact, over"""
N_OWN_NEEDS = N_BIDS + 1
"""-1 or less, 0..10"""
MOST_OVERBID = 6
"""bids minus cards are shown from -6 to 6"""
N_OVERBIDS = 2 * MOST_OVERBID + 1
N_LATE_PHASES = 5
"""play, lead, discard, bet, move: phases after the bids"""
N_STAKES = 3

OBSERVATION_VERSION = 0
"""Raised when the meaning of an entry changes"""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Named blocks of an observation, in order."""

    widths: dict[str, int]

    @property
    def width(self) -> int:
        """The length of the observation."""
        return sum(self.widths.values())

    def slice(self, name: str) -> slice:
        """Return the place of a block. Raises KeyError for another name."""
        names = list(self.widths)
        first = sum(self.widths[each] for each in names[: names.index(name)])
        return slice(first, first + self.widths[name])


def bid_blocks(rules: Rules, seats: int) -> Blocks:
    """Return the blocks of `bid`."""
    widths = {"hand": N_CARDS, "dealt": MOST_CARDS, "place": seats}
    if rules.cannonball:
        widths |= {"own bid": N_BIDS, "loads": 1}
    return Blocks(widths)


def play_blocks(rules: Rules, seats: int) -> Blocks:
    """Return the blocks of `play`."""
    hands = seats + rules.has_ghost(seats)
    widths = {
        "hand": N_CARDS,
        "legal": N_PLAYS,
        "wins now": N_PLAYS,
        "table": (hands - 1) * N_PLAYS,
        "gone": N_CARDS,
        "voids": seats * N_SUITS,
        "dealt": MOST_CARDS,
        "tricks left": N_BIDS,
        "place": hands,
        "led": N_LED,
        "bids": seats * N_BIDS,
        "won": seats * N_BIDS,
        "needs": seats * N_NEEDS,
        "leader": hands,
        "winner": hands + 1,
        "own need": N_OWN_NEEDS,
        "overbid": N_OVERBIDS,
    }
    if rules.cannonball:
        widths["loaded"] = seats
    if rules.abilities:
        widths |= {"phase": N_LATE_PHASES, "stakes": seats * N_STAKES}
    return Blocks(widths)
