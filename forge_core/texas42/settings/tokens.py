"""User settings of training rows: which states of a shard a network learns from."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.ranges import whole
from forge_core.settings import like, setting
from forge_core.texas42.settings.shards import ShardSettings

DEFAULT_ROWS = 10_000
"""rows per shard"""
DECISION_SHARE = 0.75
"""share of decisions among the rows of a deal; a draw stratified by ply has only 31 %, but only decisions
distinguish good play from bad, whereas the other rows teach values"""


def read_row_count(text: str) -> int:
    """Parse a number of rows, at least 0; TokenConfig checks that it is not too small. Raises BadInput."""
    return whole(text, "rows")


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Settings of training rows: how many are drawn, and from which shards."""

    rows: int = setting(DEFAULT_ROWS, "Rows to draw from each shard.", read=read_row_count)
    source: str = setting("standard", "Shards to draw from: standard, marginalized or both.", metavar="KIND")
    decision_share: float | None = setting(
        None, "Share of decisions among the rows, from 0 to 1.", default_text=f"{DECISION_SHARE}"
    )
    sample_seed: int = like(
        ShardSettings, "sample_seed", help="Seed for drawing rows; a different seed draws different rows."
    )
