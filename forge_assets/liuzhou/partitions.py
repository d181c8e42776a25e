"""Partitions of the assets of Liuzhou: generations of self-play games, and sizes of networks."""

from __future__ import annotations

import dagster as dg

from forge_core.liuzhou.settings.network import DEFAULT_SIZE, REFERENCE_SIZE

N_GENERATIONS = 200
"""number of generations: enough for months of a flywheel that adds one per iteration"""
SIZES = (DEFAULT_SIZE, REFERENCE_SIZE)

generations = dg.StaticPartitionsDefinition([f"g{number:03d}" for number in range(N_GENERATIONS)])
"""Keys such as `g007`: folders of `forge_core.liuzhou.files`."""
sizes = dg.StaticPartitionsDefinition(list(SIZES))
"""Keys such as `32x3`: width x blocks."""


def objective_of(size: str) -> str:
    """Return the objective under which networks of a size are registered: `liuzhou-32x3`."""
    return f"liuzhou-{size}"
