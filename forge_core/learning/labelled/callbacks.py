"""Lightning callbacks that save a run (curve, best network, checkpoints) and show a progress bar."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins import CheckpointIO
from lightning.pytorch.callbacks import Callback, TQDMProgressBar

from forge_core.learning.checkpoints import save_model
from forge_core.learning.labelled.learner import Learner
from forge_core.learning.labelled.metrics import GOAL
from forge_core.learning.resumption import delete_checkpoint, read_checkpoint, write_checkpoint
from forge_core.learning.runs import CHECKPOINT, MODEL, Point, Progress, write_curve

_REQUIRED = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "loops", "global_step")
"""the keys that Lightning needs in a checkpoint"""


class Checkpoints(CheckpointIO):
    """The Lightning plugin that reads and writes checkpoints."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint with `write_checkpoint`."""
        write_checkpoint(path, checkpoint)

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read a checkpoint with `read_checkpoint`."""
        return read_checkpoint(path, _REQUIRED, map_location)

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        delete_checkpoint(path)


class Keeper(Callback):
    """Saves the curve, a checkpoint and, if it is the best so far, the network after each evaluation."""

    def __init__(
        self,
        folder: Path,
        record: Mapping[str, Any],
        on_point: Callable[[Point], None] | None,
        until: float | None,
        keep: bool,
    ) -> None:
        """until: the time.monotonic() by which the run must stop. keep: False to write nothing."""
        self.folder, self.record, self.on_point, self.keep = folder, record, on_point, keep
        self.progress = Progress(GOAL, until)
        self.out_of_time = False
        self._loss, self._batches = 0.0, 0

    @property
    def state_key(self) -> str:
        """The key of this callback's state in a checkpoint."""
        return "Keeper"

    def on_train_batch_end(self, trainer, pl_module, outputs: Any, batch, batch_idx) -> None:
        """Count rows and losses; after the last step, request an evaluation even within an interval."""
        self.progress.rows += len(batch) * trainer.world_size
        self._loss = self._loss + outputs["loss"].detach()
        self._batches += 1
        if trainer.global_step >= trainer.max_steps:
            trainer.should_stop = True  # Lightning evaluates before it stops

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the evaluation, the network and a checkpoint, in the order that `Progress` requires."""
        assert isinstance(pl_module, Learner)
        figures = {key: value for key, value in pl_module.measured.items() if isinstance(value, float)}
        loss = float(self._loss) / max(1, self._batches)
        if trainer.world_size > 1:
            loss = float(trainer.strategy.reduce(torch.tensor(loss), reduce_op="mean"))
        self._loss, self._batches = 0.0, 0
        point, is_best = self.progress.add(trainer.global_step, {"loss": loss, **figures})
        if self.keep:
            if trainer.is_global_zero:
                write_curve(self.folder, self.progress.points)
                if is_best:
                    made = datetime.now(UTC).isoformat(timespec="seconds")
                    results = {**point, "measured": pl_module.measured}
                    card = {**self.record, "made": made, "results": results}
                    save_model(str(self.folder / MODEL), pl_module.averaged, json.loads(json.dumps(card)))
            trainer.save_checkpoint(self.folder / CHECKPOINT)  # all devices take part
        if self.on_point and trainer.is_global_zero:
            self.on_point(point)
        is_over = self.progress.is_time_over()
        if trainer.world_size > 1:
            is_over = trainer.strategy.broadcast(is_over)  # all processes must stop at the same step
        if is_over:
            self.out_of_time = trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """Return the curve's state for a checkpoint."""
        return self.progress.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the curve's state from a checkpoint."""
        self.progress.load_state_dict(state_dict)


class Bar(TQDMProgressBar):
    """A single progress bar for the whole run; evaluations only update its figures."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    def init_validation_tqdm(self):
        """Hide the bar of an evaluation."""
        bar = super().init_validation_tqdm()
        bar.disable = True
        return bar

    def get_metrics(self, trainer, pl_module) -> dict[str, Any]:
        """Return the figures shown in the bar, without Lightning's version number."""
        return {
            key: value for key, value in super().get_metrics(trainer, pl_module).items() if key != "v_num"
        }

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Set the label and the starting step of the bar; the whole run is one epoch."""
        super().on_train_epoch_start(trainer)
        self.train_progress_bar.set_description("training")
        self.train_progress_bar.initial = trainer.global_step


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Silence Lightning's log messages and warnings, which are about things done here on purpose."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
