"""Settings of matches between players of any game; a game adds its own."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice

from forge_core.errors import BadInput
from forge_core.ranges import parse_seeds, whole
from forge_core.settings import setting
from forge_core.splits import Split, split_of

DEFAULT_SEEDS, MOST_SEEDS = 1_000, 1_000_000
"""seeds of a match; more than the most is a typing error"""
DEFAULT_BATCH = 100
"""seeds in lockstep: enough that arrays are long, few enough that a match that a test ends wastes little"""


def read_count(text: str) -> int:
    """Return a number of deals in 1..MOST_SEEDS. Raises BadInput."""
    n = whole(text, "number of deals")
    if not 1 <= n <= MOST_SEEDS:
        raise BadInput(f"{n:,} deals: use 1..{MOST_SEEDS:,}")
    return n


def read_batch(text: str) -> int:
    """Return a number of deals in lockstep, in 1..MOST_SEEDS. Raises BadInput."""
    batch = whole(text, "batch")
    if not 1 <= batch <= MOST_SEEDS:
        raise BadInput(f"a batch of {batch:,} deals: use 1..{MOST_SEEDS:,}")
    return batch


def read_seed(text: str) -> int:
    """Return a whole number of at least 0. Raises BadInput."""
    return whole(text, "seed")


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """Settings of a match: its seeds, and when it ends."""

    deals: int | None = setting(
        None,
        "Number of deals; their seeds are of the val split, from which no network learns.",
        default_text=f"{DEFAULT_SEEDS:,}",
        read=read_count,
    )
    seeds: list[int] | None = setting(
        None, "Seeds of the deals, in place of a number: 0-49.", metavar="LIST", read=parse_seeds
    )
    seed: int = setting(0, "Seed of what players draw at random, such as worlds.", read=read_seed)
    sprt: bool = setting(
        False, "Stop each pair as soon as a sequential test shows which player is better by the margin."
    )
    batch: int = setting(DEFAULT_BATCH, "Deals played in lockstep; changes no result.", read=read_batch)


def choose_seeds(settings: MatchSettings) -> list[int]:
    """Return the seeds of a match. Raises BadInput for both a number and a list, and for fewer than two."""
    if settings.deals is not None and settings.seeds is not None:
        raise BadInput("--deals and --seeds both choose the deals: give one of them")
    chosen = held_out_seeds(settings.deals or DEFAULT_SEEDS) if settings.seeds is None else settings.seeds
    if len(chosen) < 2:
        raise BadInput("one deal says nothing about the next: play at least two")
    return chosen


def held_out_seeds(n: int) -> list[int]:
    """Return the first n seeds of the val split: no network learns from them, and they are not sealed."""
    if n < 0:
        raise BadInput(f"{n} deals: use at least 0")
    return list(islice((seed for seed in count() if split_of(seed) is Split.VAL), n))
