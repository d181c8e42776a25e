"""User settings of Skull King: the table, and its evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice
from typing import Literal

from forge_core.arena import settings as arena
from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.settings import like, setting
from forge_core.skull_king.rules import N_ROUNDS, Rules, check_seats
from forge_core.splits import Split, split_of

DEFAULT_SEATS = 4
DEFAULT_DEALS = 1_000
"""deals of an evaluation: the interval of a score is then about 3 points to either side"""
PROMOTION_DEALS = 2_000
"""deals of the test of a champion: twice those of an evaluation, since each challenger is one more chance for
luck"""
PLAYERS = "random, easy, medium, hard, captain, search:100, search:100,others=captain, models/NAME"
"""examples of players' names, for the help of verbs"""
DEFAULT_WORLDS = 200
"""worlds of the advice for one hand, where a second is well spent"""


def read_seats(text: str) -> int:
    """Return a number of seats, 2..8. Raises BadInput."""
    return check_seats(whole(text, "seats"))


def read_round(text: str) -> int:
    """Return a round, 1..10. Raises BadInput."""
    found = whole(text, "round")
    if not 1 <= found <= N_ROUNDS:
        raise BadInput(f"--round {found}: use 1..{N_ROUNDS}")
    return found


def read_deals(text: str) -> int:
    """Return a number of deals, at least two. Raises BadInput."""
    deals = whole(text, "deals")
    if not 2 <= deals <= arena.MOST_SEEDS:
        raise BadInput(f"--deals {deals:,}: use 2..{arena.MOST_SEEDS:,}, since one deal gives no interval")
    return deals


@dataclass(frozen=True, slots=True)
class TableSettings:
    """Settings of a table: its seats and its rules."""

    seats: int = setting(DEFAULT_SEATS, "Number of seats, 2 to 8.", metavar="N", read=read_seats)
    rules: Literal["printed", "print_2021", "engine"] = setting(
        "printed", "Rules: printed (current print), print_2021, or engine (a published engine)."
    )
    scoring: Literal["skull_king", "rascal"] = setting("skull_king", "Scoring: skull_king or rascal.")
    abilities: bool = setting(False, "Winning a trick with a pirate gives the pirate's ability.")

    @property
    def chosen(self) -> Rules:
        """The rules with their options."""
        preset = {"printed": Rules.printed, "print_2021": Rules.print_2021, "engine": Rules.engine}
        return preset[self.rules](scoring=self.scoring, abilities=self.abilities)


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """Settings of an evaluation."""

    deals: int = setting(
        DEFAULT_DEALS,
        "Number of deals; each is played once with the player in every seat.",
        read=read_deals,
    )
    seed: int = like(arena.MatchSettings, "seed")
    final: bool = setting(
        False, "Use deals of the test split, which nothing else reads: only for a final result."
    )

    @property
    def seeds(self) -> list[int]:
        """The seeds of the deals."""
        return seeds_of_split(self.deals, Split.TEST) if self.final else arena.held_out_seeds(self.deals)


def seeds_of_split(n: int, split: Split) -> list[int]:
    """Return the first n seeds of a split."""
    return list(islice((seed for seed in count() if split_of(seed) is split), n))


@dataclass(frozen=True, slots=True)
class GateSettings:
    """Settings of the test that decides who is champion."""

    deals: int = setting(
        PROMOTION_DEALS,
        "Number of deals of the test split; each is played in every seat, at every table.",
        read=read_deals,
    )
    seed: int = like(arena.MatchSettings, "seed")

    @property
    def seeds(self) -> list[int]:
        """The seeds of the deals."""
        return seeds_of_split(self.deals, Split.TEST)
