"""Teach a network: from rows to a folder with its weights, its curve and a place to go on from.

runs/NAME/config.json            what was asked, of which data, by which versions, where
          metrics.csv            a line an evaluation
          checkpoints/last.ckpt  all it takes to go on to the last digit
          model/                 the averaged weights of the best evaluation (see checkpoints)
"""

from __future__ import annotations

import csv
import io
import json
import logging
import platform
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback, EarlyStopping, TQDMProgressBar

from forge_core.device import device_name, resolve_device
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model, save_model, weights_digest
from forge_core.learning.labelled.data import RowModule
from forge_core.learning.labelled.lightning_module import GOAL, Learner, Recipe
from forge_core.learning.labelled.rows import Rows, RowSource
from forge_core.learning.networks.transformer import ModelConfig
from forge_core.learning.resumption import Checkpoints

MODEL_VERSION = "m1"
"""Raised when the same rows and settings teach another network."""

ORIGIN = "origin"
"""Of what is said of the data, where they came from: it follows from their version"""

PRECISIONS = ("auto", "32", "16-mixed", "bf16-mixed")
CONFIG, CURVE = "config.json", "metrics.csv"
CHECKPOINT = "checkpoints/last.ckpt"
MODEL = "model"

Point = dict[str, float]
"""One evaluation: step, rows, seconds, cpu_seconds, loss, and the figures of `evaluate_q`"""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run. Contradictions raise BadInput."""

    model: ModelConfig
    recipe: Recipe
    evaluate_every: int = 500
    """steps between evaluations, each followed by a checkpoint"""
    patience: int | None = None
    """evaluations without a better one after which training stops; None: never"""
    precision: str = "auto"
    """`auto`: bf16-mixed where the device computes in bfloat16, else 32"""
    device: str = "auto"
    devices: int = 1
    """of the kind, by Lightning's own strategy; each takes batches of its own"""
    compile: bool = False
    """by torch.compile"""
    seed: int = 0
    """of the first weights"""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise BadInput(f"precision {self.precision!r}: use one of {', '.join(PRECISIONS)}")
        if self.evaluate_every < 1 or self.devices < 1 or (self.patience is not None and self.patience < 1):
            raise BadInput("evaluate_every, patience and devices are at least 1")

    def to_dict(self) -> dict[str, Any]:
        """JSON types only; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TrainConfig:
        """A configuration from `to_dict`'s record. Raises BadInput for one of other keys."""
        try:
            model, recipe = ModelConfig.from_dict(record["model"]), Recipe(**record["recipe"])
            return cls(**{**record, "model": model, "recipe": recipe})
        except (KeyError, TypeError) as error:
            raise BadInput(f"no configuration of a training run ({error}): start a new run") from error


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What came of a run."""

    folder: str
    model: str
    """folder of the best weights; empty after a fast dev run, which keeps nothing"""
    points: list[Point]
    best: Point
    device: str
    precision: str
    parameters: int
    stopped_early: bool
    """it got no better"""
    unfinished: bool = False
    """its time was over: to be resumed"""


def learning_rate_for(model: ModelConfig) -> float:
    """A peak that suits the width: 3e-3 at 64, falling with it."""
    return 3e-3 * 64 / model.width


def train(
    config: TrainConfig,
    source: RowSource,
    val_rows: Rows,
    folder: str | Path,
    *,
    data: Mapping[str, Any] | None = None,
    init_from: str | None = None,
    resume: bool = False,
    fast_dev_run: bool = False,
    minutes: float | None = None,
    progress: bool = False,
    on_point: Callable[[Point], None] | None = None,
) -> TrainResult:
    """Teach a network batch 0, 1, ... of `source`, judge it by `val_rows`, keep all in `folder`.

    data: what the rows are, JSON types, with their version: for the record and the model
    card. init_from: a model to start from, of the same tokens and size. resume: go on from
    the last checkpoint in `folder`, under the same configuration and data, to the same
    result as if nothing had happened. fast_dev_run: one batch, one evaluation, nothing
    written. minutes: stop after the last evaluation that lies within them, to be resumed.
    on_point: told of each evaluation; after resuming, of those since.
    Raises BadInput for rows or checkpoints that do not fit.
    """
    until = None if minutes is None else time.monotonic() + 60 * minutes
    folder = Path(folder)
    device = resolve_device(config.device)
    precision = resolve_precision(config.precision, device)
    record = describe_run(config, source, data or {}, init_from, device, precision)
    torch.manual_seed(config.seed)
    with quiet():
        learner = Learner(source.spec, config.model, config.recipe)
        if init_from and not resume:
            model = load_model(init_from)
            source.spec.check_same(model.spec, init_from)
            if model.config != config.model:
                raise BadInput(
                    f"{init_from} is a network of {model.config}, not of {config.model}: ask for its size"
                )
            learner.start_from(model)
        rows = RowModule(source, val_rows, source.spec, config.recipe.steps)
        if not fast_dev_run:
            record = claim_folder(folder, record, resume)
        if config.compile:
            for block in learner.model.blocks:
                block.compile(dynamic=True)
        keeper = Keeper(folder, record, on_point, until, keep=not fast_dev_run)
        callbacks: list[Callback] = [keeper]
        if config.patience is not None:
            callbacks.insert(0, EarlyStopping(GOAL, patience=config.patience, min_delta=0.0, verbose=False))
        if progress:
            callbacks.append(Bar())
        # one device needs no cluster, and the search for one starts MPI wherever mpi4py is installed
        cluster = [LightningEnvironment()] if config.devices == 1 else []
        trainer = pl.Trainer(
            accelerator="cpu" if device == "cpu" else "gpu",
            devices=config.devices
            if config.devices > 1 or device == "cpu"
            else [int(device.rpartition(":")[2])],
            precision=precision,  # pyright: ignore[reportArgumentType]
            max_steps=config.recipe.steps,
            val_check_interval=min(config.evaluate_every, config.recipe.steps),
            check_val_every_n_epoch=None,  # the whole run is one epoch: evaluations are counted in steps
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=False,  # `keeper` does
            enable_model_summary=False,
            enable_progress_bar=progress,
            fast_dev_run=fast_dev_run,
            default_root_dir=str(folder),
            plugins=[Checkpoints(), *cluster],
        )
        on_interrupt = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit(
                learner,
                datamodule=rows,
                ckpt_path=str(folder / CHECKPOINT) if resume else None,
                weights_only=True,
            )
        except SystemExit as stopped:  # what Lightning makes of Ctrl-C, which it also turns off
            signal.signal(signal.SIGINT, on_interrupt)
            raise KeyboardInterrupt from stopped
    if not keeper.points:
        raise BadInput(
            f"{folder} has done its {config.recipe.steps} steps without an evaluation: train it anew"
        )
    return TrainResult(
        folder=str(folder),
        model="" if fast_dev_run else str(folder / MODEL),
        points=keeper.points,
        best=min(keeper.points, key=lambda point: point[GOAL]),
        device=device_name(device),
        precision=precision,
        parameters=learner.model.n_parameters,
        stopped_early=trainer.global_step < config.recipe.steps and not keeper.out_of_time,
        unfinished=trainer.global_step < config.recipe.steps and keeper.out_of_time,
    )


class Keeper(Callback):
    """After each evaluation: a line of the curve, the weights if they are the best, a checkpoint.

    In this order: a checkpoint names nothing that is not on disk, and what a killed run wrote
    after its last checkpoint is written again.
    """

    def __init__(
        self,
        folder: Path,
        record: Mapping[str, Any],
        on_point: Callable[[Point], None] | None,
        until: float | None,
        keep: bool,
    ) -> None:
        """until: by time.monotonic(), when the run must have stopped."""
        self.folder, self.record, self.on_point, self.keep = folder, record, on_point, keep
        self.until, self.out_of_time, self._evaluated = until, False, time.monotonic()
        self.points: list[Point] = []
        self._seen = {"rows": 0, "loss": 0.0, "batches": 0}
        self._spent = {"seconds": 0.0, "cpu_seconds": 0.0}
        self._clocks = self._now()

    def on_train_batch_end(self, trainer, pl_module, outputs: Any, batch, batch_idx) -> None:
        """Count; after the last step ask for an evaluation, wherever the interval ends."""
        self._seen["rows"] += len(batch) * trainer.world_size
        self._seen["loss"] = self._seen["loss"] + outputs["loss"].detach()
        self._seen["batches"] += 1
        if trainer.global_step >= trainer.max_steps:
            trainer.should_stop = True  # Lightning evaluates before it stops

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep."""
        assert isinstance(pl_module, Learner)
        self._tick()
        figures = {key: value for key, value in pl_module.measured.items() if isinstance(value, float)}
        point: Point = {
            "step": trainer.global_step,
            "rows": self._seen["rows"],
            **{name: round(value, 3) for name, value in self._spent.items()},
            "loss": float(self._seen["loss"]) / max(1, self._seen["batches"]),
            **figures,
        }
        self._seen |= {"loss": 0.0, "batches": 0}
        best = min((earlier[GOAL] for earlier in self.points), default=float("inf"))
        self.points.append(point)
        if self.keep:
            if trainer.is_global_zero:
                write_curve(self.folder, self.points)
                if point[GOAL] < best:
                    made = datetime.now(UTC).isoformat(timespec="seconds")
                    results = {**point, "measured": pl_module.measured}
                    card = {**self.record, "made": made, "results": results}
                    save_model(str(self.folder / MODEL), pl_module.averaged, json.loads(json.dumps(card)))
            trainer.save_checkpoint(self.folder / CHECKPOINT)  # by all devices together
        if self.on_point and trainer.is_global_zero:
            self.on_point(point)
        if self.until is not None:
            now = time.monotonic()
            if now + (now - self._evaluated) > self.until:  # what comes next would take as long again
                self.out_of_time = trainer.should_stop = True
            self._evaluated = now

    def state_dict(self) -> dict[str, Any]:
        """The curve so far, and what it took."""
        return {"points": self.points, "rows": self._seen["rows"], "spent": self._spent}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there; lines of a curve written since are forgotten."""
        self.points, self._spent = state_dict["points"], dict(state_dict["spent"])
        self._seen["rows"] = state_dict["rows"]
        self._clocks = self._now()

    def _tick(self) -> None:
        now = self._now()
        for name in self._spent:
            self._spent[name] += now[name] - self._clocks[name]
        self._clocks = now

    @staticmethod
    def _now() -> dict[str, float]:
        return {"seconds": time.perf_counter(), "cpu_seconds": time.process_time()}


class Bar(TQDMProgressBar):
    """One bar for the run; evaluations only move its figures."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    def init_validation_tqdm(self):
        """Hidden."""
        bar = super().init_validation_tqdm()
        bar.disable = True
        return bar

    def get_metrics(self, trainer, pl_module) -> dict[str, Any]:
        """Without Lightning's version number."""
        return {
            key: value for key, value in super().get_metrics(trainer, pl_module).items() if key != "v_num"
        }

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """The epoch is the run."""
        super().on_train_epoch_start(trainer)
        self.train_progress_bar.set_description("training")
        self.train_progress_bar.initial = trainer.global_step


def read_run(folder: str | Path) -> dict[str, Any]:
    """config.json of a run. Raises BadInput where there is none."""
    store = Store(str(folder))
    if not store.exists(CONFIG):
        raise BadInput(f"{folder} holds no run: name one that was begun, or begin it without resuming")
    try:
        record = store.read_json(CONFIG)
        if missing := {"train", "spec", "data", "init_from", "precision"} - set(record):
            raise ValueError(f"it lacks {min(missing)}")
    except (TypeError, ValueError) as error:
        raise BadInput(f"{store.path(CONFIG)} is damaged ({error}): start a new run") from error
    return record


def resolve_precision(request: str, device: str) -> str:
    """`auto` -> what suits the device. Raises BadInput for 16-mixed on a CPU."""
    if request == "16-mixed" and device == "cpu":
        raise BadInput("precision 16-mixed needs CUDA: use auto, 32 or bf16-mixed")
    if request != "auto":
        return request
    if device == "cpu":
        can = torch.cpu.get_capabilities()
        return "bf16-mixed" if can.get("avx512_bf16") or can.get("amx_bf16") else "32"
    return "bf16-mixed" if torch.cuda.get_device_capability(device) >= (8, 0) else "16-mixed"


def describe_run(
    config: TrainConfig,
    source: RowSource,
    data: Mapping[str, Any],
    init_from: str | None,
    device: str,
    precision: str,
) -> dict[str, Any]:
    """What config.json and the model card say of a run."""
    return {
        "train": config.to_dict(),
        "spec": source.spec.to_dict(),
        "data": dict(data),
        "init_from": init_from,
        "parent_weights": weights_digest(init_from) if init_from else None,
        "model_version": MODEL_VERSION,
        "device": device_name(device),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,  # with its build, which the package's own number leaves out
            **{name: version(name) for name in ("forge", "lightning", "numpy")},
        },
    }


def claim_folder(folder: Path, record: dict[str, Any], resume: bool) -> dict[str, Any]:
    """Begin a run in `folder`, or find the one that is there to be the same. Raises BadInput otherwise.

    What is to be said of the run from now on: of one that goes on, the parent it began from.
    """
    store = Store(str(folder))
    if not resume:
        if store.exists(CHECKPOINT):  # one that was stopped before has nothing to go on from: begun anew
            raise BadInput(f"{folder} holds a run already: resume it, or choose another name")
        store.write(CONFIG, json.dumps(record, indent=2).encode())
        (folder / CHECKPOINT).parent.mkdir(parents=True, exist_ok=True)
        return record
    if not store.exists(CHECKPOINT):
        raise BadInput(f"{folder} holds no checkpoint to resume from: start the run without resuming")
    before = read_run(folder)
    before["train"] = TrainConfig.from_dict(before["train"]).to_dict()  # younger settings: their defaults
    now = json.loads(json.dumps(record))
    kept = {**record, "parent_weights": before.get("parent_weights")}  # by now another may lie there
    for described in (before, now):
        described["data"] = {name: said for name, said in described["data"].items() if name != ORIGIN}
    for part in ("train", "spec", "data", "init_from", "precision"):
        if before[part] != now[part]:
            names = (
                [k for k in now[part] if before[part].get(k) != now[part][k]]
                if isinstance(now[part], dict)
                else []
            )
            raise BadInput(
                f"{folder} was begun with another {', '.join([part, *names])}: resume it as it was begun, "
                "or choose another name"
            )
    return kept


def write_curve(folder: Path, points: list[Point]) -> None:
    """All points so far, in one piece."""
    text = io.StringIO()
    columns = list(dict.fromkeys(key for point in points for key in point))
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(points)
    Store(str(folder)).write(CURVE, text.getvalue().encode())


@contextmanager
def quiet() -> Iterator[None]:
    """Lightning without its remarks; what it warns of here is meant."""
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
