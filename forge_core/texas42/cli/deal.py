"""`forge deal`: show the hands of a deal."""

from __future__ import annotations

from forge_core.cli.options import Json
from forge_core.texas42.cli.options import Hand, MaybeDeclaration, Opponent, Seed, choose_deal


def deal(
    seed: Seed = 0,
    hand: Hand = None,
    opponent: Opponent = None,
    decl: MaybeDeclaration = None,
    json: Json = False,
) -> None:
    """Show the four hands of a deal, with the table seen from above."""
    from forge_core.cli.screen import print_json, screen
    from forge_core.splits import split_of
    from forge_core.texas42.cli.picture import print_deal
    from forge_core.texas42.declarations import NAMES
    from forge_core.texas42.notation import hand_text

    hands = choose_deal(seed, hand, opponent)
    split = split_of(seed) if hand is None else None
    if json:
        print_json(
            {
                "seed": seed,
                "opponent": opponent,
                "split": split,
                "decl": None if decl is None else NAMES[decl],
                "hands": hands,
                "dominoes": [hand_text(held).split(",") for held in hands],
            }
        )
        return
    print_deal(screen(), hands, deal_title(seed, hand, opponent), decl)


def deal_title(seed: int, hand: list[int] | None, opponent: int | None) -> str:
    """Return a title such as `seed 7 · train` or `this hand · the rest by seed 7`."""
    from forge_core.splits import split_of

    if hand is not None:
        return f"this hand · the rest by seed {seed}"
    of_opponent = "" if opponent is None else f" · opponents {opponent}"
    return f"seed {seed}{of_opponent} · {split_of(seed)}"
