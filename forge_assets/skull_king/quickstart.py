"""Skull King in `make run`: a short training, the film of a round, and the commands to continue with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_assets.flywheel.steps import one_partition
from forge_core.skull_king.settings.learning import DEFAULT_RECIPE

if TYPE_CHECKING:
    from forge_assets.quickstart import Quickstart

LEARNING = {"decisions": 120_000, "batch": 2_048, "minibatch": 512}
"""settings of skull_king_policy: seconds of learning, by small batches so that it learns at all"""
ROUND, SEED = 6, 0
"""the round that is filmed, and the seed of its deals: from the train split"""
WORLDS = 50
"""worlds by which the bids of the film are judged"""


def make_all(quickstart: Quickstart) -> None:
    """Run all steps. Raises RunFailed."""
    quickstart.title("Skull King: a network learns to bid and play")
    (trained,) = quickstart.make(
        "skull_king_policy",
        one_partition(DEFAULT_RECIPE),
        LEARNING,
        waiting="a network learns from nothing, half a minute",
    )
    quickstart.print(
        f"\nskull_king_policy   {trained['decisions']:,} decisions in {trained['cpu_seconds']:.0f} CPU s on "
        f"{trained['device']}: {trained['score']:+.0f} against 3 hard, {trained['hit']:.0%} of its bids met, "
        f"{trained['wins']:.0%} won"
    )
    quickstart.title(f"Skull King: round {ROUND}, with the network in seat N")
    quickstart.print(f"{film(trained['model'])}\n", markup=False)
    quickstart.print(
        "to train for a quarter of an hour: .venv/bin/forge skull-king train --minutes 15; to play at the "
        "table: .venv/bin/forge skull-king play"
    )


def film(model: str) -> str:
    """Return a round as text with its legend, in which the network sits in seat N among three hards."""
    from forge_core.skull_king.advice.search import SearchAdviser
    from forge_core.skull_king.film import LEGEND, film_round, film_text
    from forge_core.skull_king.game import SkullKingGame
    from forge_core.skull_king.players import make_player
    from forge_core.skull_king.players.network import NetworkPlayer
    from forge_core.skull_king.search import SearchSettings

    own = NetworkPlayer.load(model, "cpu")
    game = SkullKingGame(own.network.spec.seats, own.network.spec.rules)
    players = [own, *[make_player("hard")] * (game.seats - 1)]
    adviser = SearchAdviser(SearchSettings(WORLDS))
    shown = film_round(game, players, SEED, ROUND, adviser)
    return f"{film_text(shown)}\n{LEGEND} v: {adviser.note}."
