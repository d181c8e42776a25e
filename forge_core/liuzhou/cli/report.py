"""The report of matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_core.cli.filling import write_file
from forge_core.liuzhou.settings.matches import PairSettings

if TYPE_CHECKING:
    from forge_core.arena.match import Match
    from forge_core.arena.ratings import Rating


def report(
    matches: Sequence[Match],
    ratings: Sequence[Rating],
    settings: PairSettings,
    device: str,
    seconds: float,
    as_json: bool,
    picture: str | None = None,
) -> None:
    """Print the figures of matches, and the ratings if there are any. picture: the file to draw them to."""
    from forge_core.cli.screen import print_json
    from forge_core.device import device_name
    from forge_core.liuzhou.match import Comparison

    compared = [Comparison.of(match) for match in matches]
    if as_json:
        print_json(
            {
                "pairs": settings.pairs,
                "opening": settings.opening,
                "seed": settings.seed,
                "device": device_name(device),
                "seconds": round(seconds, 3),
                "matches": [comparison.to_dict() for comparison in compared],
                "ratings": [rating.to_dict() for rating in ratings],
            }
        )
    else:
        _print_matches(compared)
        if ratings:
            _print_ratings(ratings)
        _print_note(compared, settings, device_name(device), seconds)
    if picture:  # last, so that a picture that fails loses no result
        from forge_core.arena.pictures import draw_ladder

        write_file(picture, draw_ladder([comparison.tally for comparison in compared], ratings))


def _print_matches(compared: Sequence) -> None:
    from forge_core.arena.scores import score_text
    from forge_core.arena.standings import swing_text
    from forge_core.cli.screen import screen, table

    tested = any(comparison.was_tested for comparison in compared)
    titles = ["", "won", "drawn", "lost", "score", "stones", "plies", "pairs", *(["test"] if tested else [])]
    grid = table(*titles, numbers="won drawn lost plies pairs")
    for comparison in compared:
        tally = comparison.tally
        cells = [f"{tally.a} : {tally.b}", *(f"{n:,}" for n in (tally.won, tally.drawn, tally.lost))]
        cells += [score_text(tally.score), swing_text(comparison.stones), f"{comparison.plies:.0f}"]
        verdict = {"a": f"{tally.a} is better", "b": f"{tally.b} is better", None: "open"}[comparison.better]
        grid.add_row(*cells, f"{tally.seeds:,}", *([verdict] if tested else []))
    screen().print(grid)


def _print_ratings(ratings: Sequence[Rating]) -> None:
    from forge_core.cli.screen import screen, table

    grid = table("", "player", "Elo", "95 %", "games", numbers="Elo games")
    for place, rating in enumerate(ratings, start=1):
        interval = f"{rating.low:+.0f} to {rating.high:+.0f}" if rating.low < rating.high else "anchor"
        grid.add_row(str(place), rating.name, f"{rating.elo:+.0f}", interval, f"{rating.games:,}")
    out = screen()
    out.print()
    out.print(grid)


def _print_note(compared: Sequence, settings: PairSettings, device: str, seconds: float) -> None:
    from forge_core.cli.screen import screen, seconds_text

    note = " An early stop makes an interval a little too narrow." if compared[0].was_tested else ""
    out = screen()
    out.print()
    out.print(
        "score: wins and half the draws per game, with its 95 % interval by pairs; stones: lead at the end; "
        f"plies: actions per game. Pairs begin with {settings.opening} random actions, seed "
        f"{settings.seed}.{note} {seconds_text(seconds)} on {device}.",
        style="dim",
        soft_wrap=True,
    )
