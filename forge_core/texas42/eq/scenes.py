"""One decision of a recorded game: the tricks so far, what is known, and the estimate of each play.

Seats are absolute, and points are those of teams 0 and 1; estimates are in the mover's frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.declarations import has_trump_power, is_called
from forge_core.texas42.dominoes import HAND_POINTS, N_DOMINOES, N_PLAYS, N_SEATS, team
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.notation import by_suit, suits_of
from forge_core.texas42.rules import follows
from forge_core.texas42.tricks import Trick, known_voids, score, tricks_after


@dataclass(frozen=True, slots=True)
class Option:
    """A legal play and its estimate, in points in the mover's frame."""

    slot: int
    domino: int
    mean: float
    """E[Q]"""
    spread: float
    """standard deviation of Q over the worlds"""
    p_make: float
    """share of worlds in which the mover's team succeeds: bidders make the bid, defenders set it"""
    behind: float
    """E[Q] of the best play minus that of this one"""
    chosen: bool
    pdf: npt.NDArray[np.float32] | None
    """[85] share of worlds with each Q, -42..42"""


@dataclass(frozen=True)
class Scene:
    """Decision `step`, 0..27, of a game. Raises BadInput for any other step."""

    record: GameRecord
    step: int

    def __post_init__(self) -> None:
        if not 0 <= self.step < N_PLAYS:
            raise BadInput(f"decision {self.step}: use 0..{N_PLAYS - 1}")

    @cached_property
    def tricks(self) -> list[Trick]:
        """The tricks so far; the last one is the trick in progress."""
        return tricks_of(self.record, self.step)

    @property
    def trick(self) -> Trick:
        """The trick in progress."""
        return self.tricks[-1]

    @property
    def seat(self) -> int:
        """The mover."""
        return (self.trick.leader + len(self.trick.dominoes)) % N_SEATS

    @property
    def hand(self) -> list[int]:
        """The mover's seven dominoes as dealt, sorted by suit."""
        return by_suit(self.record.hands[self.seat].tolist(), self.record.decl)

    @property
    def chosen(self) -> int:
        """The id of the domino that was played."""
        return int(self.record.plays[self.step])

    @property
    def played(self) -> dict[int, int]:
        """All dominoes played before this decision: id -> index of its trick, 0..6."""
        plays = self.record.plays[: self.step].tolist()
        return {domino: step // N_SEATS for step, domino in enumerate(plays)}

    @property
    def points(self) -> tuple[int, int]:
        """The points taken so far by teams 0 and 1."""
        return score(self.tricks)

    @property
    def needed(self) -> int:
        """The points that the bidding team must take in the whole hand."""
        return min(self.record.bid, HAND_POINTS)

    @property
    def bids(self) -> bool:
        """True if the mover is on the bidding team."""
        return team(self.seat) == team(self.record.bidder)

    @property
    def makes_from(self) -> float | None:
        """The smallest Q at which the mover's team succeeds, minus one; None if success is already decided.

        It lies halfway between two possible values: if R points are left to be won, Q has the parity of R.
        """
        points = self.points
        left, missing = HAND_POINTS - sum(points), self.needed - points[team(self.record.bidder)]
        if not 0 < missing <= left:
            return None
        return float(2 * missing - left - 1 if self.bids else left - 2 * missing + 1)

    @property
    def options(self) -> list[Option]:
        """The legal plays, best first by the criterion of the game."""
        decisions, at = self.record.decisions, self.step
        legal = np.flatnonzero(decisions.legal_mask[at])
        best = float(decisions.e_q_mean[at, legal].max())
        options = [
            Option(
                slot=int(slot),
                domino=int(self.record.hands[self.seat, slot]),
                mean=float(decisions.e_q_mean[at, slot]),
                spread=math.sqrt(float(decisions.e_q_var[at, slot])),
                p_make=float(decisions.p_make[at, slot]),
                behind=best - float(decisions.e_q_mean[at, slot]),
                chosen=slot == decisions.action_taken[at],
                pdf=None if decisions.e_q_pdf is None else decisions.e_q_pdf[at, slot],
            )
            for slot in legal
        ]
        by_chance = self.by_chance

        def rank(option: Option) -> tuple[float, float]:
            return option.p_make if by_chance else 0.0, option.mean

        return sorted(options, key=rank, reverse=True)

    @property
    def forced(self) -> bool:
        """True if only one play was legal."""
        return bool(self.record.decisions.legal_mask[self.step].sum() == 1)

    @property
    def by_chance(self) -> bool:
        """True if the player maximised the probability of making or setting the bid, not E[Q]."""
        return self.record.settings.get("criterion") == "pmake"

    @property
    def gives_away(self) -> float:
        """The loss against the best play: points, or a probability if that was maximised."""
        return float(self.record.decisions.q_gap[self.step])

    @property
    def n_worlds(self) -> int:
        """The number of worlds used for the estimate."""
        return int(self.record.decisions.n_worlds[self.step])

    @property
    def world_count(self) -> int:
        """The number of worlds consistent with everything the mover knew."""
        return int(self.record.decisions.world_count[self.step])

    @property
    def is_exact(self) -> bool:
        """True if every consistent world was used once, so that E[Q] has no sampling error."""
        return bool(self.record.is_exact[self.step])

    @property
    def ess(self) -> float:
        """The effective number of worlds."""
        return float(self.record.decisions.ess[self.step])

    @property
    def lead_in_errors(self) -> float | None:
        """The best E[Q] minus the second best, in standard errors of that difference.

        Infinite if every world was used; 0 for equal plays; None if there is no choice. The two estimates
        are treated as independent; since they share their worlds, the true error is smaller.
        """
        first, second, *_ = (*sorted(self.options, key=lambda option: option.behind), None, None)
        if first is None or second is None:
            return None
        if second.behind == 0:
            return 0.0
        error = 0.0 if self.is_exact else math.hypot(first.spread, second.spread) / math.sqrt(self.ess)
        return second.behind / error if error else math.inf

    @cached_property
    def voids(self) -> list[set[int]]:
        """For each of the 4 seats, the suits that it failed to follow and so cannot hold."""
        return known_voids(self.tricks)

    @property
    def unseen(self) -> dict[int, int]:
        """The number of dominoes per suit that are neither played nor in the mover's hand."""
        seen = {*self.hand, *self.played}
        hidden = [domino for domino in range(N_DOMINOES) if domino not in seen]
        return {
            suit: sum(follows(domino, suit, self.record.decl) for domino in hidden)
            for suit in suits_of(self.record.decl)
        }

    @property
    def verb(self) -> str:
        """The verb for the play: `leads`, `follows with`, `trumps with` or `discards`."""
        suit, decl = self.trick.suit, self.record.decl
        if suit is None:
            return "leads"
        if follows(self.chosen, suit, decl):
            return "follows with"
        return "trumps with" if has_trump_power(decl) and is_called(self.chosen, decl) else "discards"


def scenes(record: GameRecord) -> Iterator[Scene]:
    """Yield all 28 decisions in order."""
    return (Scene(record, step) for step in range(N_PLAYS))


def most_instructive_scene(record: GameRecord) -> Scene:
    """Return the decision, among those with three or more plays, where the best play leads by the most."""

    def lead(scene: Scene) -> float:
        behind = sorted(option.behind for option in scene.options)
        return behind[1] if len(behind) > 2 else 0.0

    return max(scenes(record), key=lead)


def tricks_of(record: GameRecord, step: int = N_PLAYS) -> list[Trick]:
    """Return the tricks of a game after `step` plays: see `tricks_after`."""
    return tricks_after(record.plays[:step].tolist(), record.leader, record.decl)
