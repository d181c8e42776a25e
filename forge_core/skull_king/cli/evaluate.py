"""`forge skull-king evaluate`: a player against others, seat-balanced."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from forge_core.cli.options import Device, Json, expand_settings
from forge_core.skull_king.cli.options import DEFAULT_OTHERS, open_others
from forge_core.skull_king.cli.report import print_results, print_rounds
from forge_core.skull_king.settings.evaluation import EvaluationSettings
from forge_core.skull_king.settings.players import PLAYERS
from forge_core.skull_king.settings.table import TableSettings


@expand_settings
def evaluate(
    *,
    player: Annotated[str, typer.Argument(metavar="PLAYER", help=f"Player: {PLAYERS}.")],
    against: Annotated[
        str,
        typer.Option(
            "--against",
            metavar="PLAYERS",
            help="Players of the other seats, one for all or one each, separated by spaces.",
        ),
    ] = DEFAULT_OTHERS,
    settings: EvaluationSettings,
    table: TableSettings,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Measure a player: score, share of bids met, wins, points by round, with 95 % intervals over deals."""
    from forge_core.cli.screen import playing, print_json
    from forge_core.skull_king.arena import evaluate as play_deals
    from forge_core.skull_king.players import make_player

    opened = make_player(player, device)
    others = open_others(against, table.seats, device)
    begun = time.perf_counter()
    with playing(settings.deals * table.seats, "deals with --deals") as on_over:
        result = play_deals(
            opened, others, settings.seeds, table.chosen, settings.seed, table.seats, on_over=on_over
        )
    seconds = time.perf_counter() - begun
    if json:
        print_json(
            {**result.to_dict(), "seed": settings.seed, "final": settings.final, "seconds": round(seconds, 3)}
        )
        return
    print_results([result])
    print_rounds(result, settings, seconds)
