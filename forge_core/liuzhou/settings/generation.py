"""Settings of a generation of self-play that is stored: its games, and the network that plays them."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.ranges import check_numbers, read_seed
from forge_core.settings import setting

DEFAULT_GAMES, MOST_GAMES = 512, 1_000_000
"""default: some minutes of one core, with a network for a CPU; most: names of files have six digits"""

GAMES_FOLDER = "liuzhou-games"
"""folder of stored games below the root of a store"""
LIVE, STORED = "self-play", "generations"
"""kinds of positions that networks learn from: of games played during training, or of stored games"""


def generation_name(number: int) -> str:
    """Return the name of a generation, its folder and its partition: `g007`."""
    return f"g{number:03d}"


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """Settings of a generation. Raises BadInput for a number of games out of range."""

    count: int = setting(DEFAULT_GAMES, "Games of the generation, rounded up to whole files of 32 games.")
    seed: int = setting(0, "Seed of all draws; each generation draws differently.", read=read_seed)

    def __post_init__(self) -> None:
        check_numbers(self)
        if not 1 <= self.count <= MOST_GAMES:
            raise BadInput(f"{self.count:,} games in a generation: use 1..{MOST_GAMES:,}")
