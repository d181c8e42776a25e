"""Partitions of the assets of Skull King: recipes."""

from __future__ import annotations

import dagster as dg

from forge_assets.skull_king.names import RECIPE_NAMES

recipes = dg.StaticPartitionsDefinition(list(RECIPE_NAMES))
"""Keys such as `hierarchical`."""
