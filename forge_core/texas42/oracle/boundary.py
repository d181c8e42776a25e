"""The index of trick boundaries, the only positions that the oracle stores.

Between tricks every seat holds the same number k of dominoes (the *level*), so a boundary of a deal
is identified by the leader and, for each seat, the rank of its remaining slots among the C(7, k)
subsets of that size. Values are stored as

    value[level k][leader][rank of seat leader+1][leader+2][leader+3][rank of the leader]

with one int8 each, 13.6 million over all levels. The leader's hand is the innermost dimension: the
legal answers of the other three seats depend only on the lead, so a whole row is solved at once.

One bit per boundary records whether play can reach it. Each row (the first four coordinates) has
128 bits in two uint64 words, one bit per 7-bit mask of the leader's hand. Because the mask is the
position of the bit, "the leader plays slot a" is a shift by 2^a.
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS

N_LEVELS = HAND_SIZE + 1


class BoundaryIndex(NamedTuple):
    """The indices at which the value and the reach bit of a boundary are stored.

    A named tuple of arrays, because compiled kernels accept one as an argument.
    """

    n_subsets: npt.NDArray[np.int64]
    """[8] C(7, k): the number of hands with k dominoes"""
    masks: npt.NDArray[np.int64]
    """[8 level, 35] rank -> 7-bit mask of slots, ascending"""
    rank: npt.NDArray[np.int64]
    """[128] mask -> its rank among the masks with the same number of bits"""
    value_offset: npt.NDArray[np.int64]
    """[9] index of the first value of a level; the last entry is the number of values"""
    row_offset: npt.NDArray[np.int64]
    """[9] index of the first row of a level; the last entry is the number of rows"""
    holding: npt.NDArray[np.uint64]
    """[7 slot, 2] 128 bits, one per mask; set for the masks that contain the slot"""


def _build() -> BoundaryIndex:
    n_subsets = np.array([comb(HAND_SIZE, k) for k in range(N_LEVELS)], dtype=np.int64)
    masks = np.zeros((N_LEVELS, n_subsets.max()), dtype=np.int64)
    rank = np.zeros(1 << HAND_SIZE, dtype=np.int64)
    holding = np.zeros((HAND_SIZE, 2), dtype=np.uint64)
    found = [0] * N_LEVELS
    for mask in range(1 << HAND_SIZE):
        k = mask.bit_count()
        masks[k, found[k]], rank[mask] = mask, found[k]
        found[k] += 1
        for slot in range(HAND_SIZE):
            if mask >> slot & 1:
                holding[slot, mask >> 6] |= np.uint64(1 << (mask & 63))
    value_offset = np.concatenate([[0], np.cumsum(N_SEATS * n_subsets**4)])
    row_offset = np.concatenate([[0], np.cumsum(N_SEATS * n_subsets**3)])
    return BoundaryIndex(n_subsets, masks, rank, value_offset, row_offset, holding)


INDEX = _build()
N_VALUES = int(INDEX.value_offset[-1])
"""13,580,064 boundaries over all levels"""
N_ROWS = int(INDEX.row_offset[-1])
"""419,840 rows over all levels"""
