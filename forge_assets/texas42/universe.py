"""The universe of seeds in a Dagster instance: the blocks that its partitions are made of.

Dagster keeps the blocks in its database, as dynamic partitions. So the universe can grow while everything
runs, and all processes and machines see the same one. It never shrinks.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from forge_assets.dagster_internals import has_old_partitions
from forge_assets.renaming import OLD_NAMES
from forge_assets.resources import failing_plainly
from forge_assets.texas42.blocks import (
    BLOCK_SIZE,
    MOST_BLOCKS,
    RENAMED,
    SEEDS_VARIABLE,
    block_name,
    block_seeds,
    blocks_to_hold,
    universe_blocks,
)
from forge_assets.texas42.partitions import UNIVERSE
from forge_core.errors import BadInput

_PER_CALL = 5_000
"""blocks added per call: SQLite accepts 32,766 parameters in a statement"""


def grow_universe(instance: dg.DagsterInstance, blocks: Sequence[int] = ()) -> int:
    """Let the universe hold FORGE_SEEDS seeds and these blocks; return the number of blocks that it then has.

    It takes 3 ms if nothing is missing. Raise BadInput if a block or FORGE_SEEDS is out of range.
    """
    if blocks and not 0 <= min(blocks) <= max(blocks) < MOST_BLOCKS:
        raise BadInput(f"blocks {min(blocks)}..{max(blocks)} do not all exist: use 0..{MOST_BLOCKS - 1}")
    n_blocks = max([universe_blocks(), *(blocks_to_hold(block) for block in blocks)])
    if not instance.has_dynamic_partition(UNIVERSE, block_name(n_blocks - 1)):
        names = [block_name(block) for block in range(n_blocks)]  # in order: ranges of partitions rely on it
        for start in range(0, n_blocks, _PER_CALL):
            instance.add_dynamic_partitions(UNIVERSE, names[start : start + _PER_CALL])
    return n_blocks


def register(instance: dg.DagsterInstance, partitions: Sequence[str] = ()) -> None:
    """Let the universe hold FORGE_SEEDS seeds and these partitions of any asset of the game."""
    names = [partition.rpartition("|")[2] for partition in partitions]
    blocks = [block_seeds(name)[0] // BLOCK_SIZE for name in names if not name.startswith("seed_")]
    grow_universe(instance, blocks)


@dg.sensor(
    name="seed_blocks",
    minimum_interval_seconds=600,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=f"Lists the blocks of the first {SEEDS_VARIABLE} seeds as partitions (1,000 by default). It "
    "starts no runs. Raise the variable for more; flywheels add what they need themselves.",
)
def seed_blocks_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """List the blocks that FORGE_SEEDS asks for in a new instance, or after the variable was raised."""
    with failing_plainly():
        n_blocks = grow_universe(context.instance)
    if has_old_partitions(context.instance, RENAMED):
        return dg.SkipReason(OLD_NAMES)
    return dg.SkipReason(f"at least the first {n_blocks * BLOCK_SIZE:,} seeds are listed")
