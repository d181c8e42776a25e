"""The tables of evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_core.splits import Split

if TYPE_CHECKING:
    from forge_core.skull_king.arena import Result
    from forge_core.skull_king.settings.evaluation import EvaluationSettings


def print_results(results: Sequence[Result]) -> None:
    """Print a table with one line per evaluation."""
    from forge_core.cli.screen import screen, table
    from forge_core.skull_king.arena import interval_text

    grid = table("", "score", "bids met", "wins", "score of others", "games", numbers="games")
    for result in results:
        grid.add_row(
            f"{result.name} against {result.others_text}",
            interval_text(result.score, 1),
            interval_text(result.hit, 3),
            interval_text(result.win, 3),
            f"{result.other_score.mean:+.1f}",
            f"{len(result.seeds) * (len(result.others) + 1):,}",
        )
    screen().print(grid)


def print_rounds(result: Result, settings: EvaluationSettings, seconds: float) -> None:
    """Print the points and the share of bids met by round, and the conditions."""
    from forge_core.cli.screen import screen, seconds_text, table
    from forge_core.skull_king.arena import interval_text

    grid = table("round", "points", "bids met", numbers="round")
    for number, (points, hit) in enumerate(result.rounds(), start=1):
        grid.add_row(str(number), interval_text(points, 1), interval_text(hit, 3))
    out = screen()
    out.print()
    out.print(grid)
    out.print()
    assumed, split = result.settings, Split.TEST if settings.final else Split.VAL
    note = ""
    if "rollouts_others" in assumed:
        note = f" Rollouts: {assumed['rollouts_me']} here, {assumed['rollouts_others']} elsewhere."
    out.print(
        f"95 % intervals over {len(result.seeds):,} deals of the {split} split, each played in every seat; "
        f"seed {settings.seed}.{note} {seconds_text(seconds)}.",
        style="dim",
        soft_wrap=True,
    )
