"""`forge skull-king deal`: the hands of a round."""

from __future__ import annotations

from forge_core.cli.options import Json, expand_settings
from forge_core.skull_king.cli.options import Round, Seed
from forge_core.skull_king.settings.table import TableSettings


@expand_settings
def deal(
    *,
    seed: Seed = 0,
    round: Round = "10",  # pyright: ignore[reportArgumentType]  (read by its parser)
    table: TableSettings,
    json: Json = False,
) -> None:
    """Show the hands of a round. A deal depends on the seed and the round only."""
    import numpy as np

    from forge_core.cli.screen import print_json, screen
    from forge_core.skull_king.cards import card_text, hand_text
    from forge_core.skull_king.deals import deal_round, game_keys, starter_of
    from forge_core.skull_king.game import DEAL_SEED
    from forge_core.skull_king.notation import CARD_LEGEND, seat_text
    from forge_core.splits import split_of

    key, rules, seats = np.uint64(game_keys(DEAL_SEED, seed)), table.chosen, table.seats
    dealt = deal_round(key, round, seats, rules)
    starter = (int(starter_of(key, seats)) + round - 1) % seats
    if json:
        print_json(
            {
                "seed": seed,
                "split": split_of(seed),
                "round": round,
                "starter": starter,
                "hands": [sorted(hand) for hand in dealt.hands],
                "cards": [[card_text(card, which=True) for card in sorted(hand)] for hand in dealt.hands],
                "ghost": list(dealt.ghost),
            }
        )
        return
    out = screen()
    out.print(
        f"seed {seed} · {split_of(seed)} · round {round}, {len(dealt.hands[0])} cards, "
        f"{seat_text(starter, seats)} leads"
    )
    for seat, hand in enumerate(dealt.hands):
        out.print(f"{seat_text(seat, seats)}  {hand_text(hand)}", soft_wrap=True)
    if dealt.ghost:
        out.print(f"ghost, in order  {' '.join(map(card_text, dealt.ghost))}", soft_wrap=True)
    out.print(CARD_LEGEND, style="dim", soft_wrap=True)
