"""Names of Liuzhou in the pipeline: of generations, sizes of networks, and what is registered of them.

Nothing here imports Dagster: the verbs of the flywheel need the names too.
"""

from __future__ import annotations

from collections.abc import Sequence

from forge_core.liuzhou.settings.network import DEFAULT_SIZE, REFERENCE_SIZE
from forge_core.ranges import ranges_text

GROUP = "liuzhou"
"""of all assets of the game"""
N_GENERATIONS = 200
"""number of generations: enough for months of a flywheel that adds one per iteration"""
SIZES = (DEFAULT_SIZE, REFERENCE_SIZE)
"""sizes of networks that are registered"""
PLAYOUTS = "none"
"""as the model of self-play: there is no network, and random playouts choose the moves"""
RECORDED = "recorded"
"""as the model of self-play: the network and the settings that the record of the generation names"""


def objective_of(size: str) -> str:
    """Return the word by which networks of a size are found and registered: `liuzhou-32x3`."""
    return f"liuzhou-{size}"


def number_of(generation: str) -> int:
    """Return the number of a generation: `g007` -> 7."""
    return int(generation.removeprefix("g"))


def generations_text(numbers: Sequence[int]) -> str:
    """Return a short description of generations: `generations 0-3,7`."""
    return f"generation{'' if len(numbers) == 1 else 's'} {ranges_text(numbers)}"
