"""User settings of matches that are common to all games; each game adds its own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice

from forge_core.errors import BadInput
from forge_core.ranges import parse_seeds, read_seed, whole
from forge_core.settings import setting
from forge_core.splits import Split, split_of

DEFAULT_SEEDS, MOST_SEEDS = 1_000, 1_000_000
"""the default and the largest number of seeds in a match; more than that is a typing error"""
DEFAULT_BATCH = 100
"""seeds in lockstep; enough for long arrays, few enough that little is wasted when a test ends a match"""


def read_count(text: str) -> int:
    """Parse a number of deals, 1..MOST_SEEDS. Raises BadInput."""
    n = whole(text, "number of deals")
    if not 1 <= n <= MOST_SEEDS:
        raise BadInput(f"{n:,} deals: use 1 to {MOST_SEEDS:,}")
    return n


def read_batch(text: str) -> int:
    """Parse a number of deals to play in lockstep, 1..MOST_SEEDS. Raises BadInput."""
    batch = whole(text, "batch")
    if not 1 <= batch <= MOST_SEEDS:
        raise BadInput(f"batch {batch:,}: use 1 to {MOST_SEEDS:,} deals")
    return batch


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """Settings of a match: the seeds to play, and the condition for stopping early."""

    deals: int | None = setting(
        None,
        "Number of deals, taken from the val split, on which no network is trained.",
        default_text=f"{DEFAULT_SEEDS:,}",
        read=read_count,
    )
    seeds: list[int] | None = setting(
        None, "Seeds of the deals, such as 0-49, instead of their number.", metavar="LIST", read=parse_seeds
    )
    seed: int = setting(0, "Seed of the players' random draws, such as worlds.", read=read_seed)
    sprt: bool = setting(
        False, "Stop each pair as soon as a sequential test shows which player is better by the margin."
    )
    batch: int = setting(DEFAULT_BATCH, "Deals played in lockstep; does not change results.", read=read_batch)


def choose_seeds(settings: MatchSettings) -> list[int]:
    """Return the seeds of a match. Raises BadInput if deals and seeds are both set, or for one seed."""
    if settings.deals is not None and settings.seeds is not None:
        raise BadInput("deals and seeds exclude each other: give only one of them")
    chosen = held_out_seeds(settings.deals or DEFAULT_SEEDS) if settings.seeds is None else settings.seeds
    if len(chosen) < 2:
        raise BadInput("one deal is not enough to compare players: play at least two")
    return chosen


def held_out_seeds(n: int) -> list[int]:
    """Return the first n seeds of the val split, on which no network is trained and which are not sealed."""
    if n < 0:
        raise BadInput(f"{n} deals: use at least 0")
    return list(islice((seed for seed in count() if split_of(seed) is Split.VAL), n))
