"""The Lightning module that trains a network on labelled rows: optimiser, schedule, averaged weights."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from forge_core.errors import BadInput
from forge_core.learning.labelled.answers import Answers
from forge_core.learning.labelled.config import Recipe
from forge_core.learning.labelled.losses import losses
from forge_core.learning.labelled.metrics import GOAL, TRAIN_FIGURE, TRAIN_VAL_GAP
from forge_core.learning.labelled.rows import Rows
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.learning.resumption import generator_states, set_generator_states
from forge_core.learning.spec import TokenSpec


class Learner(pl.LightningModule):
    """A network and a copy with averaged weights, which is evaluated and saved.

    A checkpoint contains both, under the names `model` and `twin`.
    """

    def __init__(self, spec: TokenSpec, model: ModelConfig, recipe: Recipe) -> None:
        super().__init__()
        self.save_hyperparameters(
            {"spec": spec.to_dict(), "model": model.to_dict(), "recipe": recipe.to_dict()}, logger=False
        )
        self.spec, self.recipe = spec, recipe
        self.model = TokenTransformer(spec, model)
        self.twin = self._follow()
        self.measured: dict[str, Any] = {}
        """result of `evaluate_q` for the averaged weights in the last validation; with a sample of training
        rows also TRAIN_FIGURE and TRAIN_VAL_GAP"""
        self._answers: tuple[list[Answers], list[Answers]] = ([], [])
        """answers for validation rows, and for sampled training rows"""

    def start_from(self, model: TokenTransformer) -> None:
        """Copy the weights of a trained network of the same size."""
        self.model.load_state_dict(model.state_dict())
        self.twin = self._follow()

    def _follow(self) -> AveragedModel:
        twin = AveragedModel(self.model)
        twin.requires_grad_(False)
        return twin

    @property
    def averaged(self) -> TokenTransformer:
        """The network with averaged weights."""
        return self.twin.module  # pyright: ignore[reportReturnType]

    def training_step(self, rows: Rows, index: int) -> dict[str, Tensor]:
        """Return the loss of a batch."""
        predicted, value, *variance = self.model.answers(rows.tokens, rows.mask)
        if variance and rows.variance is None:
            raise BadInput(
                "objective eq needs estimates, but these rows are exact: use qvalue, policy or regret"
            )
        found = losses(
            predicted, value, rows, self.recipe, self.model.config, self.spec.value_scale, *variance
        )
        self.log("loss", found.total.detach(), prog_bar=True)
        return {"loss": found.total}

    def configure_gradient_clipping(self, optimizer: torch.optim.Optimizer, *_: Any, **__: Any) -> None:
        """Clip gradients, because Lightning itself refuses to with a fused optimiser."""
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip)

    def on_train_batch_end(self, outputs: Any, batch: Rows, batch_idx: int) -> None:
        """Move the averaged weights towards the current ones, faster during the first steps.

        AveragedModel has a method for this, but it reads its step count from the device, which would
        synchronize with the GPU at every step.
        """
        before = self.trainer.global_step - 1
        kept = min(self.recipe.ema, (before + 1) / (before + 20)) if before else 0.0
        twins: list[Tensor] = [*self.averaged.parameters()]
        with torch.no_grad():
            torch._foreach_lerp_(twins, [*self.model.parameters()], 1 - kept)  # pyright: ignore[reportPrivateImportUsage]
        self.twin.n_averaged += 1

    def validation_step(self, rows: Rows, index: int, dataloader_idx: int = 0) -> None:
        """Collect the answers of the averaged network. dataloader_idx: 0 validation rows, 1 the sample."""
        self._answers[dataloader_idx].append(Answers.of(self.averaged, rows))

    def on_validation_epoch_end(self) -> None:
        """Evaluate all answers together."""
        (parts, sampled), self._answers = self._answers, ([], [])
        answers = Answers.join(parts)
        if not answers.are_finite:
            raise BadInput(
                f"training diverged by step {self.trainer.global_step}: answers of the network are NaN or "
                f"infinite at lr {self.recipe.learning_rate:g}; use a lower lr, or another precision"
            )
        self.measured = answers.measure()
        if sampled:
            of_sample = Answers.join(sampled).measure()[GOAL]
            self.measured |= {TRAIN_FIGURE: of_sample, TRAIN_VAL_GAP: self.measured[GOAL] - of_sample}
        self.log(GOAL, self.measured[GOAL], prog_bar=True)

    def configure_optimizers(self) -> Any:
        """Return AdamW and a learning rate schedule that is updated at every step."""
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        vectors = [p for p in self.model.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.recipe.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        fused = (
            self.trainer.precision != "16-mixed"
        )  # its loss scaling does not allow clipping before a fused step
        optimizer = torch.optim.AdamW(groups, lr=self.recipe.learning_rate, betas=(0.9, 0.98), fused=fused)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.recipe.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def transfer_batch_to_device(self, batch: Rows, device: torch.device, dataloader_idx: int) -> Rows:
        """Move rows to the device; Lightning cannot move them by itself."""
        return batch.to_tensors(str(device))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the states of torch's random generators."""
        checkpoint["generators"] = generator_states()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the random generators. Raises BadInput if the checkpoint has another network or tokens."""
        stored = checkpoint["hyper_parameters"]
        self.spec.check_same(TokenSpec.from_dict(stored["spec"]), "the checkpoint")
        if stored["model"] != self.model.config.to_dict():
            found = ModelConfig.from_dict(stored["model"])
            raise BadInput(f"the checkpoint's network has {found}, not {self.model.config}: choose its size")
        set_generator_states(checkpoint["generators"])
