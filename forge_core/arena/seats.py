"""Seat arrangements in which the players rotate through all seats.

A lineup gives the number of the player in each seat. Playing all its rotations balances the seats in any
game:

    (0, 1)        two players, colours swapped          2 games per seed
    (0, 1, 0, 1)  two teams, duplicate both ways round  2
    (0, 1, 1, 1)  one player against three of a kind    4
    (0, 1, 2, 3)  four players                          4
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Seats = npt.NDArray[np.int64]
"""[..., P] the number of the player in each seat"""


def rotations(lineup: Sequence[int]) -> Seats:
    """Return [G, P]: the distinct rotations of a lineup, the lineup itself first."""
    turned = [tuple(np.roll(lineup, places).tolist()) for places in range(len(lineup))]
    return np.array(list(dict.fromkeys(turned)), dtype=np.int64)


def mean_by_player(numbers: npt.ArrayLike, seats: Seats) -> npt.NDArray[np.float64]:
    """Return [D, K]: the mean of `numbers` [G, D, P] over all games and seats of each of K players.

    seats: [G, P]; each player 0..K-1 must have a seat.
    """
    by_seat = np.asarray(numbers, dtype=np.float64)
    players = range(int(seats.max()) + 1)
    columns = [by_seat.transpose(0, 2, 1)[seats == player].mean(axis=0) for player in players]
    return np.stack(columns, axis=1)


def win_shares(returns: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return [N, P]: the share of each seat in its game's win, given returns [N, P]; ties are split."""
    points = np.asarray(returns, dtype=np.float64)
    best = points == points.max(axis=1, keepdims=True)
    return best / best.sum(axis=1, keepdims=True)
