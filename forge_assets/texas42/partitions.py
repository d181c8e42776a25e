"""Partitions of Texas 42 data: blocks of seeds by declaration, and the files of each partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from forge_assets.dagster_internals import RANGE_END, RANGE_START
from forge_assets.texas42.blocks import BLOCK_SIZE, MOST_BLOCKS, block_name, block_seeds
from forge_core.errors import BadInput
from forge_core.ranges import ranges_text
from forge_core.texas42.benchmark import GOLDEN_SHARD_SEEDS
from forge_core.texas42.declarations import NAMES, parse_declaration

if TYPE_CHECKING:
    from forge_core.texas42.oracle.shards import ShardKey

declarations = dg.StaticPartitionsDefinition(list(NAMES))
UNIVERSE = "seed_blocks"
"""name under which an instance keeps the blocks that there are: see `forge_assets.texas42.universe`"""
seed_blocks = dg.DynamicPartitionsDefinition(name=UNIVERSE)
golden_seeds = dg.StaticPartitionsDefinition([f"seed_{seed:06d}" for seed in GOLDEN_SHARD_SEEDS])

shard_partitions = dg.MultiPartitionsDefinition({"seeds": seed_blocks, "decl": declarations})
"""Keys such as `sixes|000000-000049`: Dagster sorts dimensions by name."""
golden_partitions = dg.MultiPartitionsDefinition({"seed": golden_seeds, "decl": declarations})
"""Keys such as `sixes|seed_000900`."""


def block_range(first: int, last: int) -> dict[str, str]:
    """Return the run tags that cover blocks `first`..`last` under all ten declarations, in one run.

    The daemon would split a backfill of the same partitions into one run per declaration. Raise BadInput if
    a block does not exist.
    """
    if not 0 <= first <= last < MOST_BLOCKS:
        raise BadInput(f"blocks {first}..{last} do not all exist: use 0..{MOST_BLOCKS - 1}")
    return {
        RANGE_START: f"{NAMES[0]}|{block_name(first)}",
        RANGE_END: f"{NAMES[-1]}|{block_name(last)}",
    }


def golden_range() -> dict[str, str]:
    """Return the run tags that cover the whole benchmark in one run."""
    seeds = golden_seeds.get_partition_keys()
    return {
        RANGE_START: f"{NAMES[0]}|{seeds[0]}",
        RANGE_END: f"{NAMES[-1]}|{seeds[-1]}",
    }


def partitions_text(partitions: Sequence[str]) -> str:
    """Return a short description of partitions: `blocks 0-3, 7 of sixes; block 9 of all declarations`.

    partitions: of one asset, either blocks (with or without a declaration) or seeds of the benchmark.
    """
    by_decl: dict[str, list[int]] = {}
    for partition in partitions:
        decl, _, rest = partition.rpartition("|")
        golden = rest.startswith("seed_")
        number = int(rest.removeprefix("seed_")) if golden else block_seeds(rest)[0] // BLOCK_SIZE
        by_decl.setdefault(decl, []).append(number)
    noun = "seed" if any("|seed_" in partition for partition in partitions) else "block"
    alike: dict[str, list[str]] = {}
    for decl, numbers in by_decl.items():
        alike.setdefault(ranges_text(numbers), []).append(decl)
    parts = []
    for numbers, decls in alike.items():
        plural = "s" if "," in numbers or "-" in numbers else ""
        named = "all declarations" if len(decls) == len(NAMES) else ", ".join(decls)
        of_decls = f" of {named}" if named else ""
        parts.append(f"{noun}{plural} {numbers.replace(',', ', ')}{of_decls}")
    return "; ".join(parts)


def shard_keys(partition: str, declarations: str, opponents: int | None = None) -> list[ShardKey]:
    """Return the keys of the shards of a partition of `shard_partitions`.

    declarations: `one` (the seeds of the block whose own declaration, seed % 10, is the partition's) or `all`
    (every seed of the block). opponents: number of deals per base hand. Raise BadInput for any other word.
    """
    from forge_core.texas42.oracle.shards import seed_keys

    decl_name, block = partition.split("|")
    decl, seeds = parse_declaration(decl_name), block_seeds(block)
    if declarations == "all":
        return seed_keys(seeds, decl, opponents)
    if declarations == "one":
        return [key for key in seed_keys(seeds, "seed", opponents) if key.decl == decl]
    raise BadInput(f"declarations is {declarations!r}: use one or all")


def block_keys(name: str) -> list[ShardKey]:
    """Return the keys of a partition of `seed_blocks`: each seed under its own declaration, seed % 10."""
    from forge_core.texas42.oracle.shards import seed_keys

    return seed_keys(block_seeds(name), "seed")


def golden_keys(partition: str) -> list[ShardKey]:
    """Return the key of the one shard of a partition of `golden_partitions`."""
    from forge_core.texas42.oracle.shards import seed_keys

    decl_name, seed = partition.split("|")
    return seed_keys([int(seed.removeprefix("seed_"))], parse_declaration(decl_name))
