"""Losses for learning from labelled rows, and the weight of each row in them.

Letters: N rows, A actions. Answers are the mover's points, or logits with objective `policy` or `regret`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from forge_core.learning.choice import CHOICE_GRAIN, choose
from forge_core.learning.labelled.config import Recipe
from forge_core.learning.labelled.rows import ILLEGAL, Rows
from forge_core.learning.networks.sizes import ModelConfig

SPREAD_FLOOR = 1.0
"""points; standard deviations that differ by less than this are treated as nearly equal"""
REGRET_SCALE = 10.0
"""points by which expected regrets are divided, so that the loss is of the order of 1"""


@dataclass(frozen=True, slots=True)
class Losses:
    """The terms of the loss of a batch: scalars, each a weighted mean over the rows."""

    total: Tensor
    action: Tensor
    value: Tensor
    variance: Tensor | None = None


def losses(
    predicted: Tensor,
    value: Tensor,
    rows: Rows,
    recipe: Recipe,
    model: ModelConfig,
    scale: float,
    variance: Tensor | None = None,
) -> Losses:
    """Return the losses of a network's answers, given the labels of `rows` (tensors).

    predicted [N, A], value [N]; scale: points per unit of the network's answer. variance [N, A]: only
    with objective eq, whose labels are estimates. In that case each row is weighted by its `certainty`.
    With objectives eq and regret, the target of the value is the label of the action that the network would
    choose, because the maximum of several noisy labels is too high on average.
    """
    q = torch.where(rows.legal, rows.q.float(), 0.0)
    drawn = weight = row_weights(rows, recipe)
    target_value = rows.value.float()
    if variance is not None:
        weight = drawn * certainty(variance.detach(), rows, recipe.noise)
    if variance is not None or model.objective == "regret":
        target_value = q.gather(1, choose(predicted.detach(), rows.legal)[:, None]).squeeze(1)

    def mean(loss: Tensor, weight: Tensor = weight) -> Tensor:
        return (loss * weight).sum() / weight.sum()

    soft = (rows.q.float() / recipe.temperature).masked_fill(~rows.legal, -torch.inf).softmax(dim=1)
    if model.objective == "policy":
        best = rows.legal & (rows.q == rows.q.masked_fill(~rows.legal, ILLEGAL).amax(dim=1, keepdim=True))
        target = recipe.hard_share * best / best.sum(dim=1, keepdim=True) + (1 - recipe.hard_share) * soft
        action = mean(cross_entropy(predicted, target, rows.legal))
    elif model.objective == "regret":
        action = mean(expected_regret(predicted, q, rows.legal, recipe.temperature)) / REGRET_SCALE
    else:
        error = torch.where(rows.legal, (predicted - q) / scale, 0.0)
        count = rows.legal.sum(dim=1)
        shared = error.sum(dim=1) / count
        own = torch.where(rows.legal, error - shared[:, None], 0.0)
        action = mean(recipe.mean_weight * shared**2 + (own**2).sum(dim=1) / count)
        if recipe.soft_weight:
            ordered = cross_entropy(predicted / recipe.temperature, soft, rows.legal)
            action = action + recipe.soft_weight * mean(ordered)
    value_loss = mean(((value - target_value) / scale) ** 2)
    total = action + recipe.value_weight * value_loss
    if variance is None:
        return Losses(total, action, value_loss)
    spread = mean(spread_error(variance, rows), drawn)
    return Losses(total + recipe.variance_weight * spread, action, value_loss, spread)


def expected_regret(logits: Tensor, q: Tensor, legal: Tensor, temperature: float) -> Tensor:
    """Return the expected regret less temperature x entropy of each of N rows, in points.

    Actions are drawn by the softmax of logits [N, A]. q: [N, A] points. The loss is linear in q, so that
    errors of single labels do not bias it; the best answer is the softmax of -(mean regret) / temperature.
    """
    log_share = logits.float().masked_fill(~legal, -torch.inf).log_softmax(dim=1).masked_fill(~legal, 0.0)
    share = log_share.exp().masked_fill(~legal, 0.0)
    entropy = -(share * log_share).sum(dim=1)
    return (share * regrets(q, legal)).sum(dim=1) - temperature * entropy


def regrets(q: Tensor, legal: Tensor) -> Tensor:
    """Return the regret of each action: [N, A] points at least 0; 0 where it is illegal."""
    best = q.masked_fill(~legal, -torch.inf).amax(dim=1, keepdim=True)
    return torch.where(legal, best - q, 0.0)


def certainty(variance: Tensor, rows: Rows, noise: float) -> Tensor:
    """Return the weight [N], 0..1, of each estimated row: noise^2 / (noise^2 + variance / ess).

    A label is a mean over `ess` worlds, so its error has variance `variance / ess`; the network itself
    is off by about `noise`. Weights inversely proportional to the sum of both error variances make the
    best use of rows of unequal certainty. All actions of a row are estimated in the same worlds, so a
    row has a single weight, based on the mean of their variances.

    `variance` [N, A] is the network's prediction rather than the label's own variance. If the few worlds
    of a label happen to miss those with large losses, the label has both too many points and too
    small a variance, so weighting by its own variance would make the network too optimistic.
    """
    of_label = torch.where(rows.legal, variance, 0.0).sum(dim=1) / rows.legal.sum(dim=1) / rows.ess
    return noise**2 / (noise**2 + of_label)


def spread_error(variance: Tensor, rows: Rows) -> Tensor:
    """Return the error of the predicted variances [N, A], averaged over legal actions: [N], at least 0.

    The error is r - log r - 1 with r = label / prediction, after SPREAD_FLOOR squared is added to both.
    This is Stein's loss, the likelihood of a sample variance. Its expectation is minimal when the
    prediction equals the mean of the labels; errors of square roots or logarithms would have their
    minimum well below that if the labels come from few worlds. The label is corrected for bias and
    weighted by 1 - 1 / ess.
    """
    known = (1 - 1 / rows.ess)[:, None]
    label = rows.variance / known.clamp(min=1e-6)
    ratio = (label + SPREAD_FLOOR**2) / (variance + SPREAD_FLOOR**2)
    error = torch.where(rows.legal, known * (ratio - ratio.log() - 1), 0.0)
    return error.sum(dim=1) / rows.legal.sum(dim=1)


def cross_entropy(logits: Tensor, target: Tensor, legal: Tensor) -> Tensor:
    """Return the cross-entropy [N] over legal actions; logits, target probabilities and legal are [N, A]."""
    log_share = F.log_softmax(logits.float().masked_fill(~legal, -torch.inf), dim=1)
    return -(target * log_share.masked_fill(~legal, 0.0)).sum(dim=1)


def row_weights(rows: Rows, recipe: Recipe) -> Tensor:
    """Return the weight [N] of each row, up to a common factor."""
    points = rows.q.float()
    highest = points.masked_fill(~rows.legal, -torch.inf).amax(dim=1)
    lowest = points.masked_fill(~rows.legal, torch.inf).amin(dim=1)
    weight = torch.where(highest - lowest > CHOICE_GRAIN, 1.0, recipe.forced_row_weight)
    return weight * rows.weight if recipe.row_weights == "positions" else weight
