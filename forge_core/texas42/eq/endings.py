"""Endings: plays valued by strategies, where few worlds are left, in place of E[Q]."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from forge_core.texas42.dominoes import N_DOMINOES
from forge_core.texas42.eq.beliefs import Belief
from forge_core.texas42.eq.estimate import Estimates
from forge_core.texas42.eq.positions import Table, deal_out
from forge_core.texas42.eq.strategies import strategy_values
from forge_core.texas42.views import Views
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.voids import unseen

ENDING_PLAYS = 12
"""plays left from which a position is an ending: with three tricks left, a search takes milliseconds"""


def value_endings(
    estimates: Estimates, views: Views, most_worlds: int, belief: Belief | None = None
) -> Estimates:
    """Return the estimates with the mean of each play replaced by its value as part of a strategy.

    Only in endings with a choice and at most `most_worlds` consistent worlds, all of which are used; see
    `strategies`. Spread and P(make) stay as they are.
    """
    some = (estimates.world_count <= most_worlds) & (estimates.legal.sum(axis=1) > 1)
    rows = np.flatnonzero(some if N_DOMINOES - views.seen.step <= ENDING_PLAYS else np.zeros_like(some))
    if not len(rows):
        return estimates
    few = views.take(rows)
    hidden, counts = unseen(few), estimates.world_count[rows]
    worlds, games = Worlds(hidden, np.zeros(len(rows), dtype=np.uint64)), np.arange(len(rows))
    owner = worlds.owner(games, worlds.ranks(games, 0, int(counts.max()), np.ones(len(rows), dtype=np.bool_)))
    n, w = owner.shape[:2]
    game = torch.arange(n).repeat_interleave(w)
    hands = deal_out(Table.of(few, hidden, "cpu"), game, owner.flatten(0, 1))
    weights = np.ones((n, w))
    if belief:
        log_weight = belief.log_prior(few.seen, game, hands).numpy().reshape(n, w)
        valid = np.arange(w) < counts[:, None]
        weights = np.exp(log_weight - np.where(valid, log_weight, -np.inf).max(axis=1, keepdims=True))
    values = strategy_values(few, hands.numpy().reshape(n, w, *hands.shape[1:]), counts, weights)
    mean = estimates.mean.copy()
    mean[rows] = values
    return replace(estimates, mean=mean)
