"""A recorded game for pictures: plausible Q values, and probabilities derived from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from random_games import changed, record_of

from forge_core.streams import stream
from forge_core.texas42.eq.records import N_POINTS, GameRecord

POINTS = np.arange(N_POINTS) - 42


def recorded_game(
    seed: int = 16, bid: int = 30, leader: int = 0, pdf: bool = True, criterion: str = "eq"
) -> GameRecord:
    """Return random play under seed % 10, with bell-shaped Q of the right parity."""
    record, draw = record_of(seed, leader, bid), stream(seed, "recorded game")
    of = record.decisions
    left = 42 - of.points_so_far.sum(axis=1, dtype=np.int64)[:, None, None]
    middle = draw.uniform(-0.5, 0.6, (28, 7, 1)) * left
    share = np.exp(-0.5 * ((POINTS - middle) / (0.5 + 0.15 * left)) ** 2)
    share *= (np.abs(POINTS) <= left) & ((POINTS - left) % 2 == 0) & of.legal_mask[:, :, None]
    share /= np.where(of.legal_mask, share.sum(axis=2), 1)[:, :, None]

    bids = (of.player % 2 == leader % 2)[:, None, None]
    of_bidders = np.where(bids[:, :, 0], *of.points_so_far[:, :, None].transpose(1, 0, 2))[:, :, None]
    made = of_bidders + (left + np.where(bids, POINTS, -POINTS)) // 2 >= min(bid, 42)

    def where_legal(values) -> np.ndarray:
        return np.where(of.legal_mask, values, np.nan).astype(np.float32)

    mean = share @ POINTS
    chance = (share * (made == bids)).sum(axis=2)
    worth = where_legal(chance if criterion == "pmake" else mean)
    return replace(
        changed(
            record,
            e_q_pdf=share.astype(np.float32) if pdf else None,
            e_q_mean=where_legal(mean),
            e_q_var=where_legal(np.maximum(share @ POINTS**2 - mean**2, 0)),
            p_make=where_legal(chance),
            q_gap=np.nanmax(worth, axis=1) - worth[np.arange(28), of.action_taken],
        ),
        settings={**record.settings, "criterion": criterion},
    )
