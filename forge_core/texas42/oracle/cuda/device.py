"""The boundary index on one device, with helpers to launch kernels and copy arrays."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
import triton

from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.oracle.boundary import INDEX

LANES = 32
"""Items that a program works on at a time: one warp, so it never waits for another"""
_PROGRAMS_PER_PROCESSOR = 32
"""Thread blocks that a multiprocessor holds at once (sm_80 and later); a program is one block"""

_ROWS_AT_PLY = N_SEATS * INDEX.n_subsets[HAND_SIZE - np.arange(N_PLAYS + N_SEATS) // N_SEATS] ** 3
"""[32] number of rows of the level that a ply belongs to"""
PLY_OFFSET = np.concatenate([[0], np.cumsum(_ROWS_AT_PLY)])
"""[33] start of each ply in a deal's counts [4 x 419,840], which go by ply, then leader, then row"""


class DeviceIndex(NamedTuple):
    """The boundary index as tensors on one device."""

    device: torch.device
    masks: torch.Tensor
    ranks: torch.Tensor
    holding: torch.Tensor
    n_subsets: torch.Tensor
    value_offset: torch.Tensor
    row_offset: torch.Tensor
    last_row: torch.Tensor
    """[29] int64 index of the last row of each ply in the counts"""
    programs: int
    """maximum number of programs to start: as many as the device holds at once"""
    lanes: int
    """maximum number of items that a program works on at a time"""

    def launch(self, kernel: Any, most: int, *arguments) -> None:
        """Run a kernel over a list of at most `most` items."""
        if not most:
            return
        lanes = max(LANES, min(self.lanes, triton.next_power_of_2(most)))
        programs = min(self.programs, triton.cdiv(most, lanes))
        with torch.cuda.device(self.device) if self.device.type == "cuda" else nullcontext():
            kernel[(programs,)](*arguments, LANES=lanes, num_warps=1)

    def put(self, array: np.ndarray) -> torch.Tensor:
        """Copy a host array to the device in stream order, without waiting."""
        copy = torch.tensor(array)
        return copy.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else copy


@cache
def device_index(device: str, lanes: int = LANES) -> DeviceIndex:
    """Return the boundary index on `cuda:N`, or on `cpu` for interpreted kernels (TRITON_INTERPRET=1)."""
    where = torch.device(device)
    if where.type == "cuda":
        programs = _PROGRAMS_PER_PROCESSOR * torch.cuda.get_device_properties(where).multi_processor_count
    else:
        programs, lanes = 1, 1 << 16  # the interpreter's cost is per operation, regardless of lanes
    arrays = (
        INDEX.masks.astype(np.int8),
        INDEX.rank.astype(np.int8),
        INDEX.holding.view(np.int64),
        INDEX.n_subsets.astype(np.int32),
        INDEX.value_offset.astype(np.int32),
        INDEX.row_offset.astype(np.int32),
        PLY_OFFSET[1 : N_PLAYS + 2] - 1,
    )
    tensors = (torch.tensor(array, device=where) for array in arrays)
    return DeviceIndex(where, *tensors, programs=programs, lanes=lanes)
