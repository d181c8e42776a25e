"""The host side of the two passes: which kernels run on which level of a batch of deals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from forge_core.errors import BadInput
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.oracle.boundary import INDEX, N_ROWS, N_VALUES
from forge_core.texas42.oracle.cuda.device import LANES, PLY_OFFSET, DeviceIndex, device_index
from forge_core.texas42.oracle.cuda.passes import (
    list_boundaries,
    minimax_boundaries,
    play_tricks,
    record_rows,
)
from forge_core.texas42.state import Fields, States, unpack
from forge_core.texas42.tables import DealTables

MOST_DEALS = 64
"""The most deals per batch: a power of 2 for which view offsets (16 x 35^4 per deal) fit in 32 bits"""


@dataclass(frozen=True, slots=True, eq=False)
class SolvedBatch:
    """D solved deals on the device."""

    follow: torch.Tensor
    """[D, 4 leader, 7 lead, 4 offset] uint8, as in DealTables"""
    tricks: torch.Tensor
    """[D, 4 leader, 7, 7, 7, 7] int16: 4 x points (team 0's frame) + the seat that takes the trick"""
    values: torch.Tensor
    """[D, 13,580,064] int8, team 0's frame; 0 where not reached"""
    reached: torch.Tensor
    """[D, 419,840, 2] int64: one bit per boundary"""
    ends: torch.Tensor
    """[D, 4 x 419,840] int32: number of states up to the end of each row, ply by ply"""
    states_per_ply: torch.Tensor
    """[D, 29] int32"""


def solve_boundaries(
    tables: Sequence[DealTables], roots: States, device: str, lanes: int = LANES
) -> SolvedBatch:
    """Solve every boundary reachable from `roots` [D], without waiting for the device.

    roots: packed states, one per deal, between tricks and all at one level; whole deals start from
    `initial_state`. All results are on `device`. Raises BadInput for other roots, or for more than 64.
    """
    on = device_index(device, lanes)
    start = unpack(roots)
    level = int(start.remaining[0, 0]).bit_count()
    dominoes = np.bitwise_count(start.remaining)
    if len(roots) > MOST_DEALS or (start.in_trick != 0).any() or (dominoes != level).any():
        raise BadInput(
            f"{len(roots)} roots: give at most {MOST_DEALS}, all between tricks and at the same level"
        )
    follow = on.put(np.stack([deal.follow for deal in tables]))
    tricks = on.put(np.stack([4 * deal.points.astype(np.int16) + deal.winner for deal in tables]))
    n_deals = len(tables)
    values = torch.zeros((n_deals, N_VALUES), dtype=torch.int8, device=on.device)
    reached = torch.zeros((n_deals, N_ROWS, 2), dtype=torch.int64, device=on.device)
    counts = torch.zeros((n_deals, N_SEATS * N_ROWS), dtype=torch.int32, device=on.device)
    values[torch.arange(n_deals, device=on.device), on.put(_root_places(start, level))] = 1

    # Reach, from the top level down: pack the marks of a level, list its boundaries, and play their
    # tricks, which marks the level below. row_ends[k] is kept for the second pass: the running
    # number of reached boundaries per row; its last entry is the length of the list.
    n_largest = int(INDEX.n_subsets[: level + 1].max())
    listed = torch.empty(n_deals * N_SEATS * n_largest**4, dtype=torch.int32, device=on.device)
    row_ends = []
    for k in range(level, -1, -1):
        rows = _record(on, k, follow, values, reached, counts)
        row_ends.insert(0, torch.cumsum(rows.flatten(), 0, dtype=torch.int32))
        if k:
            _list(on, k, reached, row_ends[0], listed)
            n, n_next = int(INDEX.n_subsets[k]), int(INDEX.n_subsets[k - 1])
            on.launch(
                play_tricks,
                n_deals * N_SEATS * n**4,
                *(listed, row_ends[0][-1:], follow, tricks, on.masks, on.ranks, values),
                *(k, n, n_next, int(INDEX.value_offset[k - 1])),
            )

    # Solve, from the bottom level up: list again, so that memory for one level's list is enough, and
    # overwrite each mark with its value. Two sets of views alternate, because a level reads only the
    # one below it.
    values[:, :N_SEATS] = 0  # the marks of the terminal boundaries: no points are left to win
    shape = (2, n_deals, N_SEATS * N_SEATS * n_largest**4)
    views = torch.empty(shape, dtype=torch.int8, device=on.device).view(2, -1)
    views[0, : n_deals * N_SEATS * N_SEATS] = 0
    for k in range(1, level + 1):
        _list(on, k, reached, row_ends[k], listed)
        n, n_next = int(INDEX.n_subsets[k]), int(INDEX.n_subsets[k - 1])
        on.launch(
            minimax_boundaries,
            n_deals * N_SEATS * n**4,
            *(listed, row_ends[k][-1:], follow, tricks, on.masks, on.ranks),
            *(views[(k - 1) & 1], views[k & 1], values, k, n, n_next, int(INDEX.value_offset[k])),
        )
    ends = _running_counts(counts)
    states_per_ply = torch.diff(ends[:, on.last_row], dim=1, prepend=torch.zeros_like(ends[:, :1]))
    return SolvedBatch(follow, tricks, values, reached, ends, states_per_ply)


def _running_counts(counts: torch.Tensor) -> torch.Tensor:
    """Return the running count of each deal, int32 [D, n], of counts [D, n].

    The deals are summed as one long row, for which torch has a far faster kernel. That sum may wrap around;
    the differences do not.
    """
    ends = torch.cumsum(counts.flatten(), 0, dtype=torch.int32).view_as(counts)
    return ends.sub_(ends[:, :1] - counts[:, :1])


def _root_places(start: Fields, level: int) -> np.ndarray:
    """Return the indices of boundaries among the values: int64 [D]."""
    n, place = int(INDEX.n_subsets[level]), start.leader
    for offset in range(1, N_SEATS + 1):
        seat = (start.leader + offset) % N_SEATS
        place = place * n + INDEX.rank[start.remaining[np.arange(len(seat)), seat]]
    return int(INDEX.value_offset[level]) + place


def _record(on: DeviceIndex, level: int, follow, values, reached, counts) -> torch.Tensor:
    """Convert the marks of a level to reach bits and counts.

    Returns the number of reached boundaries per row, int32 [D, rows]: a view of `counts`.
    """
    n, first = int(INDEX.n_subsets[level]), int(PLY_OFFSET[N_SEATS * (HAND_SIZE - level)])
    rows = N_SEATS * n**3
    on.launch(
        record_rows,
        len(values) * rows,
        *(values, reached, counts, follow, on.masks, on.holding, len(values) * rows, level, n),
        *(int(INDEX.value_offset[level]), int(INDEX.row_offset[level]), first),
    )
    return counts[:, first : first + rows]


def _list(on: DeviceIndex, level: int, reached, ends, listed) -> None:
    """Write the ids of a level's reached boundaries to `listed`."""
    rows, first_row = len(ends), int(INDEX.row_offset[level])
    n = int(INDEX.n_subsets[level])
    on.launch(list_boundaries, rows, reached, ends, listed, on.masks, rows, level, n, first_row)
