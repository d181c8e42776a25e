"""Losses of the one-hand network: of the values of plays, and of the plays that were made."""

from __future__ import annotations

import torch
from torch import Tensor

from forge_core.learning.labelled.losses import regrets
from forge_core.texas42.settings.games import BELIEF_MIX

_LEAST_LOG_SHARE = -50.0
"""bounds the loss of a play whose share underflows"""


def loss_of(logits: Tensor, q: Tensor, legal: Tensor, temperature: float, regret_share: float) -> Tensor:
    """Return the mean loss over N decisions, a scalar.

    logits: [N, 7], -inf where there is no play. q: [N, 7] points. temperature, regret_share: see
    OneHandSettings. The expected regret is linear in q, so errors of the labels do not bias it; the
    cross-entropy learns faster and also orders the plays that are not best.
    """
    lost = regrets(q, legal)
    label = (-lost / temperature).masked_fill(~legal, -torch.inf).softmax(dim=1)
    log_share = logits.log_softmax(dim=1)
    entropy = -(label * log_share.clamp(min=_LEAST_LOG_SHARE)).sum(dim=1)
    expected = (log_share.exp() * lost).sum(dim=1)
    return ((1 - regret_share) * entropy + regret_share * expected).mean()


def surprise(logits: Tensor, chosen: Tensor, legal: Tensor) -> Tensor:
    """Return the mean surprise at the plays that were made, in nats, a scalar.

    It is -log((1 - mix) x softmax + mix / legal plays), the likelihood by which a belief weighs worlds with
    tau 1. logits: [N, 7], -inf where there is no play. chosen: [N] places.
    """
    share = logits.softmax(dim=1).gather(1, chosen[:, None]).squeeze(1)
    return -((1 - BELIEF_MIX) * share + BELIEF_MIX / legal.sum(dim=1)).log().mean()
