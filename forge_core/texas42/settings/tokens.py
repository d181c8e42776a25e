"""Settings of training rows: which states of a shard a network learns from."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.ranges import whole
from forge_core.settings import like, setting
from forge_core.texas42.settings.shards import ShardSettings

DEFAULT_ROWS = 10_000
"""rows of a shard"""
DECISION_SHARE = 0.75
"""share of decisions among the rows of a deal: 31 % are decisions in a draw stratified by ply, and
only they tell a good player from a bad one; the other rows teach values"""


def read_row_count(text: str) -> int:
    """Return a whole number of at least 0; TokenConfig knows the smallest. Raises BadInput."""
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
        ShardSettings, "sample_seed", help="Seed of the draw of rows: another number draws others."
    )
