"""`forge skull-king yardstick`: the players that every other player is measured against."""

from __future__ import annotations

import time

from forge_core.cli.options import Json, expand_settings
from forge_core.skull_king.cli.report import print_results
from forge_core.skull_king.settings.evaluation import EvaluationSettings

TABLES = (
    ("hard", "hard"),
    ("captain", "hard"),
    ("medium", "hard"),
    ("easy", "hard"),
    ("random", "hard"),
    ("captain", "captain"),
    ("hard", "captain"),
)
"""(player, its three opponents)"""


@expand_settings
def yardstick(*, settings: EvaluationSettings, json: Json = False) -> None:
    """Play the players by rules against three of a kind, at four seats by printed rules."""
    from forge_core.cli.screen import playing, print_json, screen, seconds_text
    from forge_core.skull_king.arena import evaluate
    from forge_core.skull_king.players import make_player

    begun, results = time.perf_counter(), []
    with playing(settings.deals * 4 * len(TABLES), "deals with --deals") as on_over:
        for name, others in TABLES:
            player, against = make_player(name), make_player(others)
            results.append(evaluate(player, against, settings.seeds, seed=settings.seed, on_over=on_over))
    seconds = time.perf_counter() - begun
    if json:
        print_json({"tables": [result.to_dict() for result in results], "seconds": round(seconds, 3)})
        return
    print_results(results)
    screen().print(
        f"95 % intervals over {settings.deals:,} deals, each played in every seat; seed {settings.seed}. "
        f"{seconds_text(seconds)}.",
        style="dim",
        soft_wrap=True,
    )
