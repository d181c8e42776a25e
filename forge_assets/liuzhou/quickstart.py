"""Liuzhou in `make run`: a short self-play, its film, and the commands to continue with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_assets.flywheel.steps import one_partition
from forge_core.liuzhou.reference import REFERENCE

if TYPE_CHECKING:
    from forge_assets.quickstart import Quickstart

GENERATION = "g000"
PLAYING = {"count": 96, "model": REFERENCE}
"""settings of liuzhou_self_play: three files of games, by the network that comes with the project"""


def make_all(quickstart: Quickstart) -> None:
    """Run all steps. Raises RunFailed."""
    quickstart.title("Liuzhou: a network plays against itself")
    (played,) = quickstart.make(
        "liuzhou_self_play",
        one_partition(GENERATION),
        PLAYING,
        waiting=f"{REFERENCE} plays against itself, half a minute",
    )
    pace = f", {played['seconds']:.0f} s on {played['device']}" if "seconds" in played else ""
    won = f"black won {played['black_won']}, white {played['white_won']}, {played['drawn']} drawn"
    quickstart.print(
        f"liuzhou_self_play   {played['games']} games, {played['positions']:,} positions, "
        f"{won}{pace}\n"
        f"film   {played['film']}\n"
        "to train a network on its own games: .venv/bin/forge liuzhou train; to play against this one: "
        f".venv/bin/forge liuzhou play --white search:sims=256,model={REFERENCE}"
    )
