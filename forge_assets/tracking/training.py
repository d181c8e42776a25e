"""Tracking of training runs in MLflow: configuration, curves, the best weights, the registered version."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from forge_assets.games import find_model
from forge_assets.tracking.errors import TrackerUnusable
from forge_assets.tracking.notes import NOTE, THIS_NETWORK, describe_network
from forge_assets.tracking.registry import ModelRegistry
from forge_assets.tracking.runs import TrackedRun
from forge_assets.tracking.tracker import Tracker
from forge_assets.versions import commit
from forge_core.errors import BadInput
from forge_core.files import Store, redact

if TYPE_CHECKING:
    from forge_core.learning.runs import Point, TrainResult

COSTS = ("rows", "loss", "seconds", "cpu_seconds")
"""figures that are not results of an evaluation; the first shows which evaluations MLflow has"""


CONTINUES = "forge.continues"
"""tag of a run of resumed training: the earlier run, which MLflow no longer has"""


class TrainedModel(Protocol):
    """The part of a network's configuration that the tracker reads."""

    @property
    def objective(self) -> str:
        """The objective, by which `forge_assets.games` finds the kind of network."""
        ...


class TrainingConfig(Protocol):
    """The part of a run's configuration that the tracker reads."""

    @property
    def model(self) -> TrainedModel:
        """Configuration of the network."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON types."""
        ...


def _draw_curve(points: Sequence[Point]) -> bytes:
    from forge_core.learning.labelled.pictures import draw_curve

    return draw_curve(points)


@dataclass(slots=True)
class TrainingTracker:
    """A tracker of training runs in MLflow: see `forge_core.learning.labelled.teaching.Tracking`."""

    tracker: Tracker
    tags: Mapping[str, str] = field(default_factory=dict)
    """tags of every run: who started it"""
    draw_curve: Callable[[Sequence[Point]], bytes] = _draw_curve
    """evaluations -> PNG"""
    prefix: str = "val/"
    """prefix of the figures of an evaluation in MLflow, except for COSTS and for training rows"""

    def check(self) -> None:
        """Raise BadInput if MLflow keeps no records at the tracker's address."""
        self.tracker.address()

    @contextmanager
    def follow(
        self,
        config: TrainingConfig,
        folder: Path,
        data: Mapping[str, Any],
        init_from: str | None,
        resume: bool,
    ) -> Iterator[FollowedTraining]:
        """Begin an MLflow run, or continue that of resumed training, and end it with the status of the body.

        If MLflow no longer has the run of resumed training, another one begins, says so, and gets the whole
        curve at the end. Raise BadInput if new training would use the folder of an earlier run; its records
        are not changed.
        """
        from forge_core.learning.runs import CHECKPOINT, ORIGIN

        store = Store(str(folder))
        if not resume and store.exists(CHECKPOINT):
            raise BadInput(f"{folder} already contains a run: resume it, or choose another name")
        objective = config.model.objective
        game, _ = find_model(objective)
        tags = {
            "forge.data_version": str(data["version"]),
            "forge.code_version": game.network_version(data["kind"]),
            "forge.folder": store.url,
            **source_tags(self.tags.get("dagster.asset")),
            **({"forge.parent_model": init_from} if init_from else {}),
            **self.tags,
        }
        known = self.tracker.reopen(folder) if resume else None
        if resume and not known and (lost := self.tracker.noted(folder)):
            remark = f"It continues the training of run {lost}, which MLflow no longer has."
            tags |= {CONTINUES: lost, NOTE: remark}
            logging.getLogger(__name__).warning(
                "MLflow at %s no longer has run %s of %s: the training continues as a new run",
                redact(self.tracker.address()),
                lost,
                folder,
            )
        run = known or self.tracker.begin(game.experiment, Path(folder).name, tags)
        if not known:
            described = {name: value for name, value in data.items() if name != ORIGIN}  # the card has it
            run.params({**config.to_dict(), "data": described, "init_from": init_from})
            run.dataset(data)
            self.tracker.remember(run, folder)
        try:
            yield FollowedTraining(
                ModelRegistry(self.tracker), run, objective, tags, self.draw_curve, self.prefix
            )
        except KeyboardInterrupt:
            run.end("KILLED")
            raise
        except BaseException as error:
            if not (known and isinstance(error, BadInput)):  # a refused resumption does not change the run
                run.end("FAILED")
            raise
        run.end("FINISHED")


@dataclass(slots=True)
class FollowedTraining:
    """One training run that is tracked."""

    registry: ModelRegistry
    run: TrackedRun
    objective: str
    tags: Mapping[str, str]
    draw_curve: Callable[[Sequence[Point]], bytes]
    prefix: str
    pending: list[Point] = field(default_factory=list)
    """evaluations that MLflow does not have yet, since an outage does not stop training"""

    def point(self, point: Point) -> None:
        """Record an evaluation of the curves, now or as soon as MLflow accepts it."""
        self.pending.append(point)
        try:
            self._send()
        except TrackerUnusable as error:
            logging.getLogger(__name__).warning("%s; %d evaluations are waiting", error, len(self.pending))

    def finish(self, result: TrainResult) -> None:
        """Record the whole curve, store the best weights, and register them.

        Raise TrackerUnusable if MLflow fails.
        """
        from forge_core.learning.runs import CONFIG, CURVE

        known = self.run.steps(COSTS[0])  # an interruption may have lost points that were pending
        self.pending = [point for point in result.points if point["step"] not in known]
        self._send()
        self.run.tag({name: tag for name, tag in self.tags.items() if name != NOTE})
        section = f"{self.prefix[:-1]}_best"  # MLflow sorts sections by name: curves come first
        self.run.metrics({f"{section}/{name}": value for name, value in self._shown(result.best).items()})
        self.run.folder(result.model, "model")
        self.run.file("plots/curve.png", self.draw_curve(result.points))
        for name in (CONFIG, CURVE):
            self.run.file(name, Store(result.folder).read(name))
        weights = json.loads(Store(result.model).read("model.json"))["weights"]
        _, model = find_model(self.objective)
        figures = {THIS_NETWORK: result.best[model.headline]} if model.headline in result.best else {}
        unit = f"{model.unit}, rows of val at the best step"
        note = describe_network(self.objective, result.model, unit, figures, self.tags)
        if remark := self.tags.get(NOTE):
            note += f"\n\n{remark}"
        self.run.tag({"forge.model": result.model, "forge.weights": weights, NOTE: note})
        tags = {name: self.tags[name] for name in self.tags if name.startswith("forge.")}
        self.registry.register(self.run, self.objective, tags | {"forge.weights": weights}, note)

    def _shown(self, point: Point) -> dict[str, float]:
        """Return the results that MLflow shows: few, since `metrics.csv` has all."""
        curves = find_model(self.objective)[1].curves
        return {name: value for name, value in results_of(point).items() if not curves or name in curves}

    def _path(self, name: str, point: Point) -> str:
        """Return the name of a figure in MLflow: `val/NAME`, or `train/NAME` on training rows."""
        measured = name.removeprefix("train_")
        return f"train/{measured}" if measured != name and measured in point else f"{self.prefix}{name}"

    def _send(self) -> None:
        while self.pending:
            point = self.pending[0]
            costs = {name: point[name] for name in COSTS if name in point}
            results = {self._path(name, point): value for name, value in self._shown(point).items()}
            self.run.metrics(costs | results, int(point["step"]))
            del self.pending[0]


def source_tags(asset: str | None) -> dict[str, str]:
    """Return the tags that MLflow shows as source and commit: the asset or else this program, and the commit
    of the project."""
    program = Path(sys.argv[0]).name if sys.argv else "python"
    tags = {"mlflow.source.name": asset or program, "mlflow.source.type": "LOCAL"}
    return tags | ({"mlflow.source.git.commit": found} if (found := commit()) else {})


def results_of(point: Point) -> dict[str, float]:
    """Return the results of an evaluation."""
    from forge_core.learning.runs import REMAINING

    others = (*COSTS, "step", REMAINING)
    return {name: value for name, value in point.items() if name not in others}
