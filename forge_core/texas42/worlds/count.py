"""The exact number of worlds, by dynamic programming over the unseen dominoes.

The dominoes are dealt one at a time. The number of ways to deal the rest depends only on how many
dominoes hidden seats 0 and 1 still need (seat 2 takes the others): 8 x 8 numbers per domino. None
exceeds 21! / (7!)^3 = 399,072,960, so int32 is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.device import takes_kernels
from forge_core.kernels import kernel
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.worlds.voids import Unseen, unseen_of_lists

SIDE = HAND_SIZE + 2
"""A seat needs 0..7 dominoes. Need 0 has index 1; index 0 is a border of zeros for the impossible need -1."""
N_CELLS = SIDE * SIDE


@dataclass(frozen=True, slots=True, eq=False)
class Completions:
    """The number of ways to complete each partial world of N positions.

    numpy arrays, or torch tensors on one device.
    """

    unseen: Unseen
    ways: Any
    """[N, U + 1, 9, 9] int32: entry [i, a + 1, b + 1] is the number of ways to deal dominoes i and later
    when hidden seat 0 still needs a and seat 1 needs b; entries [i, 0, :] and [i, :, 0] are 0"""

    def __len__(self) -> int:
        return len(self.ways)

    @property
    def root(self) -> Any:
        """[N] int64 flat index of the cell where nothing has been dealt yet."""
        index = SIDE * (self.unseen.need[:, 0] + 1) + self.unseen.need[:, 1] + 1  # at most 80: fits int8
        return index.astype(np.int64) if isinstance(index, np.ndarray) else index.long()

    @property
    def counts(self) -> Any:
        """[N] int64 number of worlds."""
        root, ways = self.root[:, None], self.ways[:, 0].reshape(-1, N_CELLS)
        if isinstance(ways, np.ndarray):
            return np.take_along_axis(ways, root, axis=1)[:, 0].astype(np.int64)
        return ways.gather(1, root)[:, 0].long()

    def take(self, index) -> Completions:
        """Return a copy of the positions at `index`: integers or a boolean mask."""
        return Completions(self.unseen.take(index), self.ways[index])


def completions(unseen: Unseen) -> Completions:
    """Count for N positions at once: with a kernel for arrays, on their device for tensors."""
    if not isinstance(unseen.allowed, np.ndarray):
        if takes_kernels(unseen.allowed):
            from forge_core.texas42.worlds.cuda import count_ways

            return Completions(unseen, count_ways(unseen.allowed))
        return Completions(unseen, _count_tensors(unseen.allowed))
    n, u = unseen.allowed.shape
    ways = np.zeros((n, u + 1, SIDE, SIDE), dtype=np.int32)
    _count(unseen.allowed, ways)
    return Completions(unseen, ways)


def count_worlds(unseen: Sequence[int], allowed: Sequence[int], need: Sequence[int]) -> int:
    """Return the exact number of worlds.

    unseen: domino ids. allowed: the hidden seats that may hold each domino, as a 3-bit mask (bit 0 =
    the next seat clockwise; a mask of 0 leaves no world). need: the number of dominoes that each of
    the three seats holds, 0..7, adding up to the number of unseen dominoes. Raises BadInput otherwise.
    """
    return int(completions(unseen_of_lists(unseen, allowed, need)).counts[0])


@kernel
def _count(allowed, ways):
    """Fill ways [N, U + 1, 9, 9] int32, which must be zeros, from allowed [N, U] uint8."""
    # Backward over the dominoes: ways[i] is the sum, over the seats that may take domino i, of
    # ways[i + 1] for the needs that remain. After the last domino there is exactly one way if
    # nobody needs anything, otherwise none. The border of zeros replaces a test for need 0, so the
    # inner loops run over [8, 8] contiguous numbers without branches.
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
    """Expand a 3-bit mask to three int32, all ones where the bit is set, for use with a branch-free `and`."""
    return np.int32(-(allowed & 1)), np.int32(-(allowed >> 1 & 1)), np.int32(-(allowed >> 2 & 1))


def _count_tensors(allowed: Any) -> Any:
    """Compute the `ways` of `_count` with tensor operations, from allowed [N, U] uint8."""
    import torch

    n, u = allowed.shape
    ways = torch.zeros(n, u + 1, SIDE, SIDE, dtype=torch.int32, device=allowed.device)
    ways[:, u, 1, 1] = 1
    for i in reversed(range(u)):
        after = ways[:, i + 1]
        may_0, may_1, may_2 = ((allowed[:, i] >> seat & 1).int()[:, None, None] for seat in range(3))
        ways[:, i, 1:, 1:] = may_0 * after[:, :-1, 1:] + may_1 * after[:, 1:, :-1] + may_2 * after[:, 1:, 1:]
    return ways
