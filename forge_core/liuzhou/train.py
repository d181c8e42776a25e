"""The live loop: self-play and learning in one process, with no file and no copy between them.

Self-play writes positions into tensors on its device; the learner samples the same tensors there. The
two take turns: some plies of all games, then the steps that are due for the positions played so far. All
schedules count positions, never time, so a run that was stopped and resumed equals an uninterrupted one to
the last digit.

The loop is plain, without Lightning: Lightning's trainer owns the loop and asks a data loader for
batches; here learning is a short part of a loop that belongs to self-play, and it starts and ends
hundreds of times. The folder of a run, its curve and its checkpoints are the same as for all kinds of
learning (`forge_core.learning.runs`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from forge_core.device import device_name, resolve_device
from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model, save_model, weights_digest
from forge_core.learning.precision import resolve_precision
from forge_core.learning.resumption import read_checkpoint, write_checkpoint
from forge_core.learning.runs import (
    CHECKPOINT,
    MODEL,
    Point,
    Progress,
    TrainResult,
    claim_folder,
    describe_machine,
    write_curve,
)
from forge_core.learning.threads import one_torch_thread
from forge_core.liuzhou.buffer import TrajectoryBuffer
from forge_core.liuzhou.learner import LOSSES, Learner
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator, parse_size
from forge_core.liuzhou.selfplay import NOTHING_PLAYED, PlayFigures, SelfPlay
from forge_core.liuzhou.settings.learning import EVALUATIONS, LearningSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings

MODEL_VERSION = "z1"
"""Raised when the same settings train a different network."""
GOAL = "remaining"
"""figure by which the evaluations of a run are compared: the share of positions still to be played, so that
the newest network is the best. Losses do not show which network plays better, since the data change too."""

_STATE = ("learner", "buffer", "games", "progress", "since")


@dataclass
class Since:
    """Work done since the last evaluation of the curve."""

    played: PlayFigures = NOTHING_PLAYED
    play_seconds: float = 0.0
    learn_seconds: float = 0.0
    losses: tuple[float, ...] = (0.0,) * len(LOSSES)
    """sums over `steps`"""
    steps: int = 0

    def figures(self) -> dict[str, float]:
        """Return the figures of an evaluation."""
        losses = [loss / max(1, self.steps) for loss in self.losses]
        finished = self.played.finished
        games = max(1.0, finished["games"])
        return {
            "loss": sum(losses),
            **dict(zip(LOSSES, losses, strict=True)),
            "games": finished["games"],
            **{name: finished[name] / games for name in ("black_won", "white_won", "drawn", "plies", "lead")},
            "evaluations_per_s": self.played.evaluations / max(1e-9, self.play_seconds),
            "play_seconds": self.play_seconds,
            "learn_seconds": self.learn_seconds,
        }


class Run:
    """A run in a folder: its games, its learner and its curve."""

    def __init__(
        self,
        play: SelfPlaySettings,
        learning: LearningSettings,
        folder: Path,
        record: dict[str, Any],
        network: LiuzhouNet,
        device: str,
    ) -> None:
        """settings: without None. record: config.json. network: learning starts from its weights."""
        self.learning, self.folder, self.record = learning, folder, record
        self.learner = Learner(network, learning, device, record["precision"])
        is_bf16 = record["precision"] == "bf16-mixed"
        dtype = "bfloat16" if is_bf16 or device != "cpu" else "float32"
        self.evaluator = NetworkEvaluator(self.learner.averaged, play.beta, device, dtype)
        self.buffer = TrajectoryBuffer(play.games_on(device), learning.window, device)
        self.self_play = SelfPlay(play, self.buffer, None, learning.seed)
        self.progress = Progress(GOAL)
        self.since = Since()

    @property
    def played(self) -> int:
        """Positions played so far."""
        return self.buffer.head * self.buffer.games

    @property
    def is_done(self) -> bool:
        """True once all positions have been played and learnt from."""
        return self.played >= self.learning.positions

    def iterate(self) -> None:
        """Play an iteration, then take the steps that are due."""
        learning = self.learning
        started = time.perf_counter()
        by_playouts = self.played < learning.playout_positions
        if not by_playouts:
            self.evaluator.update(self.learner.averaged)
        self.self_play.evaluator = None if by_playouts else self.evaluator
        played = self.self_play.play(learning.iteration)
        between = time.perf_counter()
        losses, steps = (0.0,) * len(LOSSES), 0
        if self.played >= learning.playout_positions and len(self.buffer.ready()):
            before = self.learner.step
            due = min(learning.steps_after(self.played), learning.steps_after(learning.positions))
            losses = self.learner.learn(self.buffer, due).tolist()
            steps = self.learner.step - before
        since = self.since
        self.since = Since(
            played=since.played + played,
            play_seconds=since.play_seconds + between - started,
            learn_seconds=since.learn_seconds + time.perf_counter() - between,
            losses=tuple(a + b for a, b in zip(since.losses, losses, strict=True)),
            steps=since.steps + steps,
        )
        self.progress.rows = self.played

    def is_point_due(self, before: int) -> bool:
        """Return True if the iteration that began after `before` positions reached an evaluation."""
        every = self.learning.positions / EVALUATIONS
        return self.is_done or int(self.played / every) > int(before / every)

    def add_point(self) -> Point:
        """Add an evaluation to the curve; save the network, then the state of the run."""
        remaining = max(0.0, 1 - self.played / self.learning.positions)
        rate = self.learning.rate_at(self.learner.step)
        figures = {GOAL: remaining, "learning_rate": rate, **self.since.figures()}
        point, is_best = self.progress.add(self.learner.step, figures)
        self.since = Since()
        write_curve(self.folder, self.progress.points)
        if is_best:
            made = datetime.now(UTC).isoformat(timespec="seconds")
            card = {**self.record, "made": made, "results": point}
            save_model(str(self.folder / MODEL), self.learner.averaged, card)
        self.save()
        return point

    def save(self) -> None:
        """Write the checkpoint."""
        write_checkpoint(
            self.folder / CHECKPOINT,
            {
                "learner": self.learner.state_dict(),
                "buffer": self.buffer.state_dict(),
                "games": self.self_play.state_dict(),
                "progress": self.progress.state_dict(),
                "since": asdict(self.since),
            },
        )

    def load(self) -> None:
        """Continue from the checkpoint. Raises BadInput for one that does not fit."""
        state = read_checkpoint(self.folder / CHECKPOINT, _STATE)
        try:
            self.learner.load_state_dict(state["learner"])
            self.buffer.load_state_dict(state["buffer"])
            self.self_play.load_state_dict(state["games"])
            self.progress.load_state_dict(state["progress"])
            since = state["since"]
            self.since = Since(**{**since, "played": PlayFigures(**since["played"])})
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BadInput(
                f"{self.folder / CHECKPOINT} belongs to another run ({error}): start a run with another name"
            ) from error


def train(
    play: SelfPlaySettings,
    learning: LearningSettings,
    folder: str | Path,
    *,
    device: str = "auto",
    init_from: str | None = None,
    resume: bool = False,
    minutes: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], None] | None = None,
    on_point: Callable[[Point], None] | None = None,
) -> TrainResult:
    """Train a network on its own games, and keep everything in `folder`.

    init_from: a model of the same size to start from; self-play then uses it from the beginning, and no
    position is played by playouts. resume: continue from the checkpoint in `folder` with the settings of the
    run; the result is the same as without the interruption. minutes: stop after this many; the run can then
    be resumed. should_stop: called after each iteration; True saves the run and raises KeyboardInterrupt.
    on_progress: called with the positions played. on_point: called with each evaluation of the curve. Raises
    BadInput for settings, models or checkpoints that do not fit.
    """
    until = None if minutes is None else time.monotonic() + 60 * minutes
    device = resolve_device(device)
    precision = choose_precision(learning.precision, device)
    folder = Path(folder)
    play = replace(play, games=play.games_on(device))
    record = describe_run(play, learning, init_from, device, precision)
    network = _first_network(learning, None if resume else init_from)
    record = claim_folder(folder, record, resume, _complete)
    if init_from:
        learning = replace(learning, playout_positions=0)
    with one_torch_thread() if device == "cpu" else nullcontext():
        run = Run(play, learning, folder, record, network, device)
        if resume:
            run.load()
        _go_on(run, until, should_stop, on_progress, on_point)
    progress = run.progress
    return TrainResult(
        folder=str(folder),
        model=str(folder / MODEL) if progress.points else "",
        points=progress.points,
        best=progress.best if progress.points else {},
        device=device_name(device),
        precision=precision,
        parameters=network.n_parameters,
        stopped_early=False,
        unfinished=not run.is_done,
    )


def _go_on(
    run: Run,
    until: float | None,
    should_stop: Callable[[], bool],
    on_progress: Callable[[int], None] | None,
    on_point: Callable[[Point], None] | None,
) -> None:
    """Play and learn until the run is done or its time is up. The arguments are those of `train`."""
    is_time_over = False
    while not run.is_done and not is_time_over:
        before = run.played
        run.iterate()
        if on_progress:
            on_progress(run.played)
        if run.is_point_due(before):
            point = run.add_point()
            if on_point:
                on_point(point)
        is_time_over = until is not None and time.monotonic() >= until
        if (is_time_over or should_stop()) and not run.is_done:
            run.save()
            if not is_time_over:
                raise KeyboardInterrupt


def choose_precision(request: str, device: str) -> str:
    """Return 32 or bf16-mixed; auto means bf16-mixed if the device has bfloat16. Raises BadInput."""
    if request == "16-mixed":
        raise BadInput("this network does not support precision 16-mixed: use auto, 32 or bf16-mixed")
    resolved = resolve_precision(request, device)
    return "32" if resolved == "16-mixed" else resolved


def settings_from(stored: Mapping[str, Any]) -> tuple[SelfPlaySettings, LearningSettings]:
    """Return the settings in `train` of a config.json; those added since have their defaults."""

    def of(kind: type) -> Any:
        return kind(**{field.name: stored[field.name] for field in fields(kind) if field.name in stored})

    return of(SelfPlaySettings), of(LearningSettings)


def _complete(stored: Mapping[str, Any]) -> dict[str, Any]:
    self_play, learning = settings_from(stored)
    return {**asdict(self_play), **asdict(learning)}


def describe_run(
    play: SelfPlaySettings, learning: LearningSettings, init_from: str | None, device: str, precision: str
) -> dict[str, Any]:
    """Return the config.json of a run, which also begins its model card. settings: resolved."""
    network = LiuzhouNet.of_size(parse_size(learning.size))
    return {
        "train": {**asdict(play), **asdict(learning)},
        "spec": network.spec.to_dict(),
        "data": {"kind": "self-play"},
        "init_from": init_from,
        "parent_weights": weights_digest(init_from) if init_from else None,
        "model_version": MODEL_VERSION,
        **describe_machine(device, precision),
    }


def _first_network(learning: LearningSettings, init_from: str | None) -> LiuzhouNet:
    """Return a network with fresh weights from the seed, or a model. Raises BadInput for another size."""
    size = parse_size(learning.size)
    if init_from is None:
        torch.manual_seed(learning.seed)
        return LiuzhouNet.of_size(size)
    network = load_model(init_from, kind=LiuzhouNet).train()
    if network.config != size:
        raise BadInput(f"{init_from} is a network of size {network.config}, not {size}: choose its size")
    return network
