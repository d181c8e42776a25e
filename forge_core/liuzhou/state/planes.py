"""A position as planes of cells for a network, from the side of one player.

| plane | holds |
|---|---|
| 0-3 | own stones, the opponent's, own marked ones, the opponent's marked ones |
| 4-10 | ones in the plane of the phase: PLACE 4, ... COUNTER 10 |
| 11, 12 | ones where 1 or 2 marks or captures are due |
| 13 | ones before the second forced removal |
| 14, 15 | move_count / 144, quiet / 36 |
| 16, 17 | own protected stones, the opponent's |
| 18 | ones if the observer is white |
| 19 | ones if the observer is to move; a finished row keeps its player |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import float32

from forge_core.kernels import inlined, kernel
from forge_core.liuzhou.rules import COUNTER, MAX_MOVES, N_CELLS, PLACE, QUIET_LIMIT, SIDE
from forge_core.liuzhou.state.kernels import protected
from forge_core.liuzhou.state.layout import (
    COUNT_MASK,
    COUNT_SHIFT,
    FORCED_MASK,
    FORCED_SHIFT,
    PENDING_MASK,
    PENDING_SHIFT,
    PHASE_MASK,
    PLAYER_SHIFT,
    QUIET_MASK,
    QUIET_SHIFT,
)

if TYPE_CHECKING:
    from torch import Tensor

N_PLANES = 20
SHAPE = (N_PLANES, SIDE, SIDE)


@inlined
def fill_cells(plane, word):
    """Write 1 on the cells of a word and 0 on the others. plane: [36] float32."""
    for cell in range(N_CELLS):
        plane[cell] = float32((word >> cell) & 1)


@kernel
def fill_planes(row, observer, out):
    """Write the planes of one row. observer: 0 black, 1 white, -1 the player. out: [20, 36] float32."""
    meta = row[3]
    player = (meta >> PLAYER_SHIFT) & 1
    if observer < 0:
        observer = player
    own, foe = (row[1], row[0]) if observer else (row[0], row[1])
    fill_cells(out[0], own)
    fill_cells(out[1], foe)
    fill_cells(out[2], own & row[2])
    fill_cells(out[3], foe & row[2])
    for phase in range(PLACE, COUNTER + 1):
        out[3 + phase] = float32(meta & PHASE_MASK == phase)
    pending = (meta >> PENDING_SHIFT) & PENDING_MASK
    out[11] = float32(pending == 1)
    out[12] = float32(pending == 2)
    out[13] = float32((meta >> FORCED_SHIFT) & FORCED_MASK == 1)
    out[14] = float32((meta >> COUNT_SHIFT) & COUNT_MASK) / float32(MAX_MOVES)
    out[15] = float32((meta >> QUIET_SHIFT) & QUIET_MASK) / float32(QUIET_LIMIT)
    fill_cells(out[16], protected(own & ~row[2]))
    fill_cells(out[17], protected(foe & ~row[2]))
    out[18] = float32(observer)
    out[19] = float32(observer == player)


@kernel
def planes_batch(rows, observers, out):
    """Write the planes of rows [N, 4]. observers: [N], or [0] for the players. out: [N, 20, 36] float32."""
    for n in range(rows.shape[0]):
        fill_planes(rows[n], observers[n] if len(observers) else -1, out[n])


def planes_of_rows(rows: np.ndarray, observers: np.ndarray) -> np.ndarray:
    """Return [N, 20, 6, 6] float32 of rows [N, 4] int64. observers: [N] int64, or [0] for the players."""
    out = np.empty((len(rows), N_PLANES, N_CELLS), np.float32)
    planes_batch(rows, observers, out)
    return out.reshape(-1, *SHAPE)


def planes_of_tensors(rows: Tensor, observers: Tensor | None) -> Tensor:
    """Return the same as a tensor on the device of the rows. observers: [N] int64, None for the players."""
    import torch

    from forge_core.liuzhou.state import tensors

    black, white, marked, meta = rows.unbind(-1)
    players = meta >> PLAYER_SHIFT & 1
    if observers is None:
        observers = players
    sees_white = observers == 1
    own, foe = torch.where(sees_white, white, black), torch.where(sees_white, black, white)
    words = torch.stack(
        (
            *(own, foe, own & marked, foe & marked),
            *(tensors.protected(own & ~marked), tensors.protected(foe & ~marked)),
        ),
        1,
    )
    cells = 1 << torch.arange(N_CELLS, device=rows.device)
    by_cell = (words[:, :, None] & cells != 0).float()
    phase, pending = meta & PHASE_MASK, meta >> PENDING_SHIFT & PENDING_MASK
    count, quiet = meta >> COUNT_SHIFT & COUNT_MASK, meta >> QUIET_SHIFT & QUIET_MASK
    flags = (
        *(phase == each for each in range(PLACE, COUNTER + 1)),
        *(pending == 1, pending == 2, meta >> FORCED_SHIFT & FORCED_MASK == 1),
    )
    # On CUDA, division by a Python number becomes multiplication by its inverse, which rounds differently.
    shares = [
        numbers.float() / torch.full_like(numbers, most, dtype=torch.float32)
        for numbers, most in ((count, MAX_MOVES), (quiet, QUIET_LIMIT))
    ]
    by_row = torch.stack((*(flag.float() for flag in flags), *shares), 1)
    side = torch.stack((sees_white.float(), (observers == players).float()), 1)
    spread = [each[:, :, None].expand(-1, -1, N_CELLS) for each in (by_row, side)]
    return torch.cat((by_cell[:, :4], spread[0], by_cell[:, 4:], spread[1]), 1).view(-1, *SHAPE)
