"""`forge pictures`: draw decisions of a recorded game."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.options import Json
from forge_core.errors import BadInput
from forge_core.texas42.cli.options import Decision, GameSeed
from forge_core.texas42.cli.view import GameFile, choose_game


def pictures(
    file: GameFile,
    game: GameSeed = None,
    decision: Decision = None,
    all_players: Annotated[
        bool, typer.Option("--all-players", help="Show all 28 decisions, not only those of seat 0.")
    ] = False,
    fps: Annotated[float, typer.Option("--fps", metavar="F", help="Frames per second.")] = 0.5,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder for the picture.")] = "pictures",
    json: Json = False,
) -> None:
    """Draw a recorded game: an animation (GIF) of seat 0's decisions, or a single decision (PNG)."""
    from forge_core.cli.screen import notes, print_json, screen, size_text
    from forge_core.files import Store
    from forge_core.texas42.dominoes import N_PLAYS
    from forge_core.texas42.eq.pictures import draw_decision, draw_game, steps_of_seat

    if decision is not None and all_players:
        raise BadInput("--decision and --all-players exclude each other: give only one of them")
    record = choose_game(file, game)
    with notes().status("drawing"):
        if decision is None:
            steps = list(range(N_PLAYS)) if all_players else steps_of_seat(record, 0)
            drawn, ending = draw_game(record, steps, fps), "_all.gif" if all_players else ".gif"
        else:
            steps, ending = [decision], f"_{decision:02}.png"
            drawn = draw_decision(record, decision)
    store, name = Store(out), record.key.filename.removesuffix(".parquet") + ending
    store.write(name, drawn)
    if json:
        print_json({"path": store.path(name), "decisions": steps, "bytes": len(drawn)})
    else:
        of = "1 decision" if len(steps) == 1 else f"{len(steps)} decisions"
        screen().print(f"{store.path(name)}: {of}, {size_text(len(drawn))}", soft_wrap=True)
