"""Counting and sampling worlds on CUDA: one kernel each, where tensor operations take hundreds of launches.

Twins of `count._count` and `sample._walk`; see there for the method.
"""

# Kernels are written in Triton's language, whose types are not Python's:
# pyright: reportArgumentType=false, reportOperatorIssue=false, reportCallIssue=false

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from forge_core.device import launching_on
from forge_core.texas42.worlds import count as cells

SIDE, N_CELLS = tl.constexpr(cells.SIDE), tl.constexpr(cells.N_CELLS)
INNER = tl.constexpr(cells.SIDE - 1)
"""the cells without the border are INNER x INNER"""
WORLDS = 128
"""worlds of a position that a program samples at once"""


def count_ways(allowed: Tensor) -> Tensor:
    """Return ways [N, U + 1, 9, 9] int32, see `Completions`, from allowed [N, U] uint8."""
    n, u = allowed.shape
    ways = torch.zeros(n, u + 1, cells.SIDE, cells.SIDE, dtype=torch.int32, device=allowed.device)
    if n:
        with launching_on(ways):
            _count[(n,)](allowed.contiguous(), ways, u, num_warps=1)
    return ways


def find_owners(allowed: Tensor, root: Tensor, ways: Tensor, ranks: Tensor) -> Tensor:
    """Return the owner [N, M, U] int8 of each unseen domino in the worlds with these ranks.

    allowed: [N, U] uint8. root: [N] int64. ways: [N, U + 1, 81] int32. ranks: [N, M] int64, all valid.
    """
    (n, m), u = ranks.shape, allowed.shape[1]
    owner = torch.empty(n, m, u, dtype=torch.int8, device=ranks.device)
    if owner.numel():
        grid = (n, triton.cdiv(m, WORLDS))
        given = allowed.contiguous(), root, ways.contiguous(), ranks.contiguous()
        with launching_on(owner):
            _find[grid](*given, owner, m, u, WORLDS=WORLDS, num_warps=4)
    return owner


@triton.jit(do_not_specialize=["n_unseen"])
def _count(allowed, ways, n_unseen):
    """Fill the ways of one position, backward over its dominoes; a lane computes one cell."""
    position = tl.program_id(0).to(tl.int64)
    lane = tl.arange(0, INNER * INNER)
    cell = (lane // INNER + 1) * SIDE + lane % INNER + 1
    first = ways + position * (n_unseen + 1) * N_CELLS + cell
    tl.store(first + n_unseen * N_CELLS, tl.where(lane == 0, 1, 0))
    for step in range(n_unseen):
        i = n_unseen - 1 - step
        tl.debug_barrier()  # the cells of the next domino, which other lanes have written, are complete
        seats = tl.load(allowed + position * n_unseen + i).to(tl.int32)
        after = first + (i + 1) * N_CELLS
        found = tl.load(after - SIDE) * (seats & 1)
        found += tl.load(after - 1) * ((seats >> 1) & 1)
        found += tl.load(after) * ((seats >> 2) & 1)
        tl.store(first + i * N_CELLS, found)


@triton.jit(do_not_specialize=["n_worlds", "n_unseen"])
def _find(allowed, root, ways, ranks, owner, n_worlds, n_unseen, WORLDS: tl.constexpr):
    """Write the owners in WORLDS worlds of one position; a lane walks over the dominoes of one world."""
    position = tl.program_id(0).to(tl.int64)
    world = tl.program_id(1) * WORLDS + tl.arange(0, WORLDS)
    is_there = world < n_worlds
    rest = tl.load(ranks + position * n_worlds + world, mask=is_there, other=0).to(tl.int32)
    cell = tl.load(root + position).to(tl.int32) + tl.zeros((WORLDS,), tl.int32)
    to = owner + (position * n_worlds + world) * n_unseen
    for i in range(n_unseen):
        seats = tl.load(allowed + position * n_unseen + i).to(tl.int32)
        after = ways + (position * (n_unseen + 1) + i + 1) * N_CELLS + cell
        from_1 = rest - tl.load(after - SIDE, mask=is_there, other=0) * (seats & 1)
        from_2 = from_1 - tl.load(after - 1, mask=is_there, other=0) * ((seats >> 1) & 1)
        not_0 = from_1 >= 0
        is_2 = not_0 & (from_2 >= 0)
        tl.store(to + i, not_0.to(tl.int8) + is_2.to(tl.int8), mask=is_there)
        rest = tl.where(is_2, from_2, tl.where(not_0, from_1, rest))
        cell = tl.where(is_2, cell, tl.where(not_0, cell - 1, cell - SIDE))
