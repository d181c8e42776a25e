"""Partitions of the assets of Liuzhou: generations of self-play games, and sizes of networks."""

from __future__ import annotations

import dagster as dg

from forge_assets.liuzhou.names import N_GENERATIONS, SIZES
from forge_core.liuzhou.settings.generation import generation_name

generations = dg.StaticPartitionsDefinition([generation_name(number) for number in range(N_GENERATIONS)])
"""Keys such as `g007`."""
sizes = dg.StaticPartitionsDefinition(list(SIZES))
"""Keys such as `32x3`: width x blocks."""
