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
from forge_core.files import fingerprint
from forge_core.learning.checkpoints import load_model, save_model, weights_digest
from forge_core.learning.precision import choose_precision
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
from forge_core.liuzhou.settings.generation import LIVE
from forge_core.liuzhou.settings.learning import EVALUATIONS, LearningSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings

MODEL_VERSION = "z2"
"""Raised when the same settings train a different network."""
GOAL = "remaining"
"""figure by which the evaluations of a run are compared: the share of positions still to be played, so that
the newest network is the best. Losses do not show which network plays better, since the data change too."""


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
    """A run in a folder: its positions, its learner and its curve."""

    buffer: TrajectoryBuffer

    def __init__(
        self,
        learning: LearningSettings,
        folder: Path,
        record: dict[str, Any],
        network: LiuzhouNet,
        device: str,
    ) -> None:
        """record: config.json. network: learning starts from its weights. device: resolved."""
        self.learning, self.folder, self.record, self.device = learning, folder, record, device
        self.learner = Learner(network, learning, device, record["precision"])
        self.progress = Progress(GOAL)
        self.since = Since()

    @property
    def played(self) -> int:
        """Positions so far, of `learning.positions`."""
        raise NotImplementedError

    @property
    def is_done(self) -> bool:
        """True once all positions have been played and learnt from."""
        return self.played >= self.learning.positions

    def iterate(self) -> None:
        """Do a small part of the run."""
        raise NotImplementedError

    def learn(self, until: int) -> None:
        """Take the steps up to number `until`."""
        began, before = time.perf_counter(), self.learner.step
        losses = self.learner.learn(self.buffer, until).tolist()
        self.since = replace(
            self.since,
            learn_seconds=self.since.learn_seconds + time.perf_counter() - began,
            losses=tuple(a + b for a, b in zip(self.since.losses, losses, strict=True)),
            steps=self.since.steps + self.learner.step - before,
        )

    def figures(self) -> dict[str, float]:
        """Return the figures of a point, since the last one."""
        return self.since.figures()

    def is_point_due(self, before: int) -> bool:
        """Return True if the iteration that began after `before` positions reached an evaluation."""
        every = self.learning.positions / EVALUATIONS
        return self.is_done or int(self.played / every) > int(before / every)

    def add_point(self) -> Point:
        """Add an evaluation to the curve; save the network, then the state of the run."""
        remaining = max(0.0, 1 - self.played / self.learning.positions)
        rate = self.learning.rate_at(self.learner.step)
        figures = {GOAL: remaining, "learning_rate": rate, **self.figures()}
        point, is_best = self.progress.add(self.learner.step, figures)
        self.since = Since()
        write_curve(self.folder, self.progress.points)
        if is_best:
            made = datetime.now(UTC).isoformat(timespec="seconds")
            card = {**self.record, "made": made, "results": point}
            save_model(str(self.folder / MODEL), self.learner.averaged, card)
        self.save()
        return point

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "learner": self.learner.state_dict(),
            "progress": self.progress.state_dict(),
            "since": asdict(self.since),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.learner.load_state_dict(state["learner"])
        self.progress.load_state_dict(state["progress"])
        since = state["since"]
        self.since = Since(**{**since, "played": PlayFigures(**since["played"])})

    def save(self) -> None:
        """Write the checkpoint."""
        write_checkpoint(self.folder / CHECKPOINT, self.state())

    def load(self) -> None:
        """Continue from the checkpoint. Raises BadInput for one that does not fit."""
        state = read_checkpoint(self.folder / CHECKPOINT, tuple(self.state()))
        try:
            self.load_state(state)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BadInput(
                f"{self.folder / CHECKPOINT} belongs to another run ({error}): start a run with another name"
            ) from error


class LiveRun(Run):
    """A run that learns from games which its network plays during the run."""

    def __init__(self, play: SelfPlaySettings, *arguments: Any) -> None:
        """play: without None. arguments: those of Run."""
        super().__init__(*arguments)
        is_bf16 = self.record["precision"] == "bf16-mixed"
        dtype = "bfloat16" if is_bf16 or self.device != "cpu" else "float32"
        self.evaluator = NetworkEvaluator(self.learner.averaged, play.beta, self.device, dtype)
        self.buffer = TrajectoryBuffer(play.games_on(self.device), self.learning.window, self.device)
        self.self_play = SelfPlay(play, self.buffer, None, self.learning.seed)

    @property
    def played(self) -> int:
        """Positions played so far."""
        return self.buffer.head * self.buffer.games

    def iterate(self) -> None:
        """Play an iteration, then take the steps that are due."""
        learning = self.learning
        started = time.perf_counter()
        by_playouts = self.played < learning.playout_positions
        if not by_playouts:
            self.evaluator.update(self.learner.averaged)
        self.self_play.evaluator = None if by_playouts else self.evaluator
        played = self.self_play.play(learning.iteration)
        self.since = replace(
            self.since,
            played=self.since.played + played,
            play_seconds=self.since.play_seconds + time.perf_counter() - started,
        )
        if self.played >= learning.playout_positions and len(self.buffer.ready()):
            self.learn(min(learning.steps_after(self.played), learning.steps_after(learning.positions)))
        self.progress.rows = self.played

    def figures(self) -> dict[str, float]:
        """Return the figures of a point, with the bytes that are not handed over in memory."""
        shared = all(table.writer.writes_into(self.buffer) for table in self.self_play.tables)
        copied = 0 if shared else sum(tensor.nbytes for tensor in self.buffer.tensors().values())
        return super().figures() | {"handover_bytes": float(copied)}

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds, with the buffer and the unfinished games."""
        games = {"buffer": self.buffer.state_dict(), "games": self.self_play.state_dict()}
        return super().state() | games

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        super().load_state(state)
        self.buffer.load_state_dict(state["buffer"])
        self.self_play.load_state_dict(state["games"])


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
    device = resolve_device(device)
    return run_training(
        plan_live(play, learning, device, init_from),
        folder,
        device=device,
        init_from=init_from,
        resume=resume,
        minutes=minutes,
        should_stop=should_stop,
        on_progress=on_progress,
        on_point=on_point,
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that has no folder yet."""

    make: Callable[..., Run]
    """takes the arguments of Run"""
    learning: LearningSettings
    train: Mapping[str, Any]
    """settings in config.json"""
    data: Mapping[str, Any]
    """what the network learns from, in config.json: see `forge_core.learning.runs`"""


def plan_live(
    play: SelfPlaySettings, learning: LearningSettings, device: str, init_from: str | None = None
) -> Plan:
    """Return the plan of a run that learns from its own games. device: resolved."""
    play = replace(play, games=play.games_on(device))
    config = {**asdict(play), "seed": learning.seed}
    version = fingerprint({"version": MODEL_VERSION, **config})
    return Plan(
        make=lambda *arguments: LiveRun(play, *arguments),
        learning=replace(learning, playout_positions=0) if init_from else learning,
        train={**asdict(play), **asdict(learning)},
        data={"game": "liuzhou", "kind": LIVE, "version": version, "config": config},
    )


def run_training(
    plan: Plan,
    folder: str | Path,
    *,
    device: str,
    init_from: str | None = None,
    resume: bool = False,
    minutes: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int], None] | None = None,
    on_point: Callable[[Point], None] | None = None,
) -> TrainResult:
    """Start or continue the run of a plan. The other arguments are those of `train`."""
    until = None if minutes is None else time.monotonic() + 60 * minutes
    learning, device = plan.learning, resolve_device(device)
    precision = choose_precision(learning.precision, device)
    folder = Path(folder)
    record = describe_run(plan, init_from, device, precision)
    network = _first_network(learning, None if resume else init_from)
    record = claim_folder(folder, record, resume, lambda stored: _complete(stored, plan.train))
    with one_torch_thread() if device == "cpu" else nullcontext():
        run = plan.make(learning, folder, record, network, device)
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


def point_text(point: Point) -> str:
    """Return an evaluation of the curve as a readable line."""
    text = f"{point['rows']:>9,} positions  {point['cpu_seconds']:>6,.0f} CPU s  loss {point['loss']:.3f}"
    if "games" not in point:  # learnt from stored games
        return text
    return (
        f"{text}  {point['games']:>5,.0f} games: {point['black_won']:.0%} black, "
        f"{point['white_won']:.0%} white, "
        f"{point['drawn']:.0%} drawn, {point['plies']:.0f} plies, lead {point['lead']:.1f}  "
        f"{point['evaluations_per_s']:,.0f} evaluations/s"
    )


def settings_from(stored: Mapping[str, Any]) -> tuple[SelfPlaySettings, LearningSettings]:
    """Return the settings in `train` of a config.json; those added since have their defaults."""

    def of(kind: type) -> Any:
        return kind(**{field.name: stored[field.name] for field in fields(kind) if field.name in stored})

    return of(SelfPlaySettings), of(LearningSettings)


def _complete(stored: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored settings with the defaults of those added since. now: settings of the run, by name."""
    self_play, learning = settings_from(stored)
    known = {**asdict(self_play), **asdict(learning)}
    return {name: known[name] for name in now}


def describe_run(plan: Plan, init_from: str | None, device: str, precision: str) -> dict[str, Any]:
    """Return the config.json of a run, which also begins its model card. device, precision: resolved."""
    network = LiuzhouNet.of_size(parse_size(plan.learning.size))
    return {
        "train": dict(plan.train),
        "spec": network.spec.to_dict(),
        "data": dict(plan.data),
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
