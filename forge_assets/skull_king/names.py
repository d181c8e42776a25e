"""Names of Skull King in the pipeline. Nothing here imports Dagster."""

from __future__ import annotations

from forge_core.skull_king.settings.learning import RECIPES

GROUP = "skull_king"
"""of all assets of the game"""
RECIPE_NAMES = tuple(RECIPES)
"""partitions of networks"""
REGISTERED = "skull-king-policy"
"""name of the registered model: networks of all recipes compete for one champion"""
ROUNDS = "rounds"
"""kind of rows that networks learn from: rounds that they played themselves"""


def objective_of(recipe: str) -> str:
    """Return the word by which networks of a recipe are found: `skull-king-hierarchical`."""
    return f"skull-king-{recipe}"
