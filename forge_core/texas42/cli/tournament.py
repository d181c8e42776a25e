"""`forge tournament`: whole games to seven marks between sides, each a bidder and a player."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.options import Device, Json, expand_settings
from forge_core.cli.status import Stopped
from forge_core.texas42.settings.tournaments import TournamentSettings

if TYPE_CHECKING:
    from forge_core.arena.ratings import Rating
    from forge_core.texas42.arena.tournament import GamesReport


@expand_settings
def tournament(
    *,
    sides: Annotated[
        list[str],
        typer.Argument(
            metavar="BIDDER+PLAYER...",
            help="Two or more sides. Bidders: rule, playouts:playout=network,samples=50, "
            "rollout, learned:model=DIR. Options of rollout: worlds=400, candidates=8, tau=CHANCE, "
            "partner_tau=CHANCE, mix=SHARE, policy=network|heuristic, shortlist=3. "
            "Players: as in forge match. Example: rollout+strong rule+eq:worlds=50.",
        ),
    ],
    settings: TournamentSettings,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Play whole games to seven marks, with auctions, between every two sides.

    Games come in pairs with the same deals and exchanged seats. Elo ratings are fitted to all games, with
    intervals from redrawn pairs; that of the last side is 0.
    """
    from forge_core.cli.screen import print_json, progress_bar, seconds_text
    from forge_core.device import device_name
    from forge_core.texas42.arena.tournament import GamesReport, play_tournament, rate_sides
    from forge_core.texas42.arena.whole_games import GAMES_PER_PAIR, parse_side

    opened = [parse_side(text, device) for text in sides]
    n = GAMES_PER_PAIR * settings.pairs * (len(opened) * (len(opened) - 1) // 2)
    begun = time.perf_counter()
    try:
        with progress_bar(f"playing {n:,} games", n) as move:
            matches = play_tournament(
                opened, settings.pairs, settings.seed, settings.forced, settings.batch, move
            )
    except KeyboardInterrupt:
        raise Stopped("stopped; no games were stored") from None
    seconds = time.perf_counter() - begun
    reports = [GamesReport.of(games) for games in matches]
    ratings = rate_sides(matches, opened[-1].name, settings.seed)
    if json:
        print_json(
            {
                "sides": {side.name: side.describe() for side in opened},
                "forced": settings.forced,
                "seconds": round(seconds, 3),
                "device": device_name(device),
                "matches": [report.to_dict() for report in reports],
                "ratings": [rating.to_dict() for rating in ratings],
            }
        )
    else:
        _print_report(reports, ratings, f"{seconds_text(seconds)} on {device_name(device)}")


def _print_report(reports: list[GamesReport], ratings: list[Rating], effort: str) -> None:
    """Print the ratings, every pair of sides, and the contracts of each side."""
    from forge_core.cli.screen import screen, table
    from forge_core.texas42.arena.tournament import PLACES

    out = screen()
    grid = table("side", "Elo", "95 %", "games", numbers="Elo games")
    for rating in ratings:
        interval = "anchor" if rating.low == rating.high == 0 else f"{rating.low:+.0f} to {rating.high:+.0f}"
        grid.add_row(rating.name, f"{rating.elo:+.0f}", interval, f"{rating.games:,}")
    out.print(grid)
    for report in reports:
        share = report.share
        out.print()
        out.print(
            f"{report.a.name} won {100 * share.mean:.1f} % of the games ({100 * share.low:.1f} to "
            f"{100 * share.high:.1f}) against {report.b.name}; of {report.pairs} pairs of games it won "
            f"both in {report.both}, one in {report.pairs - report.both - report.neither}, none in "
            f"{report.neither}; {report.hands_per_game:.1f} hands per game",
            soft_wrap=True,
        )
        grid = table("contracts of", "place", "n", "promised", "made", "95 %", numbers="n promised made")
        for side in (report.a, report.b):
            for row in side.calibration:
                place = "all" if row.place is None else PLACES[row.place]
                numbers = f"{row.contracts:,}", f"{row.promised:.3f}", f"{row.made:.3f}"
                grid.add_row(side.name, place, *numbers, f"{row.low:.3f} to {row.high:.3f}")
        out.print(grid)
        for side in (report.a, report.b):
            out.print(
                f"{side.name}: {side.mean_marks:.2f} marks per contract; CPU s per game: bidding "
                f"{side.bidding_s:.2f}, playing {side.playing_s:.2f}",
                style="dim",
                soft_wrap=True,
            )
    out.print()
    out.print(
        "promised: mean chance to make the bid, as the bidder estimates it when it declares; made: share of "
        f"contracts made, with a 95 % interval. {effort}.",
        style="dim",
        soft_wrap=True,
    )
