"""Blocks of 50 consecutive seeds, the unit in which data is made.

The size is 50 because such a block never straddles two splits (900..949 and 950..999 are whole blocks), and
because 100,000 seeds then make 20,000 partitions, which Dagster handles easily.
"""

from __future__ import annotations

from forge_core.splits import BLOCK_SIZE

N_BLOCKS = 2_000
"""Number of blocks, for the seeds 0..99,999: raise it when the flywheel has used all of them."""


def block_name(block: int) -> str:
    """Return the name of a block: 0 -> `seeds_000000_000049`."""
    first = block * BLOCK_SIZE
    return f"seeds_{first:06d}_{first + BLOCK_SIZE - 1:06d}"


def block_seeds(name: str) -> range:
    """Return the seeds of a block: `seeds_000000_000049` -> range(0, 50)."""
    _, first, last = name.split("_")
    return range(int(first), int(last) + 1)
