"""Options shared by several verbs of Texas 42.

A reader converts the text of an option to its value, or raises BadInput. Readers import what they need
when they are called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from forge_core.errors import BadInput
from forge_core.ranges import read_seed, whole

if TYPE_CHECKING:
    from forge_core.texas42.deals import Hands


def read_hand(text: str) -> list[int]:
    """Parse a hand of seven dominoes; return their ids in ascending order. Raises BadInput."""
    from forge_core.texas42.notation import parse_hand

    return parse_hand(text)


def read_declaration(text: str) -> int:
    """Parse a declaration, a name or a number 0..9. Raises BadInput."""
    from forge_core.texas42.declarations import parse_declaration

    return parse_declaration(text)


def read_declarations(text: str) -> Literal["seed", "random", "hand", "all"] | int:
    """Parse `seed`, `random`, `hand`, `all`, or a declaration, which becomes 0..9. Raises BadInput."""
    name = text.strip().lower()
    if name in ("seed", "random", "hand", "all"):
        return name  # pyright: ignore[reportReturnType]
    try:
        return read_declaration(text)
    except BadInput as error:
        raise BadInput(f"{error}; or seed, random, hand or all") from None


def read_leader(text: str) -> int:
    """Parse a seat, 0..3. Raises BadInput."""
    from forge_core.texas42.deals import check_leader

    return check_leader(whole(text, "leader"))


def read_opponent(text: str) -> int:
    """Parse a whole number of at least 0. Raises BadInput."""
    return whole(text, "opponent")


def read_decision(text: str) -> int:
    """Parse a whole number of at least 0; its upper limit is checked later. Raises BadInput."""
    return whole(text, "decision")


MOST_SAMPLES = 1_000_000
"""maximum number of deals of a hand in one command"""
Seed = Annotated[int, typer.Option("--seed", parser=read_seed, metavar="N", help="Seed of the deal.")]
Hand = Annotated[
    list | None,
    typer.Option(
        "--hand",
        parser=read_hand,
        metavar="DOMINOES",
        help='Hand of seat 0, such as "6-6,6-5,6-4,3-2,2-0,1-1,0-0"; the rest is dealt by the seed.',
    ),
]
Opponent = Annotated[
    int | None,
    typer.Option(
        "--opponent",
        parser=read_opponent,
        metavar="K",
        help="Keep the hand of seat 0 and deal the rest again: marginalized deal K of the seed, from 0 on.",
    ),
]
Declaration = Annotated[
    int,
    typer.Option(
        "--decl",
        parser=read_declaration,
        metavar="NAME",
        help="Declaration: blanks to sixes, doubles-trump, doubles-suit, notrump, or 0 to 9.",
    ),
]
Declarations = Annotated[
    str,
    typer.Option(
        "--decl",
        parser=read_declarations,
        metavar="NAME",
        help="Declaration of each deal: seed (seed % 10), random (drawn for each seed), hand (chosen by a "
        "rule for seat 0's hand), all (all ten), or the name or number of one.",
    ),
]
MaybeDeclaration = Annotated[
    int | None,
    typer.Option(
        "--decl",
        parser=read_declaration,
        metavar="NAME",
        help="Declaration whose trumps are marked: blanks to sixes, doubles-trump, doubles-suit, notrump, or "
        "0 to 9.",
    ),
]
Leader = Annotated[
    int,
    typer.Option("--leader", parser=read_leader, metavar="SEAT", help="Leader of the first trick, 0 to 3."),
]
GameSeed = Annotated[
    int | None,
    typer.Option("--game", parser=read_seed, metavar="SEED", help="Seed of the game to choose in a folder."),
]
Decision = Annotated[
    int | None,
    typer.Option("--decision", parser=read_decision, metavar="K", help="Show only this decision, 0 to 27."),
]
BidHand = Annotated[
    list,
    typer.Option(
        "--hand",
        parser=read_hand,
        metavar="DOMINOES",
        help='Hand of the bidder, such as "6-4,5-5,4-2,3-1,2-0,1-1,0-0".',
    ),
]
SampleSeed = Annotated[
    int,
    typer.Option("--seed", parser=read_seed, metavar="N", help="Seed for drawing deals."),
]
PlayoutModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="PATH",
        show_default="the project's own",
        help="Network for policy playouts, and for eq playouts unless their oracle is exact.",
    ),
]
PlayoutDevice = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="NAME",
        show_default="auto",
        help="Device for the network: auto (CUDA if available), cpu, cuda or cuda:N.",
    ),
]


def choose_deal(seed: int, hand: list[int] | None, opponent: int | None) -> Hands:
    """Return the deal that `--seed`, `--hand` and `--opponent` describe. Raises BadInput."""
    from forge_core.texas42.deals import deal_from_seed, deal_with_fixed_hand, marginalized_deal

    if hand is not None and opponent is not None:
        raise BadInput("--hand and --opponent exclude each other: give only one of them")
    if hand is not None:
        return deal_with_fixed_hand(hand, seed)
    if opponent is not None:
        return marginalized_deal(seed, opponent)
    return deal_from_seed(seed)
