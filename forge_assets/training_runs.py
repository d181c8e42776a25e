"""Training runs of assets: their folders, tags and results; training that is tracked in MLflow.

Each run has its own folder, named by a fingerprint of its settings and data. If the same run is started
again, a finished run is found, and an interrupted one continues from its checkpoint.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import dagster as dg

from forge_assets.folders import RESULT, runs_folder
from forge_assets.tracking.tracker import Tracker
from forge_assets.tracking.training import TrainingTracker
from forge_core.errors import BadInput
from forge_core.learning.folders import run_name

if TYPE_CHECKING:
    from forge_core.learning.loop import Watch
    from forge_core.learning.runs import Point, TrainResult


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run and its folder, where it may have been started or finished before."""

    folder: Path
    asked: Mapping[str, Any]
    """everything that its network depends on: `train` (settings), `data`, `init_from`, `code`; JSON types"""


def plan_run(
    runs: str,
    name: str | None,
    stem: str,
    *,
    train: Mapping[str, Any],
    data: Mapping[str, Any],
    init_from: str | None,
    code: str,
) -> PlannedRun:
    """Return a run, whose folder is the same for the same settings, data and code.

    runs: folder of all runs. name: name chosen by the user; if None, `stem` followed by a fingerprint of the
    other arguments, which are described in TrackedTraining.
    """
    from forge_core.learning.runs import ORIGIN

    known = {key: value for key, value in data.items() if key != ORIGIN}  # it follows from `version`
    asked = {"train": dict(train), "data": known, "init_from": init_from, "code": code}
    return PlannedRun(runs_folder(runs) / (name or run_name(stem, asked)), asked)


def run_tags(context: dg.AssetExecutionContext) -> dict[str, str]:
    """Return the MLflow tags that link a training run to the Dagster run that started it."""
    tags = {"dagster.run_id": context.run.run_id, "dagster.asset": context.asset_key.to_user_string()}
    asked_by = {name: tag for name, tag in context.run.tags.items() if name.startswith("forge/")}
    return tags | {name.replace("/", "."): tag for name, tag in asked_by.items()}


def keep_result(run: PlannedRun, result: TrainResult, more: Mapping[str, Any] | None = None) -> None:
    """Store the result of a finished run. more: further entries, JSON types by name."""
    from forge_core.files import Store

    record = {"result": asdict(result), "asked": dict(run.asked), **(more or {})}
    Store(str(run.folder)).write(RESULT, json.dumps(record, indent=2).encode())


def find_result(run: PlannedRun) -> tuple[TrainResult, dict[str, Any]] | None:
    """Return the record of `keep_result`; None if the run has not finished, or the record is damaged.

    Raise BadInput if a run with other settings, data or code has finished in its folder.
    """
    from forge_core.files import Store
    from forge_core.learning.runs import TrainResult, find_difference

    place, now = Store(str(run.folder)), json.loads(json.dumps(run.asked))
    if not place.exists(RESULT):
        return None
    try:
        record = place.read_json(RESULT)
        result = TrainResult(**record.pop("result"))
        before = dict(record.pop("asked", now))  # records of older versions of Forge lack it
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if differing := find_difference(before, now, tuple(now)):
        raise BadInput(
            f"the run in {run.folder} has finished, and differs in {differing}: choose another name, or the "
            "settings of that run"
        )
    return result, record


class Trainer(Protocol):
    """A function that trains in a folder. Raises BadInput for settings or a checkpoint that do not fit."""

    def __call__(self, folder: Path, *, resume: bool, watch: Watch) -> TrainResult:
        """Train from the beginning, or resume from the checkpoint in `folder`."""
        ...


@dataclass(frozen=True, slots=True)
class TrackedTraining:
    """A training run: everything that its network depends on, and the functions that train and report.

    It is also the configuration that `TrainingTracker` reads.
    """

    objective: str
    train: Mapping[str, Any]
    """the settings that determine the network, as JSON types"""
    data: Mapping[str, Any]
    """the record of what it learns from, with `kind` and `version`"""
    init_from: str | None
    """folder of the network to start from"""
    code: str
    """code version of the network"""
    stem: str
    """the beginning of the run's name"""
    runs: str
    """folder of all runs"""
    name: str | None
    """name of the run that the user chose"""
    trainer: Trainer
    point_text: Callable[[Point], str]
    """evaluation -> a line of text"""
    draw_curve: Callable[[Sequence[Point]], bytes]
    """evaluations -> PNG"""
    prefix: str = "val/"
    """see TrainingTracker"""

    @property
    def model(self) -> TrackedTraining:
        """Itself: `TrainingTracker` reads the objective of the model."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the settings of training as JSON types."""
        return dict(self.train)

    def run(self) -> PlannedRun:
        """Return the run, whose folder is the same for the same settings, data and code."""
        return plan_run(
            self.runs,
            self.name,
            self.stem,
            train=self.train,
            data=self.data,
            init_from=self.init_from,
            code=self.code,
        )


def find_or_train(
    context: dg.AssetExecutionContext,
    training: TrackedTraining,
    tracker: Tracker,
    minutes: float | None = None,
) -> TrainResult:
    """Return the result of a run, which is trained or continued unless it has finished before.

    minutes: stop training after this many. Only the result of a finished run is stored and registered.
    Raise BadInput before anything is stored if `init_from` contains no network.
    """
    from forge_core.files import Store
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.loop import Watch
    from forge_core.learning.networks.network import Network
    from forge_core.learning.runs import CHECKPOINT

    run = training.run()
    if found := find_result(run):
        return found[0]
    folder = Store(str(run.folder))
    resume = folder.exists(CHECKPOINT)
    if training.init_from and not resume:
        load_model(training.init_from, kind=Network)
    tracking = TrainingTracker(tracker, run_tags(context), training.draw_curve, training.prefix)
    follow = tracking.follow(training, run.folder, training.data, training.init_from, resume)
    with folder.held(), follow as follower:

        def on_point(point: Point) -> None:
            print(training.point_text(point), file=sys.stderr)
            follower.point(point)

        result = training.trainer(run.folder, resume=resume, watch=Watch(minutes=minutes, on_point=on_point))
        if not result.unfinished:
            follower.finish(result)
    if not result.unfinished:
        keep_result(run, result)
    return result
