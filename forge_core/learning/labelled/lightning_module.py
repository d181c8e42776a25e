"""What is minimised, and how: losses, weights of rows, optimiser, schedule, averaged weights."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import lightning.pytorch as pl
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from forge_core.errors import BadInput
from forge_core.learning.labelled.metrics import CHOICE_GRAIN, Answers, choose
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.networks.transformer import ModelConfig, TokenTransformer
from forge_core.learning.spec import TokenSpec

GOAL = "decision_q_gap"
"""what an evaluation is judged by: less is better"""

ROW_WEIGHTS = ("drawn", "positions")

SPREAD_FLOOR = 1.0
"""points: below it, the difference between two standard deviations is of little account"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is taught. Contradictions raise BadInput."""

    steps: int
    """batches until the learning rate has fallen to zero"""
    learning_rate: float
    """at its highest"""
    warmup: int = 200
    """steps in which it rises, at most a tenth of all"""
    weight_decay: float = 0.01
    """of matrices; vectors keep their size"""
    clip: float = 1.0
    """largest norm of a gradient"""
    ema: float = 0.999
    """of the averaged weights, which are evaluated and kept: what remains of them in a step"""
    mean_weight: float = 0.25
    """qvalue, eq: of the error that all actions of a row share, beside 1 of each one's own; 1 is plain MSE"""
    soft_weight: float = 0.03
    """qvalue, eq: of the cross-entropy against the soft target, which minds the order of the actions"""
    hard_share: float = 0.3
    """policy: of the cross-entropy against the best actions, evenly if tied; the rest is the soft one"""
    temperature: float = 3.0
    """points: the soft target is softmax(q / temperature) over legal actions"""
    value_weight: float = 0.5
    """of the squared error of the value"""
    variance_weight: float = 0.03
    """eq: of what `spread_error` says of the variance"""
    noise: float = 3.0
    """eq, points: the standard error at which a label counts half (see `certainty`)"""
    row_weights: str = "drawn"
    """`drawn`: each row as often as the source draws it, which has its own plan of plies and decisions;
    `positions`: by what it stands for, as if drawn evenly from all reachable positions"""
    idle_weight: float = 1.0
    """of a row in which nothing is to be decided, beside 1 of a decision: below 1 where rows were drawn
    without regard to decisions"""

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.learning_rate > 0:
            raise BadInput(f"{self.steps} steps at rate {self.learning_rate}: both must be positive")
        if self.row_weights not in ROW_WEIGHTS:
            raise BadInput(f"row_weights {self.row_weights!r}: use {' or '.join(ROW_WEIGHTS)}")
        if not (0 <= self.ema < 1 and 0 <= self.hard_share <= 1):
            raise BadInput(f"ema {self.ema} and hard_share {self.hard_share} are shares from 0 to 1")
        if not (self.temperature > 0 and self.clip > 0 and self.noise > 0 and self.idle_weight >= 0):
            raise BadInput("temperature, clip and noise are positive, idle_weight is not negative")

    def rate(self, step: int) -> float:
        """The share of the learning rate at step 0, 1, ...: up in a line, down along a cosine."""
        warmup = max(1, min(self.warmup, self.steps // 10))
        done = min(1.0, max(0, step - warmup) / max(1, self.steps - warmup))
        return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True, slots=True)
class Losses:
    """Terms of a batch, each the weighted mean over its rows; scalars."""

    total: Tensor
    action: Tensor
    value: Tensor
    variance: Tensor | None = None


def losses(
    said: Tensor,
    value: Tensor,
    rows: Rows,
    recipe: Recipe,
    model: ModelConfig,
    scale: float,
    variance: Tensor | None = None,
) -> Losses:
    """What is minimised: answers to `rows` (tensors) held to what they hold; scale: points in a unit.

    said [N, A], value [N]; variance [N, A], of objective eq, whose rows are estimates. There
    each row counts by its `certainty`, and the value is held to what the label says of the
    network's own choice: the best of several noisy labels is on average better than any.
    """
    q = torch.where(rows.legal, rows.q.float(), 0.0)
    drawn = weight = row_weights(rows, recipe)
    worth = rows.value.float()
    if variance is not None:
        weight = drawn * certainty(variance.detach(), rows, recipe.noise)
        worth = q.gather(1, choose(said.detach(), rows.legal)[:, None]).squeeze(1)

    def mean(loss: Tensor, weight: Tensor = weight) -> Tensor:
        return (loss * weight).sum() / weight.sum()

    soft = (rows.q.float() / recipe.temperature).masked_fill(~rows.legal, -torch.inf).softmax(dim=1)
    if model.objective == "policy":
        best = rows.legal & (rows.q == rows.q.masked_fill(~rows.legal, -128).amax(dim=1, keepdim=True))
        target = recipe.hard_share * best / best.sum(dim=1, keepdim=True) + (1 - recipe.hard_share) * soft
        action = mean(cross_entropy(said, target, rows.legal))
    else:
        error = torch.where(rows.legal, (said - q) / scale, 0.0)
        count = rows.legal.sum(dim=1)
        shared = error.sum(dim=1) / count
        own = torch.where(rows.legal, error - shared[:, None], 0.0)
        action = mean(recipe.mean_weight * shared**2 + (own**2).sum(dim=1) / count)
        if recipe.soft_weight:
            ordered = cross_entropy(said / recipe.temperature, soft, rows.legal)
            action = action + recipe.soft_weight * mean(ordered)
    value_loss = mean(((value - worth) / scale) ** 2)
    total = action + recipe.value_weight * value_loss
    if variance is None:
        return Losses(total, action, value_loss)
    spread = mean(spread_error(variance, rows), drawn)
    return Losses(total + recipe.variance_weight * spread, action, value_loss, spread)


def certainty(variance: Tensor, rows: Rows, noise: float) -> Tensor:
    """[N] what an estimated row counts, 0..1: noise^2 / (noise^2 + variance / ess).

    A label is off by the luck of its worlds, whose variance is variance / ess, and a network
    is off of the truth by itself, by `noise` say; weights in inverse proportion to the sum of
    both make the best of rows of different certainty. Its actions are judged in the same
    worlds and share their luck, so a row has one weight, by the mean of their `variance`
    [N, A]. This is what the network expects, not that of the label: where the few worlds of a
    label miss those that lose much, its variance and its points both look good, and to trust
    it the more for it is to learn optimism.
    """
    of_label = torch.where(rows.legal, variance, 0.0).sum(dim=1) / rows.legal.sum(dim=1) / rows.ess
    return noise**2 / (noise**2 + of_label)


def spread_error(variance: Tensor, rows: Rows) -> Tensor:
    """[N] how ill the variance said fits that of the label, meaned over legal actions; 0 where it does.

    r - log r - 1 with r = label / said, both SPREAD_FLOOR squared higher: Stein's loss, the
    likelihood of a sample's variance. It is least, on average over labels, where `variance` is
    their mean; errors of a root or a logarithm are least well below it where labels are of few
    worlds. The label is freed of its own bias, and counts, by the share 1 - 1 / ess that it knows.
    """
    known = (1 - 1 / rows.ess)[:, None]
    label = rows.variance / known.clamp(min=1e-6)
    ratio = (label + SPREAD_FLOOR**2) / (variance + SPREAD_FLOOR**2)
    error = torch.where(rows.legal, known * (ratio - ratio.log() - 1), 0.0)
    return error.sum(dim=1) / rows.legal.sum(dim=1)


def cross_entropy(logits: Tensor, target: Tensor, legal: Tensor) -> Tensor:
    """[N, A] logits and target probabilities over legal actions -> [N]."""
    log_share = F.log_softmax(logits.float().masked_fill(~legal, -torch.inf), dim=1)
    return -(target * log_share.masked_fill(~legal, 0.0)).sum(dim=1)


def row_weights(rows: Rows, recipe: Recipe) -> Tensor:
    """[N] what each row counts, up to a factor."""
    points = rows.q.float()
    highest = points.masked_fill(~rows.legal, -torch.inf).amax(dim=1)
    lowest = points.masked_fill(~rows.legal, torch.inf).amin(dim=1)
    weight = torch.where(highest - lowest > CHOICE_GRAIN, 1.0, recipe.idle_weight)
    return weight * rows.weight if recipe.row_weights == "positions" else weight


class Learner(pl.LightningModule):
    """A network, its averaged twin, and what Lightning asks of them."""

    def __init__(self, spec: TokenSpec, model: ModelConfig, recipe: Recipe) -> None:
        super().__init__()
        self.save_hyperparameters(
            {"spec": spec.to_dict(), "model": model.to_dict(), "recipe": asdict(recipe)}, logger=False
        )
        self.spec, self.recipe = spec, recipe
        self.model = TokenTransformer(spec, model)
        self.twin = self._follow()
        self.measured: dict[str, Any] = {}
        """of the last validation: `evaluate_q` of the averaged weights"""
        self._said: list[Answers] = []

    def start_from(self, model: TokenTransformer) -> None:
        """Take over the weights of a trained network of the same size."""
        self.model.load_state_dict(model.state_dict())
        self.twin = self._follow()

    def _follow(self) -> AveragedModel:
        twin = AveragedModel(self.model)
        twin.requires_grad_(False)
        return twin

    @property
    def averaged(self) -> TokenTransformer:
        """The network to evaluate and to keep."""
        return self.twin.module  # pyright: ignore[reportReturnType]

    def training_step(self, rows: Rows, index: int) -> dict[str, Tensor]:
        """The loss of a batch, with its parts."""
        said, value, *variance = self.model.answers(rows.tokens, rows.mask)
        if variance and rows.variance is None:
            raise BadInput("objective eq learns from estimates, these rows are exact: use qvalue or policy")
        found = losses(said, value, rows, self.recipe, self.model.config, self.spec.value_scale, *variance)
        self.log("loss", found.total.detach(), prog_bar=True)
        return {"loss": found.total, "action": found.action.detach(), "value": found.value.detach()}

    def configure_gradient_clipping(self, optimizer: torch.optim.Optimizer, *_: Any, **__: Any) -> None:
        """Here, since Lightning declines to clip for a fused optimiser."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)

    def on_train_batch_end(self, outputs: Any, batch: Rows, batch_idx: int) -> None:
        """The twin follows, at first closely: it forgets its beginnings.

        As AveragedModel would by itself, which reads its own count of steps off the device, and
        has a GPU waited for in every step.
        """
        before = self.trainer.global_step - 1
        remains = min(self.recipe.ema, (before + 1) / (before + 20)) if before else 0.0
        twins: list[Tensor] = [*self.averaged.parameters()]
        with torch.no_grad():
            torch._foreach_lerp_(twins, [*self.model.parameters()], 1 - remains)  # pyright: ignore[reportPrivateImportUsage]
        self.twin.n_averaged += 1

    def validation_step(self, rows: Rows, index: int) -> None:
        """Ask the twin."""
        self._said.append(Answers.of(self.averaged, rows))

    def on_validation_epoch_end(self) -> None:
        """Measure over the whole set."""
        parts, self._said = self._said, []
        self.measured = Answers.join(parts).measure()
        self.log(GOAL, self.measured[GOAL], prog_bar=True)

    def configure_optimizers(self) -> Any:
        """AdamW, one learning rate for all, by step."""
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        vectors = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.recipe.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        fused = self.trainer.precision != "16-mixed"  # whose loss scaling cannot clip before a fused step
        optimizer = torch.optim.AdamW(groups, lr=self.recipe.learning_rate, betas=(0.9, 0.98), fused=fused)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.recipe.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def transfer_batch_to_device(self, batch: Rows, device: torch.device, dataloader_idx: int) -> Rows:
        """Rows are no structure that Lightning knows."""
        return batch.to_tensors(str(device))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Also the state of torch's generators."""
        checkpoint["generators"] = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises BadInput for a checkpoint of another network or of other tokens."""
        theirs = checkpoint["hyper_parameters"]
        self.spec.check_same(TokenSpec.from_dict(theirs["spec"]), "the checkpoint")
        if theirs["model"] != self.model.config.to_dict():
            found = ModelConfig.from_dict(theirs["model"])
            raise BadInput(
                f"the checkpoint is of a network of {found}, not of {self.model.config}: ask for its size"
            )
        cpu, *cuda = checkpoint["generators"]
        torch.set_rng_state(cpu)
        if cuda and len(cuda) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(cuda)
