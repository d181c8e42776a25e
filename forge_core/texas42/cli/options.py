"""Options that several verbs of Texas 42 share: each is named, read and checked here, once.

A reader takes the text of an option and returns its value, or raises BadInput. Readers
import what they need when they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from forge_core.cli.options import read_seed
from forge_core.errors import BadInput
from forge_core.ranges import whole

if TYPE_CHECKING:
    from forge_core.texas42.deals import Hands


def read_hand(text: str) -> list[int]:
    """Seven dominoes -> ids, ascending."""
    from forge_core.texas42.notation import parse_hand

    return parse_hand(text)


def read_declaration(text: str) -> int:
    """A name or a number 0..9."""
    from forge_core.texas42.declarations import parse_declaration

    return parse_declaration(text)


def read_declarations(text: str) -> Literal["seed", "all"] | int:
    """Return `seed`, `all`, or one declaration 0..9. Raises BadInput."""
    name = text.strip().lower()
    return name if name in ("seed", "all") else read_declaration(text)  # pyright: ignore[reportReturnType]


def read_leader(text: str) -> int:
    """A seat 0..3."""
    from forge_core.texas42.deals import check_leader

    return check_leader(whole(text, "leader"))


def read_opponent(text: str) -> int:
    """A whole number of at least 0."""
    return whole(text, "opponent index")


def read_decision(text: str) -> int:
    """A whole number of at least 0; the game knows the most."""
    return whole(text, "decision")


MOST_SAMPLES = 1_000_000
"""deals of a hand in one command"""
Seed = Annotated[int, typer.Option("--seed", parser=read_seed, metavar="N", help="The deal of this seed.")]
Hand = Annotated[
    list | None,
    typer.Option(
        "--hand",
        parser=read_hand,
        metavar="DOMINOES",
        help='Seat 0 holds these seven, as in "6-6,6-5,6-4,3-2,2-0,1-1,0-0"; the seed deals the rest.',
    ),
]
Opponent = Annotated[
    int | None,
    typer.Option(
        "--opponent",
        parser=read_opponent,
        metavar="K",
        help="The K-th marginalised deal of the seed: seat 0 keeps its hand, the rest is dealt anew.",
    ),
]
Declaration = Annotated[
    int,
    typer.Option(
        "--decl",
        parser=read_declaration,
        metavar="NAME",
        help="blanks .. sixes, doubles-trump, doubles-suit, notrump; or 0..9.",
    ),
]
Declarations = Annotated[
    str,
    typer.Option(
        "--decl",
        parser=read_declarations,
        metavar="NAME",
        help="Declaration of each deal: seed (seed % 10), all ten, or one by name or number.",
    ),
]
MaybeDeclaration = Annotated[
    int | None,
    typer.Option(
        "--decl",
        parser=read_declaration,
        metavar="NAME",
        help="Mark what it calls: blanks .. sixes, doubles-trump, doubles-suit, notrump; or 0..9.",
    ),
]
Leader = Annotated[
    int, typer.Option("--leader", parser=read_leader, metavar="SEAT", help="Who leads the first trick, 0..3.")
]
GameSeed = Annotated[
    int | None,
    typer.Option("--game", parser=read_seed, metavar="SEED", help="Of a folder, the game of this seed."),
]
Decision = Annotated[
    int | None,
    typer.Option("--decision", parser=read_decision, metavar="K", help="One decision alone, 0..27."),
]
BidHand = Annotated[
    list,
    typer.Option(
        "--hand",
        parser=read_hand,
        metavar="DOMINOES",
        help='The bidder holds these seven, as in "6-4,5-5,4-2,3-1,2-0,1-1,0-0".',
    ),
]
SampleSeed = Annotated[
    int, typer.Option("--seed", parser=read_seed, metavar="N", help="Another number draws other deals.")
]
PlayoutModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="PATH",
        show_default="that of the project",
        help="Network of policy playouts, and of eq ones unless their oracle is exact.",
    ),
]
PlayoutDevice = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        show_default="auto",
        help="Where the network is: auto (CUDA where it is), cpu, cuda or cuda:N.",
    ),
]


def choose_deal(seed: int, hand: list[int] | None, opponent: int | None) -> Hands:
    """The deal that `--seed`, `--hand` and `--opponent` name together."""
    from forge_core.texas42.deals import deal_from_seed, deal_with_fixed_hand, marginalized_deal

    if hand is not None and opponent is not None:
        raise BadInput("--hand and --opponent are two ways to fix the hand of seat 0: give one of them")
    if hand is not None:
        return deal_with_fixed_hand(hand, seed)
    if opponent is not None:
        return marginalized_deal(seed, opponent)
    return deal_from_seed(seed)
