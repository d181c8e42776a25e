"""Losses of the two parts of the network, on plays and bids of finished rounds.

Plays: proximal policy optimisation with a clipped ratio, the squared error of the value, an entropy bonus.
Bids: the cross-entropy of the tricks won with the bid that was made, in hindsight. Letters: N rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from forge_core.skull_king.network import BidAndPlayNet, Bids, Plays
from forge_core.skull_king.rollouts import Taught
from forge_core.skull_king.settings.learning import LearningSettings
from forge_core.skull_king.settings.network import POINTS_PER_BONUS, POINTS_PER_VALUE

LOSSES = ("policy_loss", "value_loss", "entropy", "bid_loss", "bonus_loss")
"""figures of a step, in the order of `Figures`"""
TRICKS_WEIGHT, BONUS_WEIGHT = 0.5, 0.1
"""weights of the two losses of bids next to that of plays"""
BID_ENTROPY_FACTOR = 2.0
"""the entropy of bids, of which a round has one, weighs more than that of plays (bid head `policy`)"""
TEACHER_TEMPERATURE = 10.0
"""points: actions that the teacher rates this much lower are e times less likely in what is learnt"""
LOWEST_LOG = -50.0
"""log-probabilities of illegal actions are clamped here: times their probability, 0, they must give 0"""


@dataclass(frozen=True, slots=True)
class PlayBatch:
    """Plays of finished rounds."""

    seen: Tensor
    """[N, D] uint8"""
    hidden: Tensor | None
    """[N, H] uint8, for a critic that sees all hands"""
    action: Tensor
    """[N] int64"""
    log_prob: Tensor
    """[N] of the action when it was chosen"""
    advantage: Tensor
    """[N] normalised"""
    target: Tensor
    """[N] of the value"""
    tricks: Tensor
    """[N] own tricks at the end of the round"""


@dataclass(frozen=True, slots=True)
class BidBatch:
    """Bids of finished rounds."""

    seen: Tensor
    """[N, B] uint8"""
    bid: Tensor
    """[N] int64"""
    log_prob: Tensor
    """[N] of the bid when it was made"""
    tricks: Tensor
    """[N] own tricks at the end of the round"""
    points: Tensor
    """[N] own points of the round"""


def entropy_of(log_probs: Tensor) -> Tensor:
    """Return the mean entropy of distributions [N, A] in which illegal actions have probability 0."""
    return -(log_probs.exp() * log_probs.clamp(min=LOWEST_LOG)).sum(1).mean()


def clipped_loss(log_prob: Tensor, before: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Return the clipped surrogate loss of actions [N]: their probability now and before, and advantage."""
    ratio = (log_prob - before).exp()
    return -torch.min(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


def play_losses(plays: Plays, batch: PlayBatch, settings: LearningSettings) -> tuple[Tensor, Tensor, Tensor]:
    """Return the policy loss, the value loss and the entropy of a batch of plays."""
    log_probs = plays.logits.log_softmax(1)
    chosen = log_probs.gather(1, batch.action[:, None]).squeeze(1)
    policy = clipped_loss(chosen, batch.log_prob, batch.advantage, settings.clip)
    return policy, F.mse_loss(plays.value, batch.target), entropy_of(log_probs)


def tricks_losses(bids: Bids, batch: BidBatch, base: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cross-entropy of the tricks won, and the squared error of the bonus of exact bids.

    base: [N] points of the bid and the tricks without a bonus.
    """
    rows = torch.arange(len(batch.bid), device=batch.bid.device)
    cross_entropy = F.nll_loss(bids.log_chances[rows, batch.bid], batch.tricks)
    exact = (batch.bid == batch.tricks).float()
    error = bids.bonus[rows, batch.bid] - (batch.points - base) / POINTS_PER_BONUS
    return cross_entropy, (exact * error**2).sum() / exact.sum().clamp(min=1)


def bid_policy_losses(
    bids: Bids, batch: BidBatch, settings: LearningSettings, entropy_weight: float
) -> tuple[Tensor, Tensor]:
    """Return the policy loss of bids less their entropy bonus, and the squared error of their value."""
    log_probs, target = bids.points.log_softmax(1), batch.points / POINTS_PER_VALUE
    advantage = target - bids.value.detach()
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
    chosen = log_probs.gather(1, batch.bid[:, None]).squeeze(1)
    policy = clipped_loss(chosen, batch.log_prob, advantage, settings.clip)
    bonus = BID_ENTROPY_FACTOR * entropy_weight * entropy_of(log_probs)
    return policy - bonus, F.mse_loss(bids.value, target)


def bid_losses(
    network: BidAndPlayNet, batch: BidBatch, settings: LearningSettings, entropy_weight: float
) -> tuple[Tensor, Tensor]:
    """Return the two losses of a batch of bids, weighted."""
    bids = network.bids(batch.seen)
    if settings.bid_head == "policy":
        policy, value = bid_policy_losses(bids, batch, settings, entropy_weight)
        return policy, settings.value_weight * value
    base = network.points_of(batch.seen, batch.bid, batch.tricks)
    cross_entropy, bonus = tricks_losses(bids, batch, base)
    return TRICKS_WEIGHT * cross_entropy, BONUS_WEIGHT * bonus


def teacher_loss(network: BidAndPlayNet, taught: Taught[Tensor]) -> Tensor:
    """Return the loss of a teacher's answers: cross-entropies of plays, and of tricks won for each bid."""
    loss = network.policy.weight.new_zeros(())
    if len(taught.play):
        aim = (taught.play_points / TEACHER_TEMPERATURE).softmax(1)
        loss = loss + F.cross_entropy(network.plays(taught.play).logits, aim)
    if len(taught.bid) and network.config.bid_head == "tricks":
        log_chances = network.bids(taught.bid).log_chances
        cross_entropy = -(taught.bid_tricks * log_chances).sum(2)
        n_legal = taught.bid_tricks.sum((1, 2)).clamp(min=1)
        loss = loss + TRICKS_WEIGHT * (cross_entropy.sum(1) / n_legal).mean()
    return loss
