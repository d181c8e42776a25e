"""The exact number of worlds, by dynamic programming over the unseen dominoes.

The dominoes are dealt out one after the other. The number of ways to deal the rest depends only
on how many dominoes hidden seats 0 and 1 still need (seat 2 takes the others): 8 x 8 numbers per
domino. None exceeds 21! / (7!)^3 = 399,072,960, so int32 holds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.kernels import kernel
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.worlds.voids import Unseen, unseen_of_lists

SIDE = HAND_SIZE + 2
"""A seat needs 0..7 dominoes. Need 0 has index 1, after a border of zeros for the impossible need -1."""
N_CELLS = SIDE * SIDE


@dataclass(frozen=True, slots=True, eq=False)
class Completions:
    """The number of ways to complete each partial world of N positions.

    numpy arrays, or torch tensors on one device.
    """

    unseen: Unseen
    ways: Any
    """[N, U + 1, 9, 9] int32: at [i, a + 1, b + 1] the ways to deal out dominoes i and later
    when hidden seat 0 still needs a and seat 1 needs b; 0 at [i, 0, :] and [i, :, 0]"""

    def __len__(self) -> int:
        return len(self.ways)

    @property
    def root(self) -> Any:
        """[N] int64 flat index of the cell in which nothing is dealt yet."""
        index = SIDE * (self.unseen.need[:, 0] + 1) + self.unseen.need[:, 1] + 1  # at most 80: fits int8
        return index.astype(np.int64) if isinstance(index, np.ndarray) else index.long()

    @property
    def counts(self) -> Any:
        """[N] int64 worlds."""
        root, ways = self.root[:, None], self.ways[:, 0].reshape(-1, N_CELLS)
        if isinstance(ways, np.ndarray):
            return np.take_along_axis(ways, root, axis=1)[:, 0].astype(np.int64)
        return ways.gather(1, root)[:, 0].long()

    def take(self, index) -> Completions:
        """Return a copy of the positions at `index`: integers or a mask."""
        return Completions(self.unseen.take(index), self.ways[index])


def completions(unseen: Unseen) -> Completions:
    """Count for N positions at once: arrays in a kernel, tensors on their device."""
    if not isinstance(unseen.allowed, np.ndarray):
        return Completions(unseen, _count_tensors(unseen.allowed))
    n, u = unseen.allowed.shape
    ways = np.zeros((n, u + 1, SIDE, SIDE), dtype=np.int32)
    _count(unseen.allowed, ways)
    return Completions(unseen, ways)


def count_worlds(unseen: Sequence[int], allowed: Sequence[int], need: Sequence[int]) -> int:
    """Return the exact number of worlds.

    unseen: ids; allowed: the hidden seats that may hold each, as a 3-bit mask (bit 0 = the next
    seat clockwise; with mask 0 there is no world); need: the number of dominoes that each of the
    three seats holds, 0..7, adding up to the number of unseen ones. Raises BadInput for anything else.
    """
    return int(completions(unseen_of_lists(unseen, allowed, need)).counts[0])


@kernel
def _count(allowed, ways):
    """Fill ways [N, U + 1, 9, 9] int32, passed as zeros, from allowed [N, U] uint8."""
    # Backward over the dominoes: ways[i] sums over the three seats that may take domino i what
    # ways[i + 1] says of the needs that then remain. After the last domino there is one way,
    # and only with no needs left. The border of zeros stands in for a test of a need of 0, so
    # the inner loops run over [8, 8] contiguous numbers without a branch.
    n_unseen = allowed.shape[1]
    for n in range(len(allowed)):
        ways[n, n_unseen, 1, 1] = 1
        for i in range(n_unseen - 1, -1, -1):
            after = ways[n, i + 1]
            may_0, may_1, may_2 = masks(allowed[n, i])
            for a in range(1, SIDE):
                for b in range(1, SIDE):
                    ways[n, i, a, b] = (
                        (after[a - 1, b] & may_0) + (after[a, b - 1] & may_1) + (after[a, b] & may_2)
                    )


@kernel
def masks(allowed):
    """Return a 3-bit mask as three int32, all ones where the bit is set: `and` with them is branch-free."""
    return np.int32(-(allowed & 1)), np.int32(-(allowed >> 1 & 1)), np.int32(-(allowed >> 2 & 1))


def _count_tensors(allowed: Any) -> Any:
    """Compute the `ways` of `_count` in tensor operations, from allowed [N, U] uint8."""
    import torch

    n, u = allowed.shape
    ways = torch.zeros(n, u + 1, SIDE, SIDE, dtype=torch.int32, device=allowed.device)
    ways[:, u, 1, 1] = 1
    for i in reversed(range(u)):
        after = ways[:, i + 1]
        may_0, may_1, may_2 = ((allowed[:, i] >> seat & 1).int()[:, None, None] for seat in range(3))
        ways[:, i, 1:, 1:] = may_0 * after[:, :-1, 1:] + may_1 * after[:, 1:, :-1] + may_2 * after[:, 1:, 1:]
    return ways
