"""Advice about bids and plays, and the protocol of those who give it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from forge_core.arena.players import Keys
from forge_core.skull_king.players import TableView
from forge_core.skull_king.state import doors

BARS = " ▁▂▃▄▅▆▇█"
"""heights 0..8 of a bar"""
FULL_BAR = 0.9
"""probability from which on a bar has its full height"""


@dataclass(frozen=True, slots=True)
class BidAdvice:
    """Expectations of a bid."""

    bid: int
    points: float
    """expected points of the round"""
    tricks: tuple[float, ...]
    """probability of 0, 1, ... tricks"""

    @property
    def hit(self) -> float:
        """Probability to win exactly as many tricks as bid."""
        return self.tricks[self.bid]

    def to_text(self) -> str:
        """Return `bid 1: expects   5.0   |▃▃▁   | hit .37`."""
        hit = f"{self.hit:.2f}".removeprefix("0")
        return f"bid {self.bid}: expects {self.points:5.1f}   |{bars(self.tricks)}| hit {hit}"

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON types."""
        return {"bid": self.bid, "points": self.points, "hit": self.hit, "tricks": self.tricks}


@dataclass(frozen=True, slots=True)
class PlayAdvice:
    """Expectations of a legal play."""

    action: int
    points: float
    """expected points of the round; a network values the position, so its plays all have the same"""
    chance: float | None = None
    """probability with which the policy of a network plays it; None from a search"""


class Adviser(Protocol):
    """Advises the seat to act. A view has one row."""

    @property
    def advises_bids(self) -> bool:
        """False if it has nothing to say about bids."""
        ...

    @property
    def note(self) -> str:
        """A sentence that says what the advice rests on."""
        ...

    def bids(self, view: TableView, keys: Keys) -> list[BidAdvice]:
        """Return the advice for each bid, ascending. keys: [1], of random draws."""
        ...

    def plays(self, view: TableView, keys: Keys) -> list[PlayAdvice]:
        """Return the advice for each legal play, ascending. keys: [1], of random draws."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the advice rests on as JSON types."""
        ...


def best_bid(advice: Sequence[BidAdvice]) -> BidAdvice:
    """Return the bid with the most expected points; of equals the lowest."""
    return max(advice, key=lambda each: each.points)


def bars(shares: Sequence[float]) -> str:
    """Return one bar per probability."""
    top = len(BARS) - 1
    return "".join(BARS[min(top, int(share / FULL_BAR * top + 0.5))] for share in shares)


def legal_plays(view: TableView) -> list[int]:
    """Return the legal actions of the seat to act, ascending."""
    return np.flatnonzero(doors.legal_mask(view.host_rows, view.game.options)[0]).tolist()
