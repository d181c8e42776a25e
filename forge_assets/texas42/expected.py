"""The settings of shards that `forge-pipeline gaps` expects.

Loading this module does not import Dagster, since the options of the verb are made from these settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forge_core.settings import like, setting
from forge_core.texas42.settings.shards import MarginalizedSettings, Rows, ShardSettings


@dataclass(frozen=True, slots=True)
class ExpectedShards:
    """Expected settings of shards, and the layout of their partitions; None for the most common value."""

    rows: Rows | None = like(
        ShardSettings,
        "rows",
        default=None,
        help="Number of states that a shard should hold, or all.",
        default_text="as in most shards",
    )
    sample_seed: int | None = like(
        ShardSettings,
        "sample_seed",
        default=None,
        help="Seed with which the states of a shard should have been drawn.",
        default_text="as in most shards",
    )
    declarations: Literal["one", "all"] = setting(
        "one", "one: each seed under declaration seed % 10; all: each seed under all ten."
    )
    opponents: int | None = like(
        MarginalizedSettings,
        "opponents",
        default=None,
        help="Number of marginalized deals expected for each hand of seat 0.",
        default_text="as in the store",
    )
