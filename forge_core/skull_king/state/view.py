"""Rows as a seat may know them, without hidden cards, compiled and as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from forge_core.kernels import kernel
from forge_core.skull_king import actions
from forge_core.skull_king.state import layout as at

BEFORE_ALL_BIDS = actions.LOAD
"""last phase in which the bids of the others are hidden"""


@kernel
def hide(row, seat, out):
    """Write to `out` the row as a seat may know it.

    It lacks the hands of the others, the cards of the ghost and of the stock, the key of the deals, the bids
    of the others until all have bid, and the cards that another seat saw with Jade or discarded.
    """
    out[:] = row
    for hand in range(actions.MOST_SEATS):
        if hand != seat:
            out[at.NUMBERS + hand] = out[at.SPECIALS + hand] = 0
            if row[at.PHASE] <= BEFORE_ALL_BIDS:
                out[at.BIDS + hand] = at.NO_BID
                out[at.LOADED + hand] = 0
    out[at.STOCK : at.BIDS] = 0
    out[at.KEY] = 0
    if row[at.JADE_SEAT] != seat:
        out[at.JADE_NUMBERS] = out[at.JADE_SPECIALS] = 0
    if row[at.BENDT_SEAT] != seat:
        out[at.DISCARD_NUMBERS] = out[at.DISCARD_SPECIALS] = 0


@kernel
def hide_batch(rows, seats, out):
    """Write to `out` [N, WIDTH] the rows as seats [N] may know them."""
    for n in range(len(rows)):
        hide(rows[n], seats[n], out[n])


def hide_tensors(rows: Any, seats: Any) -> Any:
    """Return rows, a tensor [N, WIDTH], as seats [N] may know them."""
    import torch

    out = rows.clone()
    others = torch.arange(actions.MOST_SEATS, device=rows.device) != seats[:, None]
    bidding = (rows[:, at.PHASE] <= BEFORE_ALL_BIDS)[:, None]
    for column, hidden, value in (
        (at.NUMBERS, others, 0),
        (at.SPECIALS, others, 0),
        (at.BIDS, others & bidding, at.NO_BID),
        (at.LOADED, others & bidding, 0),
    ):
        block = out[:, column : column + actions.MOST_SEATS]
        block[:] = torch.where(hidden, value, block)
    out[:, at.STOCK : at.BIDS] = 0
    out[:, at.KEY] = 0
    for owner, columns in (
        (at.JADE_SEAT, (at.JADE_NUMBERS, at.JADE_SPECIALS)),
        (at.BENDT_SEAT, (at.DISCARD_NUMBERS, at.DISCARD_SPECIALS)),
    ):
        for column in columns:
            out[:, column] = torch.where(rows[:, owner] == seats, out[:, column], 0)
    return out


def hide_rows(rows: Any, seats: Any) -> Any:
    """Return rows [N, WIDTH], an array or a tensor, as seats [N] may know them."""
    if not isinstance(rows, np.ndarray):
        return hide_tensors(rows, seats)
    out = np.empty_like(rows)
    hide_batch(rows, np.ascontiguousarray(seats, np.int64), out)
    return out
