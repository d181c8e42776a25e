"""The record that registers Skull King: see `forge_assets.games`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forge_assets.games import Game, GameDefinitions, RegisteredModel
from forge_assets.skull_king import versions
from forge_assets.skull_king.flywheel import FLYWHEEL
from forge_assets.skull_king.names import RECIPE_NAMES, REGISTERED, objective_of
from forge_core.skull_king.reference import REFERENCE
from forge_core.skull_king.settings.learning import DEFAULT_RECIPE

if TYPE_CHECKING:
    from forge_assets.quickstart import Quickstart


def _definitions() -> GameDefinitions:
    from forge_assets.skull_king.definitions import definitions

    return definitions()


def _quickstart(quickstart: Quickstart) -> None:
    from forge_assets.skull_king.quickstart import make_all

    make_all(quickstart)


def _model(recipe: str) -> RegisteredModel:
    reference = REFERENCE if recipe == DEFAULT_RECIPE else None
    return RegisteredModel(
        objective_of(recipe),
        REGISTERED,
        "skull_king_policy",
        recipe,
        reference,
        evaluate="forge skull-king evaluate {model}",
        has_evaluation=True,
    )


SKULL_KING = Game(
    name="skull_king",
    experiment=REGISTERED,
    model_prefix="skull-king-",
    models=tuple(map(_model, RECIPE_NAMES)),
    definitions=_definitions,
    network_version=versions.of_network,
    results={
        "rows": "{:,.0f} decisions",
        "step": "step {:,.0f}",
        "hard_score": "{:+.0f} against 3 hard",
        "captain_score": "{:+.0f} against 3 captains",
        "seconds": "",
        "cpu_seconds": "{:,.0f} CPU s",
    },
    flywheel=FLYWHEEL,
    quickstart=_quickstart,
)
