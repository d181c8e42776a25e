"""Settings that `forge-pipeline gaps` expects of shards.

Nothing here imports Dagster when it is loaded: the options of the verb are made from the settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forge_core.settings import like, setting
from forge_core.texas42.settings.shards import MarginalizedSettings, Rows, ShardSettings


@dataclass(frozen=True, slots=True)
class ExpectedShards:
    """Settings of shards, and the layout of their partitions; None: those that the store has most of."""

    rows: Rows | None = like(
        ShardSettings,
        "rows",
        default=None,
        help="States that a shard should hold; or all.",
        default_text="as most have",
    )
    sample_seed: int | None = like(
        ShardSettings,
        "sample_seed",
        default=None,
        help="Seed by which the states of a shard should have been drawn.",
        default_text="as most have",
    )
    declarations: Literal["one", "all"] = setting(
        "one", "one: each seed under declaration seed % 10; all: each seed under all ten."
    )
    opponents: int | None = like(
        MarginalizedSettings,
        "opponents",
        default=None,
        help="Marginalized deals that there should be for each hand of seat 0.",
        default_text="as the store has",
    )
