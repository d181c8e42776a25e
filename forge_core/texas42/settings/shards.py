"""User settings of shards: which states of a solved deal are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forge_core.errors import BadInput
from forge_core.ranges import shortened, whole
from forge_core.settings import setting

Rows = int | Literal["all"]

DEFAULT_ROWS = 50_000
"""states per deal; five for each row that training draws by default"""
DEFAULT_OPPONENTS, MOST_OPPONENTS = 3, 1_000
"""the default and the largest number of deals per hand of seat 0; more than that is a typing error"""


def read_rows(text: str) -> Rows:
    """Parse `all` or a number of rows; ShardConfig checks that it is not too small. Raises BadInput."""
    word = text.strip().lower()
    if word == "all":
        return "all"
    if not word.isdecimal():
        raise BadInput(f"rows {shortened(text)!r}: use a whole number or all")
    return whole(word, "rows")


def read_sample_seed(text: str) -> int:
    """Parse a sample seed, a whole number of at least 0. Raises BadInput."""
    return whole(text, "sample_seed")


def read_opponents(text: str) -> int:
    """Parse a number of opponents' deals, 1..MOST_OPPONENTS. Raises BadInput."""
    opponents = whole(text, "opponents")
    if not 1 <= opponents <= MOST_OPPONENTS:
        raise BadInput(f"opponents {opponents}: use 1 to {MOST_OPPONENTS:,}")
    return opponents


@dataclass(frozen=True, slots=True)
class ShardSettings:
    """Settings of shards: the states drawn from each solved deal, and the check of existing files."""

    rows: Rows = setting(
        DEFAULT_ROWS,
        "States to store per deal, drawn by ply with weights, or all.",
        metavar="N",
        read=read_rows,
    )
    sample_seed: int = setting(
        0, "Seed for drawing states; a different seed draws different states.", read=read_sample_seed
    )
    verify: bool = setting(False, "Read existing shards completely instead of only their footers.")


@dataclass(frozen=True, slots=True)
class MarginalizedSettings(ShardSettings):
    """Settings of marginalized shards: one hand of seat 0 with several deals of the other hands."""

    opponents: int = setting(
        DEFAULT_OPPONENTS,
        "Marginalized deals per hand of seat 0; the other hands are dealt again in each.",
        read=read_opponents,
    )
