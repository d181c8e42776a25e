"""The table of what flywheels did, in all games."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forge_assets.frames.tables import Column, Documents, Table, Values

FOLDERS = ("flywheel", "liuzhou_flywheel", "skull_king_flywheel")
"""names of the flywheels, which are also their folders in the store"""
GAMES = ("texas42", "liuzhou", "skull_king")
"""their games"""


def _read_iterations(folder: str, name: str, record: Any) -> Iterator[Values]:
    from forge_assets.flywheel.storage import parse_state
    from forge_assets.games import all_games

    game, flywheel = next(
        (game.name, game.flywheel) for game in all_games() if game.flywheel and game.flywheel.name == folder
    )
    state = parse_state(flywheel, record)
    for past in state.history:
        yield {
            "game": game,
            "flywheel": state.settings.group,
            "iteration": past.number,
            "units": list(past.units),
            "unit": flywheel.words.unit,
            "examples": past.examples,
            "example": flywheel.words.examples,
            "challenger": past.challenger,
            "figure": flywheel.words.figure,
            "challenger_figure": past.challenger_figure,
            "champion_figure": past.champion_figure,
            "promoted": past.promoted,
            "reasons": list(past.reasons),
            "attempts": past.attempts,
        }


ITERATIONS = Table(
    "iterations",
    "an iteration of a flywheel that has ended",
    (
        Column("game", "string", "the game"),
        Column("flywheel", "string", "group of the runs of the flywheel"),
        Column("iteration", "int64", "number of the iteration"),
        Column("units", "list[int64]", "numbers of the units of data that it added"),
        Column("unit", "string", "kind of these units, such as block or generation"),
        Column("examples", "int64", "amount of data that the challenger learnt from"),
        Column("example", "string", "what is counted, such as seeds or games"),
        Column("challenger", "string", "folder of the challenger"),
        Column("figure", "string", "name of the figure by which networks are compared, such as q_gap or elo"),
        Column("challenger_figure", "float64", "the figure of the challenger"),
        Column("champion_figure", "float64", "the figure of the champion after the gate; null if none"),
        Column("promoted", "bool", "the challenger became champion"),
        Column("reasons", "list[string]", "reasons of the gate"),
        Column("attempts", "int64", "attempts that the iteration took"),
    ),
    Documents(FOLDERS, _read_iterations, "delete it and run the flywheel's verb init"),
    assets={name: {"game": [game]} for name, game in zip(FOLDERS, GAMES, strict=True)},
)
TABLES = (ITERATIONS,)
