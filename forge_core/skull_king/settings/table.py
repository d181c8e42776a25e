"""Settings of a table: its seats, its rules and its rounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.settings import setting
from forge_core.skull_king.rules import N_ROUNDS, Rules, check_seats

DEFAULT_SEATS = 4


def read_seats(text: str) -> int:
    """Return a number of seats, 2..8. Raises BadInput."""
    return check_seats(whole(text, "seats"))


def read_round(text: str) -> int:
    """Return a round, 1..10. Raises BadInput."""
    found = whole(text, "round")
    if not 1 <= found <= N_ROUNDS:
        raise BadInput(f"--round {found}: use 1..{N_ROUNDS}")
    return found


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
