"""Played tricks: the seats, suit, winner and points of each, plus the score and known voids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forge_core.texas42.dominoes import N_PLAYS, N_SEATS, team
from forge_core.texas42.rules import follows, led_suit, trick_points, trick_winner


@dataclass(frozen=True, slots=True)
class Trick:
    """A trick, complete or in progress."""

    leader: int
    """seat that leads the trick"""
    dominoes: tuple[int, ...]
    """0..4 ids in playing order"""
    decl: int

    @property
    def seats(self) -> tuple[int, ...]:
        """The seat that played each domino."""
        return tuple((self.leader + offset) % N_SEATS for offset in range(len(self.dominoes)))

    @property
    def complete(self) -> bool:
        """True once all four seats have played."""
        return len(self.dominoes) == N_SEATS

    @property
    def suit(self) -> int | None:
        """The led suit (7 = called); None before the lead."""
        return led_suit(self.dominoes[0], self.decl) if self.dominoes else None

    @property
    def winner(self) -> int | None:
        """The seat that is winning the trick; None before the lead."""
        return (self.leader + trick_winner(self.dominoes, self.decl)) % N_SEATS if self.dominoes else None

    @property
    def points(self) -> int:
        """The points of the trick if it ended now; 0 before the lead."""
        return trick_points(self.dominoes) if self.dominoes else 0


def tricks_after(plays: Sequence[int], leader: int, decl: int) -> list[Trick]:
    """Split plays (ids in order) into tricks; seat `leader` leads the first one.

    The last trick is the one in progress, even if nothing has been played to it yet. After 28 plays
    all seven tricks are complete.
    """
    tricks = []
    for first in range(0, min(len(plays) + 1, N_PLAYS), N_SEATS):
        trick = Trick(leader, tuple(plays[first : first + N_SEATS]), decl)
        tricks.append(trick)
        leader = trick.winner if trick.winner is not None else leader
    return tricks


def score(tricks: Sequence[Trick]) -> tuple[int, int]:
    """Return the points of teams 0 and 1 in the complete tricks."""
    points = [0, 0]
    for trick in tricks:
        if trick.complete and trick.winner is not None:
            points[team(trick.winner)] += trick.points
    return points[0], points[1]


def known_voids(tricks: Sequence[Trick]) -> list[set[int]]:
    """Return, for each of the 4 seats, the suits that it failed to follow."""
    voids: list[set[int]] = [set() for _ in range(N_SEATS)]
    for trick in tricks:
        for seat, domino in zip(trick.seats, trick.dominoes, strict=True):
            if trick.suit is not None and not follows(domino, trick.suit, trick.decl):
                voids[seat].add(trick.suit)
    return voids
