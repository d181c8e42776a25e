"""Worlds by number: draw numbers to sample worlds, count through all numbers to enumerate them.

World r of a position, 0 <= r < count, is a function of the position and r alone. Walk over the
dominoes in order: the worlds in which hidden seat 0 takes the next one come first, then those
of seat 1, then those of seat 2, and `completions` holds the number of each. So uniform numbers
are exactly uniform worlds. Arrays use a kernel, tensors use torch on their device; both give
identical worlds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.streams import mix
from forge_core.texas42.worlds.count import N_CELLS, SIDE, Completions, completions, masks
from forge_core.texas42.worlds.voids import Unseen, unseen_of_lists

_TOP = 2**63 - 1
_BLOCK = 64
"""Worlds that are walked together: one cache line of int8 owners per domino"""
_ENUMERATED = 1 << 14
"""Worlds that are built at a time while enumerating: enough to outweigh a call, a few MB at most"""


class Worlds:
    """The worlds of N positions on one device, to sample or to enumerate."""

    __slots__ = ("_completions", "_keys", "count")

    count: npt.NDArray[np.int64]
    """[N] the exact number of worlds"""

    def __init__(self, unseen: Unseen, keys: npt.NDArray[np.uint64], device: str = "cpu") -> None:
        """Count worlds of `unseen` (arrays). keys [N] uint64: a position's draws depend on its key alone."""
        if device == "cpu":
            self._completions, self._keys = completions(unseen), keys
            self.count = self._completions.counts
        else:
            import torch

            self._completions = completions(unseen.tensors(device))
            self._keys = torch.tensor(keys.view(np.int64), device=device)
            self.count = self._completions.counts.cpu().numpy()

    def ranks(self, games: npt.NDArray, first: int, m: int, enumerated: npt.NDArray[np.bool_]) -> Any:
        """Return numbers of worlds, int64 [n, M]: draws first..first + m - 1 of the positions `games` [n].

        Where `enumerated` [n] is set, nothing is drawn: the numbers are first, first + 1, ..., and
        from the number of worlds on, the last world again.
        """
        counts = self._of(games).counts
        drawn = draw_ranks(self._keys[games], first, m, counts)
        if not enumerated.any():
            return drawn
        if isinstance(drawn, np.ndarray):
            in_turn = np.minimum(np.arange(first, first + m), counts[:, None] - 1)
            return np.where(enumerated[:, None], in_turn, drawn)
        import torch

        in_turn = torch.arange(first, first + m, device=drawn.device).minimum(counts[:, None] - 1)
        return torch.where(torch.as_tensor(enumerated, device=drawn.device)[:, None], in_turn, drawn)

    def owner(self, games: npt.NDArray, ranks: Any) -> Any:
        """Return the worlds with these numbers [n, M]: a tensor int8 [n, M, U] on the device, as `unrank`."""
        import torch

        return torch.as_tensor(unrank(self._of(games), ranks))

    def _of(self, games: npt.NDArray) -> Completions:
        """Return the completions of some positions, without a copy if they are all positions."""
        whole = len(games) == len(self.count) and (games == np.arange(len(games))).all()
        return self._completions if whole else self._completions.take(games)


def draw_ranks(keys: Any, first: int, m: int, counts: Any) -> Any:
    """Draw numbers of worlds, uniform in 0..count - 1: int64 [N, M] for counts [N] int64.

    Draw k of a key is a function of k and the key alone, so worlds depend neither on the rest of
    the batch nor on how draws are divided into rounds; these are the draws first..first + m - 1.
    keys: uint64 array, or their bits as an int64 tensor if `counts` is a tensor.

    A draw x of 63 bits gives x % count. If x lies beyond the last multiple of count below 2^63, it
    is replaced by a second draw. For any count that occurs, the second draw lies there as well
    with probability below 2^-68, and only by that much do the numbers differ from uniform. Raises
    BadInput where there is no world to draw.
    """
    if (counts < 1).any():
        raise BadInput(
            f"position {_first_true(counts < 1)} has no world to draw: no deal is consistent with its plays"
        )
    if isinstance(counts, np.ndarray):
        draws = mix(keys[:, None], np.arange(first, first + m))
        n = counts.astype(np.uint64)[:, None]
        ragged = draws >> np.uint64(1) > _last_whole(n)
        if ragged.any():
            draws = np.where(ragged, mix(draws, 0), draws)
        return ((draws >> np.uint64(1)) % n).astype(np.int64)
    import torch

    draws = _mix_tensors(keys[:, None], torch.arange(first, first + m, device=keys.device))
    n = counts[:, None]
    ragged = _shift_right(draws, 1) > _last_whole(n)
    return _shift_right(torch.where(ragged, _mix_tensors(draws, 0), draws), 1) % n


def unrank(table: Completions, ranks: Any) -> Any:
    """Return the worlds with these numbers: owner int8 [N, M, U] for ranks int64 [N, M].

    The owner of an unseen domino is the hidden seat 0..2 that holds it. Raises BadInput for a
    number outside 0..count - 1.
    """
    counts = table.counts
    outside = ((ranks < 0) | (ranks >= counts[:, None])).any(1)
    if outside.any():
        n = _first_true(outside)
        raise BadInput(f"position {n} has {int(counts[n])} worlds: number them 0..{int(counts[n]) - 1}")
    allowed, ways = table.unseen.allowed, table.ways
    ways = ways.reshape(*ways.shape[:2], N_CELLS)
    if not isinstance(ranks, np.ndarray):
        return _walk_tensors(allowed, table.root, ways, ranks)
    owner = np.empty((*ranks.shape, allowed.shape[1]), dtype=np.int8)
    _walk(allowed, table.root, ways, ranks, owner)
    return owner


def sample_worlds(
    unseen: Sequence[int],
    allowed: Sequence[int],
    need: Sequence[int],
    n: int,
    stream: np.random.Generator,
) -> list[list[list[int]]]:
    """Draw n worlds, all equally likely: [n][3] hands, ids ascending.

    Arguments as in `count_worlds`; one 64-bit key is drawn from `stream`. Raises BadInput for
    invalid arguments, or if there is no world.
    """
    if n < 0:
        raise BadInput(f"cannot draw {n} worlds: use at least 0")
    table = completions(unseen_of_lists(unseen, allowed, need))
    keys = stream.integers(2**64, size=1, dtype=np.uint64)
    return list(_hands(table, draw_ranks(keys, 0, n, table.counts)))


def enumerate_worlds(
    unseen: Sequence[int], allowed: Sequence[int], need: Sequence[int]
) -> Iterator[list[list[int]]]:
    """Yield every world once, by number: [3] hands, ids ascending. Arguments as in `count_worlds`."""
    table = completions(unseen_of_lists(unseen, allowed, need))

    def worlds() -> Iterator[list[list[int]]]:
        count = int(table.counts[0])
        for first in range(0, count, _ENUMERATED):
            yield from _hands(table, np.arange(first, min(first + _ENUMERATED, count))[None])

    return worlds()


def _hands(table: Completions, ranks: npt.NDArray[np.int64]) -> Iterator[list[list[int]]]:
    """Yield worlds of one position as three hands each."""
    by_seat = unrank(table, ranks)[0].argsort(axis=1, kind="stable")
    first, second = table.unseen.need[0, :2].cumsum().tolist()
    for world in table.unseen.dominoes[0][by_seat].tolist():
        yield [world[:first], world[first:second], world[second:]]


def _first_true(flags: Any) -> int:
    return int(flags.nonzero()[0][0])


def _last_whole(n: Any) -> Any:
    """Return the largest x below 2^63 for which the length of 0..x is a multiple of n."""
    return _TOP - (_TOP % n + 1) % n


@kernel
def _walk(allowed, root, ways, ranks, owner):
    """Fill owner [N, M, U] int8 from allowed [N, U], ways [N, U + 1, 81], root [N] and ranks [N, M]."""
    # A world's steps depend on each other, so a block of worlds goes through the dominoes together
    # and their steps overlap. `cell` is where a world stands in the 9 x 9 table of needs, `rest`
    # its number among the worlds that agree with it so far. Nothing in the inner loop branches,
    # and indices are unsigned, so that numba does not test them for counting from the end.
    n_unseen = allowed.shape[1]
    rest, cell = np.empty(_BLOCK, np.int32), np.empty(_BLOCK, np.int32)
    taker = np.empty((n_unseen, _BLOCK), np.int8)
    for n in range(len(ranks)):
        for first in range(0, ranks.shape[1], _BLOCK):
            size = min(_BLOCK, ranks.shape[1] - first)
            for m in range(size):
                rest[m], cell[m] = ranks[n, first + m], root[n]
            for i in range(n_unseen):
                may_0, may_1, _ = masks(allowed[n, i])
                after, takes = ways[n, i + 1], taker[i]
                for m in range(size):
                    # The number minus the worlds in which seat 0 takes domino i; then minus those
                    # of seat 1. The first difference that is negative names the seat.
                    here, left = cell[m], rest[m]
                    from_1 = left - (after[np.uint32(here - SIDE)] & may_0)
                    from_2 = from_1 - (after[np.uint32(here - 1)] & may_1)
                    not_0 = from_1 >= 0
                    is_2 = not_0 & (from_2 >= 0)
                    takes[m] = np.int8(not_0) + np.int8(is_2)
                    rest[m] = from_2 if is_2 else from_1 if not_0 else left
                    cell[m] = here if is_2 else here - np.int32(1) if not_0 else here - np.int32(SIDE)
            # Transpose the block: it was filled domino by domino, and is wanted world by world.
            for m in range(size):
                for i in range(n_unseen):
                    owner[n, first + m, i] = taker[i, m]


def _walk_tensors(allowed: Any, root: Any, ways: Any, ranks: Any) -> Any:
    """Compute the `owner` [N, M, U] of `_walk` in tensor operations."""
    import torch

    rest, cell = ranks, root[:, None].expand_as(ranks)
    owner = torch.empty(*ranks.shape, allowed.shape[1], dtype=torch.int8, device=ranks.device)
    for i in range(allowed.shape[1]):
        after = ways[:, i + 1]
        may_0, may_1 = (allowed[:, i, None] >> seat & 1 for seat in range(2))
        from_1 = rest - after.gather(1, cell - SIDE) * may_0
        from_2 = from_1 - after.gather(1, cell - 1) * may_1
        not_0 = from_1 >= 0
        is_2 = not_0 & (from_2 >= 0)
        owner[:, :, i] = not_0.to(torch.int8) + is_2
        rest = torch.where(is_2, from_2, torch.where(not_0, from_1, rest))
        cell = torch.where(is_2, cell, torch.where(not_0, cell - 1, cell - SIDE))
    return owner


def _mix_tensors(keys: Any, counters: Any) -> Any:
    """Compute `streams.mix` on int64 tensors, whose products wrap as those of uint64."""
    z = keys + (counters + 1) * _signed(0x9E3779B97F4A7C15)
    z = (z ^ _shift_right(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift_right(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift_right(z, 31)


def _shift_right(z: Any, bits: int) -> Any:
    """Shift logically: zeros come in at the top, not the sign."""
    return z >> bits & (1 << 64 - bits) - 1


def _signed(word: int) -> int:
    """Return the int64 with the same 64 bits; for words with the highest bit set."""
    return word - (1 << 64)
