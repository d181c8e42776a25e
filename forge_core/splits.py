"""Splits: the seed alone decides which split a deal belongs to, so that nothing leaks between splits.

The base seed decides for a marginalised deal. The test split is sealed: its deals may be solved and
encoded, but only the final evaluation reads its labels.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from forge_core.errors import BadInput
from forge_core.ranges import as_integer

if TYPE_CHECKING:
    import numpy as np

PERIOD = 1000
FIRST_VAL, _TEST_FROM = 900, 950
"""remainders of the first seeds of val and test"""

BLOCK_SIZE = 50
"""Seeds 50k..50k + 49 form block k and are stored, played or made together; a block lies in one split."""

TEST_SEEDS = range(_TEST_FROM, PERIOD)
"""The seeds of the final evaluation; sealed."""


class Split(StrEnum):
    """A split of the seeds: train if seed % 1000 is in 0..899, val if in 900..949, test if in 950..999."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


def split_of(seed: int) -> Split:
    """Return the split of a seed. Raises BadInput for a negative seed."""
    place = check_seed(seed) % PERIOD
    return Split.TRAIN if place < FIRST_VAL else Split.VAL if place < _TEST_FROM else Split.TEST


def check_seed(seed: int) -> int:
    """Return the seed as an int. Raises BadInput unless it is a whole number of at least 0."""
    number = None if isinstance(seed, float) else as_integer(seed)
    if number is None or number < 0:
        raise BadInput(f"seed {seed!r} is not a whole number of at least 0: use 0, 1, 2, ...")
    return number


def train_seeds(draw: np.random.Generator, n: int) -> list[int]:
    """Draw n seeds of the train split, below 2 ** 62."""
    return draw_seeds(draw, n, Split.TRAIN)


def draw_seeds(draw: np.random.Generator, n: int, split: Split) -> list[int]:
    """Draw n seeds of a split, below 2 ** 62."""
    seeds: list[int] = []
    while len(seeds) < n:
        seeds += [seed for seed in draw.integers(1 << 62, size=n).tolist() if split_of(seed) is split]
    return seeds[:n]
