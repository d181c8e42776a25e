"""Plays in hindsight: observations of missed bids, rewritten as if the tricks won had been bid."""

from __future__ import annotations

import numpy as np

from forge_core.kernels import kernel
from forge_core.skull_king.rollouts.records import I64, U8, Collected
from forge_core.skull_king.settings.network import TableSpec
from forge_core.skull_king.state import inputs

_BLOCKS = ("bids", "won", "needs", "own need", "overbid", "tricks left")


def imitated(batch: Collected, spec: TableSpec) -> tuple[U8, I64]:
    """Return observations [N, D] and actions [N] of plays after bids that were missed.

    The observations show the tricks won at the end as the own bid.
    """
    blocks = inputs.play_blocks(spec.rules, spec.seats)
    begins = np.array([blocks.slice(name).start for name in _BLOCKS])
    own_bid = batch.play[:, begins[0] : begins[0] + inputs.N_BIDS].argmax(1)
    missed = np.flatnonzero(own_bid != batch.tricks)
    seen = batch.play[missed]
    _rewrite_bids(seen, batch.tricks[missed], begins)
    return seen, batch.action[missed]


@kernel
def _rewrite_bids(seen, bids, begins):
    """Replace the own bid in observations [N, D] by `bids` [N]. begins: of the blocks that depend on it."""
    bid_block, won_block, needs, own_need, overbid, left_block = begins
    for n in range(len(seen)):
        row, bid = seen[n], bids[n]
        before, won = find_one(row, bid_block), find_one(row, won_block)
        left, over = find_one(row, left_block), find_one(row, overbid)
        row[bid_block + before] = 0
        row[bid_block + bid] = 1
        row[needs : needs + inputs.N_NEEDS] = 0
        if bid > won:
            row[needs] = 1
            row[needs + 1] = bid - won == left
            row[needs + 2] = bid - won > left
        else:
            row[needs + (3 if bid == won else 4)] = 1
        row[own_need : own_need + inputs.N_OWN_NEEDS] = 0
        row[own_need + max(bid - won, -1) + 1] = 1
        row[overbid + over] = 0  # shown from -6 to 6, so that the sum of bids may be wrong at the ends
        row[overbid + min(max(over + bid - before, 0), inputs.N_OVERBIDS - 1)] = 1


@kernel
def find_one(row, begin):
    """Return the first place after `begin` at which a row is 1."""
    place = 0
    while row[begin + place] == 0:
        place += 1
    return place
