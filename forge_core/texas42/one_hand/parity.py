"""Comparison of the tensors with the kernels, decision by decision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.one_hand.choose import HEURISTIC, Policy, choose_slots, features_of
from forge_core.texas42.one_hand.lockstep import deal_playouts, play, see
from forge_core.texas42.one_hand.tensors import (
    choose_places,
    fill_features,
    fill_logits,
    rules_on,
    weights_on,
)
from forge_core.texas42.oracle.alphabeta.rulebook import RULEBOOK
from forge_core.texas42.views import Seen, Views

NEAR = 1e-4
"""difference of logits up to which two plays are nearly equal: well above the rounding errors of a sum of 64
numbers, and far below the differences that matter to a policy"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of a comparison."""

    decisions: int
    """decisions compared, forced ones included"""
    near_ties: int
    """those in which a network chose another of two nearly equal plays"""


def compare_decisions(
    hands: npt.NDArray[np.int8], seen: Seen, policy: Policy, generator: np.random.Generator, device: str
) -> Comparison:
    """Compare features and choices of a policy with those of the kernels, at each step of N random games.

    hands: [N, 4, 7], ascending. seen: before the first play. generator: draws the plays. Raises
    AssertionError if features or points differ, or choices other than between nearly equal plays.
    """
    there, n = torch.device(device), len(hands)
    rules, rows, is_network = rules_on(there), np.arange(n), policy.index != HEURISTIC
    columns = hands, seen.decl, rows, seen.turn.astype(np.int64), seen.bidder
    now = deal_playouts(rules, *(torch.as_tensor(column, device=there) for column in columns))
    every, near_ties = torch.ones(n, dtype=torch.bool, device=there), 0
    for step in range(N_PLAYS):
        views = Views(seen, hands[rows, seen.turn])
        own = RULEBOOK["bit"][0][views.hand]  # [N, 7] bits by slot
        order = own.argsort(axis=1)  # [N, 7] slots by place
        sights = see(rules, now)
        found = choose_places(rules, sights, policy).cpu().numpy()
        best = (order == choose_slots(views, policy)[:, None]).argmax(axis=1)
        differs = found != best
        if is_network:
            context, plays, legal = fill_features(rules, sights)
            _compare_features(views, *(part.cpu().numpy() for part in (context, plays, legal)))
            logits = fill_logits(weights_on(policy, there), context, plays).cpu().numpy()
            is_near = np.abs(logits[found, rows] - logits[best, rows]) <= NEAR
            near_ties += int((differs & is_near).sum())
            differs &= ~is_near
        assert not differs.any(), f"another play after {step} plays in game {differs.argmax()}"
        legal = views.legal
        slot = np.where(legal, generator.random(legal.shape), -1).argmax(axis=1)
        bit = torch.as_tensor(own[rows, slot].astype(np.int32), device=there)
        now, seen = play(rules, now, bit, every), seen.after(views.hand[rows, slot])
        points = seen.points.astype(np.int64)
        np.testing.assert_array_equal(now.gained.cpu().numpy(), points[:, 0] - points[:, 1])
    return Comparison(n * N_PLAYS, near_ties)


def _compare_features(
    views: Views, context: npt.NDArray, plays: npt.NDArray, legal: npt.NDArray[np.bool_]
) -> None:
    """Raise AssertionError if features [32, N] and [32, 7, N] of legal plays [7, N] are not the kernels'."""
    of_context, of_plays, slots = features_of(views)
    np.testing.assert_array_equal(context.T, of_context)
    # Both list the legal plays in ascending order of their bits.
    np.testing.assert_array_equal(plays.transpose(2, 1, 0)[legal.T], of_plays[slots >= 0])
