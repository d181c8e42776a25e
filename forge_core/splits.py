"""Splits: the seed alone decides where a deal belongs, so that nothing can leak.

For a marginalised deal the base seed decides. Test is sealed: its deals may be solved
and encoded; its labels are read by the final evaluation alone.
"""

from __future__ import annotations

from enum import StrEnum
from numbers import Integral

from forge_core.errors import BadInput

PERIOD = 1000
_VAL_FROM, _TEST_FROM = 900, 950

BLOCK_SIZE = 50
"""seeds 50k..50k + 49 are stored, played or made together; the seeds of such a block are of one split"""

TEST_SEEDS = range(_TEST_FROM, PERIOD)
"""Sealed: the deals of the final evaluation"""


class Split(StrEnum):
    """train: seed % 1000 in 0..899, val: 900..949, test: 950..999."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


def split_of(seed: int) -> Split:
    """The split of a seed. Raises BadInput for a negative seed."""
    check_seed(seed)
    place = seed % PERIOD
    return Split.TRAIN if place < _VAL_FROM else Split.VAL if place < _TEST_FROM else Split.TEST


def check_seed(seed: int) -> None:
    """Raise BadInput unless the seed is a whole number of at least 0."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise BadInput(f"seed {seed!r} is not a whole number of at least 0: use 0, 1, 2, ...")
