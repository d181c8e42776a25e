"""How many worlds there are: exactly, by a dynamic programme over the unseen dominoes.

Deal them out one after the other. How many ways there are to deal the rest depends only on
how many hidden seats 0 and 1 still need (seat 2 takes what is left): 8 x 8 numbers for each
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
"""A seat needs 0..7 dominoes; 0 stands at index 1, after a border of zeros for needs that cannot be."""
N_CELLS = SIDE * SIDE


@dataclass(frozen=True, slots=True, eq=False)
class Completions:
    """In how many ways each beginning of a world of N positions can be completed.

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
        """[N] int64 flat index of the cell in which nothing is dealt out yet."""
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
        """The positions at `index`: whole numbers or a mask. Copies."""
        return Completions(self.unseen.take(index), self.ways[index])


def completions(unseen: Unseen) -> Completions:
    """Count for N positions at once: of arrays by a kernel, of tensors where they are."""
    if not isinstance(unseen.allowed, np.ndarray):
        return Completions(unseen, _count_tensors(unseen.allowed))
    n, u = unseen.allowed.shape
    ways = np.zeros((n, u + 1, SIDE, SIDE), dtype=np.int32)
    _count(unseen.allowed, ways)
    return Completions(unseen, ways)


def count_worlds(unseen: Sequence[int], allowed: Sequence[int], need: Sequence[int]) -> int:
    """How many worlds there are, exactly.

    unseen: ids; allowed: for each, the hidden seats that may hold it, as a 3-bit mask (bit 0 =
    the next seat clockwise; mask 0: no world); need: how many each of the three holds, 0..7,
    adding up to the unseen. Raises BadInput for anything else.
    """
    return int(completions(unseen_of_lists(unseen, allowed, need)).counts[0])


@kernel
def _count(allowed, ways):
    """Fill ways [N, U + 1, 9, 9], zeros before, for allowed [N, U]."""
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
    """A 3-bit mask as three int32, all ones for a seat that may: an `and` with them takes no branch."""
    return np.int32(-(allowed & 1)), np.int32(-(allowed >> 1 & 1)), np.int32(-(allowed >> 2 & 1))


def _count_tensors(allowed: Any) -> Any:
    """`_count` on tensors: allowed [N, U] uint8 -> ways."""
    import torch

    n, u = allowed.shape
    ways = torch.zeros(n, u + 1, SIDE, SIDE, dtype=torch.int32, device=allowed.device)
    ways[:, u, 1, 1] = 1
    for i in reversed(range(u)):
        after = ways[:, i + 1]
        may_0, may_1, may_2 = ((allowed[:, i] >> seat & 1).int()[:, None, None] for seat in range(3))
        ways[:, i, 1:, 1:] = may_0 * after[:, :-1, 1:] + may_1 * after[:, 1:, :-1] + may_2 * after[:, 1:, 1:]
    return ways
