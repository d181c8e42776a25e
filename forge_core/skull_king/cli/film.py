"""`forge skull-king film`: rounds as text."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.options import Device, Json, expand_settings
from forge_core.skull_king.cli.options import DEFAULT_OTHERS, Others, Round, Seed, Worlds, open_others
from forge_core.skull_king.settings.players import PLAYERS
from forge_core.skull_king.settings.table import TableSettings

FILM_WORLDS = "50"
"""worlds per judged decision: a round has up to eleven"""


@expand_settings
def film(
    *,
    seed: Seed = 0,
    round: Round = "6",  # pyright: ignore[reportArgumentType]  (read by its parser)
    game: Annotated[bool, typer.Option("--game", help="Film all ten rounds instead of one.")] = False,
    player: Annotated[
        str, typer.Option("--player", metavar="NAME", help=f"Player of seat N: {PLAYERS}.")
    ] = "captain",
    others: Others = DEFAULT_OTHERS,
    worlds: Worlds = FILM_WORLDS,  # pyright: ignore[reportArgumentType]  (read by its parser)
    table: TableSettings,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Play a round and write it down: the bids and plays of seat N with their values, trick by trick."""
    from forge_core.cli.screen import print_json, screen
    from forge_core.skull_king.film import film_round
    from forge_core.skull_king.game import SkullKingGame
    from forge_core.skull_king.players import make_player
    from forge_core.skull_king.rules import N_ROUNDS
    from forge_core.skull_king.search import SearchSettings

    played = SkullKingGame(table.seats, table.chosen)
    players = [make_player(player, device), *open_others(others, table.seats, device)]
    judge = SearchSettings(worlds) if worlds else None
    rounds = range(1, N_ROUNDS + 1) if game else [round]
    films = [film_round(played, players, seed, each, judge) for each in rounds]
    totals = [sum(points) for points in zip(*(film.points for film in films), strict=True)]
    if json:
        settings = judge.describe() if judge else None
        print_json(
            {
                "seed": seed,
                "players": [each.name for each in players],
                "values": settings,
                "rounds": [{"lines": film.lines, "points": film.points} for film in films],
                "points": totals,
            }
        )
        return
    out = screen()
    for each in films:
        out.print(each.to_text(), soft_wrap=True, markup=False)
        if game:
            out.print()
    note = f"N is {players[0].name}, the others {', '.join(dict.fromkeys(p.name for p in players[1:]))}."
    if judge:
        note += f" v: expected points over {worlds} worlds, finished by {judge.me} and {judge.others}."
    out.print(note + (f" Scores: {' '.join(f'{n:+d}' for n in totals)}." if game else ""), style="dim")
