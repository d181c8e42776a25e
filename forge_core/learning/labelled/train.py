"""Training on labelled rows with Lightning; the result is a run folder (see `learning.runs`)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback, EarlyStopping

from forge_core.device import device_name, resolve_device
from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.callbacks import Bar, Checkpoints, Keeper, quiet_lightning
from forge_core.learning.labelled.config import TrainConfig
from forge_core.learning.labelled.data import RowModule
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.learner import Learner
from forge_core.learning.labelled.metrics import GOAL
from forge_core.learning.labelled.rows import RowSource
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.learning.precision import resolve_precision
from forge_core.learning.ranks import rank_of, together
from forge_core.learning.runs import (
    CHECKPOINT,
    MODEL,
    Point,
    TrainResult,
    claim_folder,
    describe_run,
    write_curve,
)

MODEL_VERSION = "m1"
"""Increased when the same rows and settings would train a different network."""


def train(
    job: TrainingJob,
    *,
    resume: bool = False,
    fast_dev_run: bool = False,
    minutes: float | None = None,
    progress: bool = False,
    on_point: Callable[[Point], None] | None = None,
) -> TrainResult:
    """Train and evaluate the network of a job, and save it in the job's folder.

    resume: continue from the last checkpoint in the folder, with the same configuration and data; the result
    is the same as without the interruption. fast_dev_run: run one batch and one evaluation, and write
    nothing. minutes: stop after the last evaluation that fits into this time; the run can then be resumed.
    on_point: called after each evaluation. Raises BadInput if rows or checkpoints do not match the
    configuration.
    """
    config, source, init_from = job.config, job.source, job.init_from
    until = None if minutes is None else time.monotonic() + 60 * minutes
    folder = Path(job.folder)
    device = resolve_device(config.device)
    precision = resolve_precision(config.precision, device)
    record = describe_run(
        train=config.to_dict(),
        spec=source.spec,
        data=job.data,
        init_from=init_from,
        model_version=MODEL_VERSION,
        device=device,
        precision=precision,
    )
    torch.manual_seed(config.seed)
    with quiet_lightning():
        learner = Learner(source.spec, config.model, config.recipe)
        if init_from and not resume:
            learner.start_from(_load_parent(init_from, config, source))
        rows = RowModule(source, job.val_rows, source.spec, config.recipe.steps, job.sample)
        if not (fast_dev_run or rank_of(config.devices)):
            record = claim_folder(folder, record, resume, _complete)
        if config.compile:
            for block in learner.model.blocks:
                block.compile(dynamic=True)
        keeper = Keeper(folder, record, on_point, until, keep=not fast_dev_run)
        trainer = _make_trainer(config, device, precision, folder, keeper, progress, fast_dev_run)
        on_interrupt = signal.getsignal(signal.SIGINT)
        try:
            with together(config.devices):
                trainer.fit(
                    learner,
                    datamodule=rows,
                    ckpt_path=str(folder / CHECKPOINT) if resume else None,
                    weights_only=True,
                )
        except SystemExit as stopped:  # Lightning turns Ctrl-C into this and ignores SIGINT afterwards
            signal.signal(signal.SIGINT, on_interrupt)
            raise KeyboardInterrupt from stopped
    if not keeper.progress.points:
        raise BadInput(
            f"the run in {folder} took all {config.recipe.steps} steps without an evaluation: start another"
        )
    if not fast_dev_run and trainer.is_global_zero:
        write_curve(folder, keeper.progress.points)  # it may have been lost since the last evaluation
    is_cut_short = trainer.global_step < config.recipe.steps and not fast_dev_run
    return TrainResult(
        folder="" if fast_dev_run else str(folder),
        model="" if fast_dev_run else str(folder / MODEL),
        points=keeper.progress.points,
        best=keeper.progress.best,
        device=f"{config.devices} x {device}" if config.devices > 1 else device_name(device),
        precision=precision,
        parameters=learner.model.n_parameters,
        stopped_early=is_cut_short and not keeper.out_of_time,
        unfinished=is_cut_short and keeper.out_of_time,
    )


def _complete(stored: Mapping[str, Any]) -> dict[str, Any]:
    return TrainConfig.from_dict(stored).to_dict()


def _load_parent(path: str, config: TrainConfig, source: RowSource) -> TokenTransformer:
    """Load the model to start from. Raises BadInput if its tokens or its size differ."""
    model = load_model(path)
    source.spec.check_same(model.spec, path)
    if model.config != config.model:
        raise BadInput(f"the network in {path} has {model.config}, not {config.model}: choose its size")
    return model


def _make_trainer(
    config: TrainConfig,
    device: str,
    precision: str,
    folder: Path,
    keeper: Keeper,
    progress: bool,
    fast_dev_run: bool,
) -> pl.Trainer:
    callbacks: list[Callback] = [keeper]
    if config.patience is not None:
        callbacks.insert(0, EarlyStopping(GOAL, patience=config.patience, min_delta=0.0, verbose=False))
    if progress:
        callbacks.append(Bar())
    counted = config.devices > 1 or device == "cpu"
    return pl.Trainer(
        accelerator="cpu" if device == "cpu" else "gpu",
        devices=config.devices if counted else [int(device.rpartition(":")[2])],
        strategy="ddp" if config.devices > 1 else "auto",
        precision=precision,  # pyright: ignore[reportArgumentType]
        max_steps=config.recipe.steps,
        val_check_interval=min(config.evaluate_every, config.recipe.steps),
        check_val_every_n_epoch=None,  # the whole run is one epoch, so the interval counts steps
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,  # `keeper` saves them
        enable_model_summary=False,
        enable_progress_bar=progress,
        fast_dev_run=fast_dev_run,
        default_root_dir=str(folder),
        # All devices are of this host; Lightning's search for a cluster starts MPI if mpi4py is installed.
        plugins=[Checkpoints(), LightningEnvironment()],
    )
