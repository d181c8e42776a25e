"""`forge liuzhou match`: compare players over pairs of games with colours exchanged."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from forge_core.cli.filling import check_file
from forge_core.cli.options import Device, Json, expand_settings
from forge_core.liuzhou.cli.options import PLAYERS, Picture
from forge_core.liuzhou.cli.report import report
from forge_core.liuzhou.settings.matches import ANCHOR, MatchSettings


@expand_settings
def match(
    *,
    players: Annotated[
        list[str], typer.Argument(metavar="PLAYER...", help=f"Two players or more: {PLAYERS}.")
    ],
    settings: MatchSettings,
    picture: Picture = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Play players against each other in pairs of games from the same random opening.

    A pair is one observation of the intervals. Three or more players all meet, and get Elo ratings.
    """
    from forge_core.arena.loop import play_all
    from forge_core.cli.screen import playing
    from forge_core.liuzhou.match import play_match, rate
    from forge_core.liuzhou.players import make_player

    if picture:
        check_file(picture)
    opened = [make_player(text, device) for text in players]
    n_matches = len(opened) * (len(opened) - 1) // 2
    begun = time.perf_counter()
    with playing(2 * n_matches * settings.pairs, "pairs with --pairs") as on_over:
        matches = play_all(opened, lambda a, b: play_match(a, b, settings, on_over=on_over))
    names = [player.name for player in opened]
    ratings = rate(matches, ANCHOR if ANCHOR in names else names[-1]) if len(names) > 2 else []
    report(matches, ratings, settings, device, time.perf_counter() - begun, json, picture)
