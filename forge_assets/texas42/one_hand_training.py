"""Training runs of the one-hand network, whatever it learns from: found, resumed, tracked, described."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import dagster as dg

from forge_assets.gate.networks import weights_of
from forge_assets.pictures import picture
from forge_assets.tracking.links import link_training
from forge_assets.tracking.registry import resolve_model
from forge_assets.tracking.tracker import Tracker
from forge_assets.tracking.training import TrainingTracker
from forge_assets.training_runs import PlannedRun, find_result, keep_result, plan_run, run_tags
from forge_core.texas42.one_hand.architecture import OBJECTIVE
from forge_core.texas42.settings.one_hand import OneHandSettings
from forge_core.texas42.settings.self_play import SelfPlaySettings

if TYPE_CHECKING:
    from forge_core.learning.loop import Watch
    from forge_core.learning.runs import Point, TrainResult

S = TypeVar("S", OneHandSettings, SelfPlaySettings)


class Trainer(Protocol):
    """A function that trains in a folder; errors as for `forge_core.texas42.one_hand_training`."""

    def __call__(self, folder: Path, *, resume: bool, watch: "Watch") -> "TrainResult":
        """Train from the beginning, or resume from the checkpoint in `folder`."""
        ...


@dataclass(frozen=True, slots=True)
class OneHandTraining:
    """A training run: everything that its network depends on, and the functions that train and report.

    It is also the configuration that `TrainingTracker` reads.
    """

    settings: OneHandSettings | SelfPlaySettings
    """init_from: a folder, not an alias"""
    train: dict[str, Any]
    """the settings that determine the network, as JSON types"""
    data: Mapping[str, Any]
    """the record of what it learns from, with `kind` and `version`"""
    stem: str
    """the beginning of the run's name"""
    code: str
    """code version of the network"""
    trainer: Trainer
    point_text: Callable[["Point"], str]
    """evaluation -> a line of text"""
    draw_curve: Callable[[Sequence["Point"]], bytes]
    """evaluations -> PNG"""

    @property
    def model(self) -> "OneHandTraining":
        """Itself: `TrainingTracker` reads the objective of the model."""
        return self

    @property
    def objective(self) -> str:
        """The objective of the network."""
        return OBJECTIVE

    def to_dict(self) -> dict[str, Any]:
        """Return the settings of training as JSON types."""
        return self.train

    def run(self) -> PlannedRun:
        """Return the run, whose folder is the same for the same settings, data and code."""
        from forge_core.learning.runs import ORIGIN

        identity = {
            "train": self.train,
            "data": {name: value for name, value in self.data.items() if name != ORIGIN},
            "init_from": self.settings.init_from,
            "code": self.code,
        }
        return plan_run(self.settings.runs, self.settings.name, self.stem, identity)


def resolve_parent(settings: S, tracker: Tracker) -> S:
    """Return settings whose init_from is a folder. Raise BadInput if there is no such model."""
    if not settings.init_from:
        return settings
    return replace(settings, init_from=resolve_model(settings.init_from, OBJECTIVE, tracker))


def find_or_train(
    context: dg.AssetExecutionContext, training: OneHandTraining, tracker: Tracker
) -> "TrainResult":
    """Return the result of a run, which is trained unless it has finished before."""
    run = training.run()
    found = find_result(run)
    return found[0] if found else teach(training, run, TrainingTracker(tracker, run_tags(context)))


def teach(training: OneHandTraining, run: PlannedRun, tracking: TrainingTracker) -> "TrainResult":
    """Train as the verb does, from the last checkpoint if there is one; store the result."""
    from forge_core.files import Store
    from forge_core.learning.loop import Watch
    from forge_core.learning.runs import CHECKPOINT

    resume, folder = Store(str(run.folder)).exists(CHECKPOINT), run.folder
    tracking = replace(tracking, draw_curve=training.draw_curve)
    follow = tracking.follow(training, folder, training.data, training.settings.init_from, resume)
    with Store(str(folder)).held(), follow as follower:

        def on_point(point: "Point") -> None:
            print(training.point_text(point), file=sys.stderr)
            follower.point(point)

        result = training.trainer(folder, resume=resume, watch=Watch(on_point=on_point))
        follower.finish(result)
    keep_result(run, result)
    return result


def describe_training(
    context: dg.AssetExecutionContext,
    training: OneHandTraining,
    result: "TrainResult",
    tracker: Tracker,
    figures: Mapping[str, Any],
    check: dg.AssetCheckResult,
) -> dg.MaterializeResult:
    """Return the materialization of a trained network; its data version is the digest of the weights.

    figures: metadata of this kind of training. check: reported next to `model_loads`.
    """
    from forge_core.texas42.one_hand.choose import load_policy

    load_policy(result.model)
    weights, last, parent = weights_of(result.model), result.points[-1], training.settings.init_from
    metadata: dict[str, Any] = {
        "model": result.model,
        "parameters": result.parameters,
        **figures,
        "seconds": last["seconds"],
        "cpu_seconds": last["cpu_seconds"],
        "trained_on": str(training.data["version"]),
        "curve": picture(training.draw_curve(result.points)),
        **({"parent_model": parent} if parent else {}),
        **link_training(context, result.folder, tracker),
    }
    loads = dg.AssetCheckResult(check_name="model_loads", passed=True, metadata={"weights": weights})
    return dg.MaterializeResult(
        data_version=dg.DataVersion(weights), metadata=metadata, check_results=[loads, check]
    )
