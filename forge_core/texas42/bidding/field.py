"""Statistics of random hands: how often one is worth a bid, and how often it then makes the bid.

They model the other bidders. They were measured with playouts by players who see only their own hands,
as at a real table. (With perfect play and all hands seen, 97 % of hands would be worth a bid of 30 and
31 % a bid of two marks.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forge_core.errors import BadInput
from forge_core.texas42.bidding.table import BIDS, Floats, bid_index

EVEN = 0.5
"""A hand is worth a bid if it makes it at least this often: at a level score such a bid costs nothing."""


@dataclass(frozen=True, slots=True)
class Field:
    """Statistics of random hands for each bid of BIDS; bids in marks count as 42."""

    shares: tuple[float, ...]
    """[13] share of hands that are worth the bid under their best declaration"""
    made_then: tuple[float, ...]
    """[13] mean P(make) of those hands"""
    made_by_anyone: float
    """mean P(make) of a bid of 30 over all hands, for a dealer who must bid"""

    def __post_init__(self) -> None:
        if not len(self.shares) == len(self.made_then) == len(BIDS):
            raise BadInput(
                f"shares for {len(self.shares)} bids: pass shares and made_then for each of {len(BIDS)} bids"
            )

    def share_worth(self, bid: int) -> float:
        """Return the share of hands that are worth the bid."""
        return self.shares[bid_index(bid)]

    def made(self, bid: int) -> float:
        """Return the mean P(make) of hands that are worth the bid."""
        return self.made_then[bid_index(bid)]


def measure_field(p_make: Floats) -> Field:
    """Measure the statistics of N hands from their P(make) [N, 10, 13]. Raises BadInput if N is 0."""
    if not len(p_make):
        raise BadInput("there are no hands to measure a field on: pass at least one")
    best = np.nanmax(p_make, axis=1)  # [N, 13]
    worth = best >= EVEN
    made = np.where(worth, best, 0).sum(axis=0) / np.maximum(worth.sum(axis=0), 1)
    return Field(
        shares=tuple(worth.mean(axis=0).round(3).tolist()),
        made_then=tuple(np.where(worth.any(axis=0), made, EVEN).round(3).tolist()),
        made_by_anyone=float(best[:, 0].mean().round(3)),
    )


MEASURED_FIELD = Field(
    shares=(0.452, 0.328, 0.236, 0.235, 0.216, 0.171, 0.109, 0.064, 0.064, 0.063, 0.062, 0.053, 0.041),
    made_then=(0.673, 0.663, 0.654, 0.654, 0.657, 0.665, 0.686, 0.728, 0.728, 0.731, 0.732, 0.756, 0.778),
    made_by_anyone=0.51,
)
"""Measured on 1,000 hands; each declaration was played out in 200 deals by four heuristic players
(`python benchmarks/bidding_field.py 1000 200`)."""
