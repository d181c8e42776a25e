"""Liuzhou in `make run`: a short self-play, its film, and how to go on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_assets.flywheel.steps import one_partition

if TYPE_CHECKING:
    from forge_assets.quickstart import Quickstart

GENERATION = "g000"
PLAYING = {"count": 32, "playouts": 16}
"""settings of liuzhou_self_play: one file of games, in which random playouts choose the moves"""


def make_all(quickstart: Quickstart) -> None:
    """Run all steps. Raises RunFailed."""
    (played,) = quickstart.make(
        "liuzhou_self_play",
        one_partition(GENERATION),
        PLAYING,
        waiting="games of Liuzhou, in which random playouts choose the moves",
    )
    pace = f", {played['seconds']:.0f} s on {played['device']}" if "seconds" in played else ""
    quickstart.print(
        f"\nliuzhou_self_play   {played['games']} games, {played['positions']:,} positions, "
        f"{played['drawn_share']:.0%} drawn, {played['plies']:.0f} actions a game{pace}\n"
        f"film   {played['film']}\n"
        "to let a network learn from its own games: .venv/bin/forge liuzhou train"
    )
