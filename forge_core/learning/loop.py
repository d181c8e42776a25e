"""The plain loop of runs whose network learns from its own play, in one process and without Lightning.

Lightning's trainer owns the loop and asks a data loader for batches; here learning is a short part of a loop
that belongs to play, and it starts and ends hundreds of times. The folder of a run, its curve and its
checkpoints are the same as for all kinds of learning (`runs`). All schedules count what was played, never
time, so a run that was stopped and resumed equals an uninterrupted one to the last digit.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forge_core.device import device_name
from forge_core.errors import BadInput
from forge_core.learning.checkpoints import save_model
from forge_core.learning.networks.network import Network
from forge_core.learning.resumption import read_checkpoint, write_checkpoint
from forge_core.learning.runs import CHECKPOINT, MODEL, REMAINING, Point, Progress, TrainResult, write_curve
from forge_core.learning.threads import one_torch_thread


class LoopRun(ABC):
    """A run in a folder: its curve and its checkpoint. A game adds what is played and what learns."""

    def __init__(self, folder: Path, record: dict[str, Any], amount: int, evaluations: int) -> None:
        """record: config.json. amount: what is played in the whole run, such as positions. evaluations: their
        number, each with a checkpoint."""
        self.folder, self.record, self.amount, self.evaluations = folder, record, amount, evaluations
        self.progress = Progress(REMAINING)

    @property
    @abstractmethod
    def played(self) -> int:
        """The number of units played so far, of `amount`."""

    @abstractmethod
    def iterate(self) -> None:
        """Do a small part of the run."""

    @abstractmethod
    def evaluate(self) -> tuple[Network, int, dict[str, float]]:
        """Return the network to save, the number of steps, and the figures since the last evaluation."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds besides the curve."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned."""

    @property
    def is_done(self) -> bool:
        """True once everything has been played and learnt from."""
        return self.played >= self.amount

    def is_point_due(self, before: int) -> bool:
        """Return True if the iteration that began after `before` was played reached an evaluation."""
        every = self.amount / self.evaluations
        return self.is_done or int(self.played / every) > int(before / every)

    def add_point(self) -> Point:
        """Add an evaluation to the curve; save the network, then the state of the run."""
        network, step, figures = self.evaluate()
        remaining = max(0.0, 1 - self.played / self.amount)
        self.progress.rows = self.played
        point, is_best = self.progress.add(step, {REMAINING: remaining, **figures})
        write_curve(self.folder, self.progress.points)
        if is_best:
            made = datetime.now(UTC).isoformat(timespec="seconds")
            save_model(str(self.folder / MODEL), network, {**self.record, "made": made, "results": point})
        self.save()
        return point

    def save(self) -> None:
        """Write the checkpoint."""
        self.progress.rows = self.played
        write_checkpoint(self.folder / CHECKPOINT, self.state() | {"progress": self.progress.state_dict()})

    def load(self) -> None:
        """Continue from the checkpoint. Raises BadInput for one that does not fit."""
        state = read_checkpoint(self.folder / CHECKPOINT, (*self.state(), "progress"))
        try:
            self.load_state(state)
            self.progress.load_state_dict(state["progress"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise BadInput(
                f"{self.folder / CHECKPOINT} belongs to another run ({reason}): start a run with another name"
            ) from error


@dataclass(frozen=True, slots=True)
class Watch:
    """The conditions that end a run early, and the callbacks that follow its progress."""

    minutes: float | None = None
    """stop after this many; the run can then be resumed"""
    should_stop: Callable[[], bool] = lambda: False
    """called after each iteration; True saves the run and raises KeyboardInterrupt"""
    on_progress: Callable[[int], None] | None = None
    """called after each iteration with what has been played"""
    on_point: Callable[[Point], None] | None = None
    """called with each evaluation of the curve"""


def go_through(
    begin: Callable[[], LoopRun], resume: bool, device: str, precision: str, parameters: int, watch: Watch
) -> TrainResult:
    """Begin a run or continue it from its checkpoint, until it is done or stopped.

    device, precision: resolved. parameters: of its network. Raises KeyboardInterrupt if `watch` says so.
    """
    until = None if watch.minutes is None else time.monotonic() + 60 * watch.minutes
    with one_torch_thread() if device == "cpu" else nullcontext():
        run = begin()
        if resume:
            run.load()
        _loop(run, until, watch)
    points = run.progress.points
    if points:
        write_curve(run.folder, points)  # it may have been lost since the last evaluation
    return TrainResult(
        folder=str(run.folder),
        model=str(run.folder / MODEL) if points else "",
        points=points,
        best=run.progress.best if points else {},
        device=device_name(device),
        precision=precision,
        parameters=parameters,
        stopped_early=False,
        unfinished=not run.is_done,
    )


def _loop(run: LoopRun, until: float | None, watch: Watch) -> None:
    """Iterate until the run is done or its time is up."""
    is_time_over = False
    while not run.is_done and not is_time_over:
        before = run.played
        run.iterate()
        if watch.on_progress:
            watch.on_progress(run.played)
        if run.is_point_due(before):
            point = run.add_point()
            if watch.on_point:
                watch.on_point(point)
        is_time_over = until is not None and time.monotonic() >= until
        if (is_time_over or watch.should_stop()) and not run.is_done:
            run.save()
            if not is_time_over:
                raise KeyboardInterrupt
