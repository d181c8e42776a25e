"""`forge liuzhou evaluate`: a network on the ladder of fixed opponents, with Elo ratings."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from forge_core.cli.options import Device, Json, expand_settings
from forge_core.liuzhou.cli.options import Picture
from forge_core.liuzhou.cli.report import playing, report
from forge_core.liuzhou.settings.matches import ANCHOR, LadderSettings


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
    from forge_core.liuzhou.match import play_ladder, rate
    from forge_core.liuzhou.players import make_player
    from forge_core.liuzhou.players.names import ladder_name

    names = [ladder_name(model, settings.sims), *settings.names]
    player, *opponents = (make_player(name, device) for name in names)
    n = len(opponents)
    n_matches = n + n * (n - 1) // 2 if settings.cross else n
    begun = time.perf_counter()
    with playing(2 * n_matches * settings.pairs) as on_over:
        matches = play_ladder(player, opponents, settings, settings.cross, on_over)
    ratings = rate(matches, ANCHOR if ANCHOR in settings.names else opponents[0].name)
    report(matches, ratings, settings, device, time.perf_counter() - begun, json, picture)
