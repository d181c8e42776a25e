"""A decision of a recorded game as one would tell it: what lies, what is known, what was weighed.

Seats are absolute, points those of teams 0 and 1; what was weighed is in the mover's frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.declarations import NAMES, NOTRUMP, has_trump_power, is_called
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS, team
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.notation import by_suit
from forge_core.texas42.rules import CALLED_SUIT, follows, led_suit, trick_points, trick_winner


@dataclass(frozen=True, slots=True)
class Trick:
    """A trick, or what lies of one."""

    leader: int
    """seat"""
    dominoes: tuple[int, ...]
    """0..4 ids in the order they were played"""
    decl: int

    @property
    def seats(self) -> tuple[int, ...]:
        """Who played each domino."""
        return tuple((self.leader + offset) % N_SEATS for offset in range(len(self.dominoes)))

    @property
    def complete(self) -> bool:
        """All four have played."""
        return len(self.dominoes) == N_SEATS

    @property
    def suit(self) -> int | None:
        """The led suit, 7 = called; None before the lead."""
        return led_suit(self.dominoes[0], self.decl) if self.dominoes else None

    @property
    def winner(self) -> int | None:
        """The seat that holds the trick so far, and takes it if it is complete; None before the lead."""
        return (self.leader + trick_winner(self.dominoes, self.decl)) % N_SEATS if self.dominoes else None

    @property
    def points(self) -> int:
        """What it is worth if it were over; 0 before the lead."""
        return trick_points(self.dominoes) if self.dominoes else 0


@dataclass(frozen=True, slots=True)
class Option:
    """A legal play as the mover saw it: points in its frame."""

    slot: int
    domino: int
    mean: float
    """E[Q]"""
    spread: float
    """standard deviation of Q over the worlds"""
    p_make: float
    """share of the worlds in which the mover's side has its way with the bid"""
    behind: float
    """E[Q] of the best play, less its own"""
    chosen: bool
    pdf: npt.NDArray[np.float32] | None
    """[85] share of the worlds by Q, -42..42"""


@dataclass(frozen=True)
class Scene:
    """Decision `step`, 0..27, of a game. Raises BadInput for another."""

    record: GameRecord
    step: int

    def __post_init__(self) -> None:
        if not 0 <= self.step < N_PLAYS:
            raise BadInput(f"decision {self.step} is not one of a game: use 0..{N_PLAYS - 1}")

    @cached_property
    def tricks(self) -> list[Trick]:
        """The tricks before, and at the end what lies of this one."""
        return tricks_of(self.record, self.step)

    @property
    def trick(self) -> Trick:
        """What lies of this one."""
        return self.tricks[-1]

    @property
    def seat(self) -> int:
        """The mover."""
        return (self.trick.leader + len(self.trick.dominoes)) % N_SEATS

    @property
    def hand(self) -> list[int]:
        """The mover's seven as dealt, stood up by suit."""
        return by_suit(self.record.hands[self.seat].tolist(), self.record.decl)

    @property
    def chosen(self) -> int:
        """The id of what was played."""
        return int(self.record.plays[self.step])

    @property
    def played(self) -> dict[int, int]:
        """Id -> trick 0..6, of all that was played before."""
        plays = self.record.plays[: self.step].tolist()
        return {domino: step // N_SEATS for step, domino in enumerate(plays)}

    @property
    def points(self) -> tuple[int, int]:
        """Taken so far by teams 0 and 1."""
        return score(self.tricks)

    @property
    def needed(self) -> int:
        """Points that the bidders must take in all."""
        return min(self.record.bid, HAND_POINTS)

    @property
    def bids(self) -> bool:
        """Whether the mover is of the bidders' team."""
        return team(self.seat) == team(self.record.bidder)

    @property
    def makes_from(self) -> float | None:
        """Q from which on the mover's side has its way with the bid; None where that is settled.

        Half way between two values: the R points to come are shared out, so Q has the parity of R.
        """
        points = self.points
        left, missing = HAND_POINTS - sum(points), self.needed - points[team(self.record.bidder)]
        if not 0 < missing <= left:
            return None
        return float(2 * missing - left - 1 if self.bids else left - 2 * missing + 1)

    @property
    def options(self) -> list[Option]:
        """What could be played, best first by what was maximised."""
        of, at = self.record.decisions, self.step
        legal = np.flatnonzero(of.legal_mask[at])
        best = float(of.e_q_mean[at, legal].max())
        options = [
            Option(
                slot=int(slot),
                domino=int(self.record.hands[self.seat, slot]),
                mean=float(of.e_q_mean[at, slot]),
                spread=math.sqrt(float(of.e_q_var[at, slot])),
                p_make=float(of.p_make[at, slot]),
                behind=best - float(of.e_q_mean[at, slot]),
                chosen=slot == of.action_taken[at],
                pdf=None if of.e_q_pdf is None else of.e_q_pdf[at, slot],
            )
            for slot in legal
        ]
        by_chance = self.by_chance

        def worth(option: Option) -> tuple[float, float]:
            return option.p_make if by_chance else 0.0, option.mean

        return sorted(options, key=worth, reverse=True)

    @property
    def forced(self) -> bool:
        """One play was legal."""
        return bool(self.record.decisions.legal_mask[self.step].sum() == 1)

    @property
    def by_chance(self) -> bool:
        """Whether the chance to have one's way with the bid was maximised, not E[Q]."""
        return self.record.settings.get("criterion") == "pmake"

    @property
    def gives_away(self) -> float:
        """What the play was worth less than the best: points, or a chance if that was maximised."""
        return float(self.record.decisions.q_gap[self.step])

    @property
    def n_worlds(self) -> int:
        """Worlds asked about."""
        return int(self.record.decisions.n_worlds[self.step])

    @property
    def world_count(self) -> int:
        """Worlds that fit all the mover knew."""
        return int(self.record.decisions.world_count[self.step])

    @property
    def every(self) -> bool:
        """Each world that fits was asked about, once: E[Q] has no sampling error."""
        return bool(self.record.every[self.step])

    @property
    def ess(self) -> float:
        """Effective number of the worlds asked about."""
        return float(self.record.decisions.ess[self.step])

    @property
    def lead_in_errors(self) -> float | None:
        """How far the best E[Q] lies above the second best, in standard errors of that difference.

        Infinite where every world was asked; 0 for equals; None where there is no choice. The two
        are taken as independent; they share their worlds, so the difference is surer than that.
        """
        first, second, *_ = (*sorted(self.options, key=lambda option: option.behind), None, None)
        if first is None or second is None:
            return None
        if second.behind == 0:
            return 0.0
        error = 0.0 if self.every else math.hypot(first.spread, second.spread) / math.sqrt(self.ess)
        return second.behind / error if error else math.inf

    @cached_property
    def voids(self) -> list[set[int]]:
        """[4] suits of which all have seen that a seat has none: it did not follow."""
        return voids_of(self.tricks)

    @property
    def unseen(self) -> dict[int, int]:
        """Suit -> dominoes of it that are neither played nor in the mover's hand."""
        seen = {*self.hand, *self.played}
        hidden = [domino for domino in range(N_DOMINOES) if domino not in seen]
        return {
            suit: sum(follows(domino, suit, self.record.decl) for domino in hidden)
            for suit in suits_of(self.record.decl)
        }

    @property
    def verb(self) -> str:
        """`leads`, `follows with`, `trumps with`, `discards`."""
        suit, decl = self.trick.suit, self.record.decl
        if suit is None:
            return "leads"
        if follows(self.chosen, suit, decl):
            return "follows with"
        return "trumps with" if has_trump_power(decl) and is_called(self.chosen, decl) else "discards"


def scenes(record: GameRecord) -> Iterator[Scene]:
    """All 28, in order."""
    return (Scene(record, step) for step in range(N_PLAYS))


def most_instructive_scene(record: GameRecord) -> Scene:
    """The one to show of a game: of those with three plays or more, the best furthest ahead of the next."""

    def lead(scene: Scene) -> float:
        behind = sorted(option.behind for option in scene.options)
        return behind[1] if len(behind) > 2 else 0.0

    return max(scenes(record), key=lead)


def tricks_of(record: GameRecord, step: int = N_PLAYS) -> list[Trick]:
    """The tricks after `step` plays; one that lies on the table, even with nothing played yet, comes last."""
    plays, tricks, leader = record.plays[:step].tolist(), [], record.leader
    for first in range(0, min(step + 1, N_PLAYS), N_SEATS):
        trick = Trick(leader, tuple(plays[first : first + N_SEATS]), record.decl)
        tricks.append(trick)
        leader = trick.winner if trick.winner is not None else leader
    return tricks


def score(tricks: Sequence[Trick]) -> tuple[int, int]:
    """Points of teams 0 and 1 from the complete ones."""
    points = [0, 0]
    for trick in tricks:
        if trick.complete and trick.winner is not None:
            points[team(trick.winner)] += trick.points
    return points[0], points[1]


def voids_of(tricks: Sequence[Trick]) -> list[set[int]]:
    """[4] suits that each seat was asked for and did not follow."""
    voids: list[set[int]] = [set() for _ in range(N_SEATS)]
    for trick in tricks:
        for seat, domino in zip(trick.seats, trick.dominoes, strict=True):
            if trick.suit is not None and not follows(domino, trick.suit, trick.decl):
                voids[seat].add(trick.suit)
    return voids


def suits_of(decl: int) -> list[int]:
    """The suits of the play: 7 = called stands in the place of the pip that is, or at the end for doubles."""
    suits = [CALLED_SUIT if suit == decl else suit for suit in range(HAND_SIZE)]
    return suits if decl < HAND_SIZE or decl == NOTRUMP else [*suits, CALLED_SUIT]


def suit_text(suit: int, decl: int) -> str:
    """`fives`, `trumps`, `doubles` where they are a suit of their own."""
    if suit != CALLED_SUIT:
        return NAMES[suit]
    return "trumps" if has_trump_power(decl) else "doubles"
