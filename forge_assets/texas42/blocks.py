"""Blocks of 50 consecutive seeds, the unit in which data is made; the universe is the blocks that there are.

The size is 50 because such a block never straddles two splits (900..949 and 950..999 are whole blocks). A
thousand seeds are 18 blocks of train, one of val and one of test; the universe always holds whole thousands.

Loading this module does not import Dagster.
"""

from __future__ import annotations

import re

from forge_assets.renaming import Renaming
from forge_core.environment import variable
from forge_core.errors import BadInput
from forge_core.splits import BLOCK_SIZE

SEEDS_VARIABLE = "FORGE_SEEDS"
"""environment variable: number of seeds that Dagster lists, if the flywheel does not need more"""
DEFAULT_SEEDS = 1_000
"""default of FORGE_SEEDS: a first run fills a tenth of these partitions, so the graph is not all grey"""
GROWTH = 1_000 // BLOCK_SIZE
"""blocks by which the universe grows, so that every split gets its share"""
MOST_BLOCKS = 10_000
"""largest universe: times ten declarations, the 100,000 partitions per asset that Dagster advises"""

_NAME = re.compile(r"(?:seeds_)?(\d{6,})[-_](\d{6,})")
RENAMED = Renaming("seeds_", r"\bseeds_(\d{6})_(\d{6})\b", r"\1-\2")
"""names of blocks in earlier versions: `seeds_000000_000049`"""


def block_name(block: int) -> str:
    """Return the name of a block: 0 -> `000000-000049`, short enough that Dagster's UI shows it whole."""
    first = block * BLOCK_SIZE
    return f"{first:06d}-{first + BLOCK_SIZE - 1:06d}"


def block_seeds(name: str) -> range:
    """Return the seeds of a block: `000000-000049`, or `seeds_000000_000049` as before -> range(0, 50)."""
    found = _NAME.fullmatch(name)
    if not found:
        raise BadInput(f"{name!r} is not a block of seeds: use a name such as {block_name(1)}")
    return range(int(found[1]), int(found[2]) + 1)


def universe_blocks() -> int:
    """Return the number of blocks that FORGE_SEEDS asks for, rounded up to whole thousands of seeds.

    Raise BadInput if it is not a number from 1 to MOST_BLOCKS * 50.
    """
    text = variable(SEEDS_VARIABLE) or str(DEFAULT_SEEDS)
    most = MOST_BLOCKS * BLOCK_SIZE
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise BadInput(f"{SEEDS_VARIABLE} is {text!r}: use a number of seeds from 1 to {most}, such as 10000")
    return blocks_to_hold((int(text) - 1) // BLOCK_SIZE)


def blocks_to_hold(block: int) -> int:
    """Return the size, in blocks, of the smallest universe of whole thousands of seeds with this block."""
    return (block // GROWTH + 1) * GROWTH
