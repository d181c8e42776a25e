"""Options that several verbs of Skull King share; readers import what they need when they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.errors import BadInput
from forge_core.ranges import read_seed, whole
from forge_core.skull_king.settings.players import PLAYERS
from forge_core.skull_king.settings.table import read_round

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forge_core.arena.players import Player

DEFAULT_OTHERS = "hard"


def read_worlds(text: str) -> int:
    """Parse a number of worlds; 0 for none. Raises BadInput."""
    from forge_core.skull_king.search import MOST_WORLDS

    worlds = whole(text, "worlds")
    if worlds > MOST_WORLDS:
        raise BadInput(f"--worlds {worlds:,}: use at most {MOST_WORLDS:,}")
    return worlds


def open_others(text: str, seats: int, device: str) -> Sequence[Player]:
    """Return the players of the other seats: one name for all, or P - 1 names. Raises BadInput."""
    from forge_core.arena.names import split_names
    from forge_core.skull_king.players import make_player

    names = split_names(text)
    if len(names) not in (1, seats - 1):
        raise BadInput(
            f"{text!r} names {len(names)} players: name 1, or {seats - 1} separated by spaces; put a name "
            "with spaces in double quotes"
        )
    opened = [make_player(name, device) for name in names]
    return opened * (seats - 1) if len(opened) == 1 else opened


Round = Annotated[
    int, typer.Option("--round", parser=read_round, metavar="N", help="Round, which is the number of cards.")
]
Seed = Annotated[int, typer.Option("--seed", parser=read_seed, metavar="N", help="Seed of the game's deals.")]
Worlds = Annotated[
    int,
    typer.Option("--worlds", parser=read_worlds, metavar="N", help="Worlds that values rest on; 0: none."),
]
Others = Annotated[
    str,
    typer.Option(
        "--others",
        metavar="PLAYERS",
        help=f"Players of the other seats, one for all or one each, separated by spaces: {PLAYERS}.",
    ),
]
