"""Worlds by rank: draw random ranks to sample worlds, or count through all ranks to enumerate them.

World r of a position, 0 <= r < count, depends only on the position and r. Walk over the dominoes in
order: the worlds in which hidden seat 0 takes the next domino come first, then those of seat 1, then
those of seat 2; `completions` holds the size of each group. Uniform ranks therefore give exactly
uniform worlds. Arrays use a numba kernel, tensors use torch on their device; both give the same worlds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forge_core.device import takes_kernels, to_device
from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.ranges import as_integer
from forge_core.streams import mix
from forge_core.texas42.worlds.count import N_CELLS, SIDE, Completions, completions, masks
from forge_core.texas42.worlds.voids import Unseen, unseen_of_lists

if TYPE_CHECKING:
    from torch import Tensor

_TOP = 2**63 - 1
_BLOCK = 64
"""Worlds processed together: one cache line of int8 owners per domino"""
_ENUMERATED = 1 << 14
"""Worlds built at a time while enumerating: enough to amortise a call, and a few MB at most"""


class Worlds:
    """The worlds of N positions on one device, for sampling or enumeration."""

    __slots__ = ("_completions", "_keys", "count")

    count: npt.NDArray[np.int64]
    """[N] exact number of worlds"""

    def __init__(self, unseen: Unseen, keys: npt.NDArray[np.uint64], device: str = "cpu") -> None:
        """Count the worlds of `unseen` (arrays). keys: [N] uint64, which determine each position's draws."""
        if device == "cpu":
            self._completions, self._keys = completions(unseen), keys
            self.count = self._completions.counts
        else:
            self._completions = completions(unseen.tensors(device))
            self._keys = to_device(keys.view(np.int64), device)
            self.count = self._completions.counts.cpu().numpy()

    def ranks(self, games: npt.NDArray, first: int, m: int, enumerated: npt.NDArray[np.bool_]) -> Any:
        """Return ranks of worlds, int64 [n, m]: draws first..first + m - 1 for the positions `games` [n].

        Where `enumerated` [n] is set, nothing is drawn: the ranks are first, first + 1, ..., and the
        last rank is repeated once the worlds run out.
        """
        if (self.count[games] < 1).any():
            raise _no_worlds(self.count[games])
        counts, keys = self._of(games).counts, self._keys[self._index(games)]
        drawn = _draw_ranks(keys, first, m, counts)
        if not enumerated.any():
            return drawn
        if isinstance(drawn, np.ndarray):
            in_turn = np.minimum(np.arange(first, first + m), counts[:, None] - 1)
            return np.where(enumerated[:, None], in_turn, drawn)
        import torch

        in_turn = torch.arange(first, first + m, device=drawn.device).minimum(counts[:, None] - 1)
        return torch.where(to_device(enumerated, drawn.device)[:, None], in_turn, drawn)

    def draw(self, games: npt.NDArray, first: int, m: int, enumerated: npt.NDArray[np.bool_]) -> Tensor:
        """Return the worlds with the ranks that `ranks` returns: int8 tensor [n, m, U] on the device.

        Waits for no device.
        """
        import torch

        return torch.as_tensor(_find_owners(self._of(games), self.ranks(games, first, m, enumerated)))

    def owner(self, games: npt.NDArray, ranks: Any) -> Any:
        """Return the worlds with these ranks [n, M], as in `unrank`: int8 tensor [n, M, U] on the device."""
        import torch

        return torch.as_tensor(unrank(self._of(games), ranks))

    def _of(self, games: npt.NDArray) -> Completions:
        """Return the completions of some positions, without copying if they are all positions."""
        index = self._index(games)
        return self._completions if isinstance(index, slice) else self._completions.take(index)

    def _index(self, games: npt.NDArray) -> Any:
        """Return an index of some positions into tensors or arrays: a slice if they are all positions."""
        if len(games) == len(self.count) and (games == np.arange(len(games))).all():
            return slice(None)
        return games if isinstance(self._keys, np.ndarray) else to_device(games, self._keys.device)


def draw_ranks(keys: Any, first: int, m: int, counts: Any) -> Any:
    """Draw ranks of worlds, uniform in 0..count - 1: int64 [N, M] for counts [N] int64.

    Draw k depends only on k and the key, so the worlds depend neither on the rest of the batch nor
    on how draws are split into rounds. Returns draws first..first + m - 1.
    keys: uint64 array, or the same bits as an int64 tensor if `counts` is a tensor.

    A 63-bit draw x gives x % count. If x lies beyond the last multiple of count below 2^63, a second
    draw replaces it. For any count that occurs, the second draw lies there too with probability
    below 2^-68, which bounds the deviation from uniform. Raises BadInput if a position has no world.
    """
    if (counts < 1).any():
        raise _no_worlds(counts)
    return _draw_ranks(keys, first, m, counts)


def _draw_ranks(keys: Any, first: int, m: int, counts: Any) -> Any:
    """Draw ranks as `draw_ranks` does, without a check."""
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
    """Return the worlds with these ranks: owner int8 [N, M, U] for ranks int64 [N, M].

    The owner of an unseen domino is the hidden seat 0..2 that holds it. Raises BadInput for a rank
    outside 0..count - 1.
    """
    counts = table.counts
    outside = ((ranks < 0) | (ranks >= counts[:, None])).any(1)
    if outside.any():
        n = _first_true(outside)
        raise BadInput(f"position {n} has {int(counts[n])} worlds: use ranks 0..{int(counts[n]) - 1}")
    return _find_owners(table, ranks)


def _find_owners(table: Completions, ranks: Any) -> Any:
    """Return the worlds as `unrank` does, without a check."""
    allowed, ways = table.unseen.allowed, table.ways
    ways = ways.reshape(*ways.shape[:2], N_CELLS)
    if not isinstance(ranks, np.ndarray):
        if takes_kernels(ranks):
            from forge_core.texas42.worlds.cuda import find_owners

            return find_owners(allowed, table.root, ways, ranks)
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
    """Draw n worlds uniformly: [n][3] hands, ids ascending.

    Arguments as in `count_worlds`; one 64-bit key is drawn from `stream`. Raises BadInput for
    invalid arguments, or if there are no worlds.
    """
    count = as_integer(n)
    if count is None or count < 0:
        raise BadInput(f"cannot draw {n!r} worlds: use a whole number of at least 0")
    if not isinstance(stream, np.random.Generator):
        raise BadInput(f"stream {stream!r}: give a generator, such as forge_core.streams.stream(seed)")
    table = completions(unseen_of_lists(unseen, allowed, need))
    keys = stream.integers(2**64, size=1, dtype=np.uint64)
    return list(_hands(table, draw_ranks(keys, 0, count, table.counts)))


def enumerate_worlds(
    unseen: Sequence[int], allowed: Sequence[int], need: Sequence[int]
) -> Iterator[list[list[int]]]:
    """Yield every world once, in order of rank: [3] hands, ids ascending. Arguments as in `count_worlds`."""
    table = completions(unseen_of_lists(unseen, allowed, need))

    def worlds() -> Iterator[list[list[int]]]:
        count = int(table.counts[0])
        for first in range(0, count, _ENUMERATED):
            yield from _hands(table, np.arange(first, min(first + _ENUMERATED, count))[None])

    return worlds()


def _hands(table: Completions, ranks: npt.NDArray[np.int64]) -> Iterator[list[list[int]]]:
    """Yield the worlds of one position as three hands each."""
    by_seat = unrank(table, ranks)[0].argsort(axis=1, kind="stable")
    first, second = table.unseen.need[0, :2].cumsum().tolist()
    for world in table.unseen.dominoes[0][by_seat].tolist():
        yield [world[:first], world[first:second], world[second:]]


def _no_worlds(counts: Any) -> BadInput:
    """Return the error for the first position without a world. counts: [N]."""
    position = _first_true(counts < 1)
    return BadInput(f"position {position} has no worlds: give plays that some deal is consistent with")


def _first_true(flags: Any) -> int:
    return int(flags.nonzero()[0][0])


def _last_whole(n: Any) -> Any:
    """Return the largest x below 2^63 such that x + 1 is a multiple of n."""
    return _TOP - (_TOP % n + 1) % n


@kernel
def _walk(allowed, root, ways, ranks, owner):
    """Fill owner [N, M, U] int8 from allowed [N, U], ways [N, U + 1, 81], root [N] and ranks [N, M]."""
    # The steps of one world depend on each other, so a block of worlds walks over the dominoes
    # together and their steps overlap. `cell` is a world's position in the 9 x 9 table of needs;
    # `rest` is its rank among the worlds that agree with it so far. Nothing in the inner loop
    # branches, and indices are unsigned so that numba does not check for negative ones.
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
                    # Subtract from the rank the worlds in which seat 0 takes domino i, then those in
                    # which seat 1 does. The first negative difference identifies the seat.
                    here, left = cell[m], rest[m]
                    from_1 = left - (after[np.uint32(here - SIDE)] & may_0)
                    from_2 = from_1 - (after[np.uint32(here - 1)] & may_1)
                    not_0 = from_1 >= 0
                    is_2 = not_0 & (from_2 >= 0)
                    takes[m] = np.int8(not_0) + np.int8(is_2)
                    rest[m] = from_2 if is_2 else from_1 if not_0 else left
                    cell[m] = here if is_2 else here - np.int32(1) if not_0 else here - np.int32(SIDE)
            # Transpose the block: it is filled domino by domino, but stored world by world.
            for m in range(size):
                for i in range(n_unseen):
                    owner[n, first + m, i] = taker[i, m]


def _walk_tensors(allowed: Any, root: Any, ways: Any, ranks: Any) -> Any:
    """Compute the `owner` [N, M, U] of `_walk` with tensor operations."""
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
    """Compute `streams.mix` on int64 tensors, whose products wrap like those of uint64."""
    z = keys + (counters + 1) * _signed(0x9E3779B97F4A7C15)
    z = (z ^ _shift_right(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift_right(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift_right(z, 31)


def _shift_right(z: Any, bits: int) -> Any:
    """Shift right logically: zeros come in at the top, not the sign bit."""
    return z >> bits & (1 << 64 - bits) - 1


def _signed(word: int) -> int:
    """Return the int64 with the same 64 bits as a word whose highest bit is set."""
    return word - (1 << 64)
