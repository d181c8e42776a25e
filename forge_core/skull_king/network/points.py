"""Points of a bid by the tricks won, by the scoring rule of `rules.score_round`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.skull_king.actions import MOST_CARDS
from forge_core.skull_king.rules import Rules, score_round
from forge_core.skull_king.state.inputs import N_BIDS

A_BONUS = 20
"""bonus with which shares are found: even, since the rule of Rascal halves it"""

Table = npt.NDArray[np.float32]
"""[11 cards dealt, 11 bids, 11 numbers of tricks]"""


def points_without_bonus(rules: Rules) -> Table:
    """Return the points of a bid if no bonus is won; 0 where there are fewer cards than bid or won."""
    return _table(rules, 0)


def shares_of_bonus(rules: Rules) -> Table:
    """Return the share of what a seat wins on top that counts: 1 for an exact bid, less for others.

    An exact bid of 0 has no bonus for tricks, but may have one for an alliance.
    """
    shares = (_table(rules, A_BONUS) - _table(rules, 0)) / A_BONUS
    shares[1:, 0, 0] = 1
    return shares.astype(np.float32)


def _table(rules: Rules, bonus: int) -> Table:
    table = np.zeros((N_BIDS, N_BIDS, N_BIDS), np.float32)
    for dealt in range(1, MOST_CARDS + 1):
        for bid in range(dealt + 1):
            for won in range(dealt + 1):
                table[dealt, bid, won] = score_round([bid], [won], [bonus], dealt, rules=rules)[0]
    return table
