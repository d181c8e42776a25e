"""`forge liuzhou evaluate`: a network on the ladder of fixed opponents, with Elo ratings."""

from __future__ import annotations

from typing import Annotated

import typer

from forge_core.cli.filling import check_file
from forge_core.cli.options import Device, Json, expand_settings
from forge_core.liuzhou.cli.options import Picture
from forge_core.liuzhou.cli.report import report
from forge_core.liuzhou.settings.matches import LadderSettings


@expand_settings
def evaluate(
    *,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Folder of a network; or a player, such as reply.")
    ],
    settings: LadderSettings,
    picture: Picture = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Play a network against the ladder of fixed opponents, and rate all of them.

    Elo ratings are fitted to all games; that of random play is 0.
    """
    from forge_core.cli.screen import playing
    from forge_core.liuzhou.ladder import climb, count_games

    if picture:
        check_file(picture)
    with playing(count_games(settings), "pairs with --pairs") as on_over:
        ladder = climb(model, settings, device, on_over)
    report(ladder.matches, ladder.ratings, settings, device, ladder.seconds, json, picture)
