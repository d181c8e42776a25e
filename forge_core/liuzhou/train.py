"""The live loop: self-play and learning in one process, with no file and no copy between them.

Self-play writes positions into tensors on its device; the learner samples the same tensors there. The
two take turns: some plies of all games, then the steps that are due for the positions played so far. The loop
itself is that of all games (`forge_core.learning.loop`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch

from forge_core.device import resolve_device
from forge_core.errors import BadInput
from forge_core.files import fingerprint
from forge_core.learning.checkpoints import load_model
from forge_core.learning.loop import LoopRun, Watch, go_through
from forge_core.learning.precision import choose_precision
from forge_core.learning.runs import Point, TrainResult, claim_folder, describe_run, settings_from
from forge_core.liuzhou.buffer import TrajectoryBuffer
from forge_core.liuzhou.learner import LOSSES, Learner
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator, parse_size
from forge_core.liuzhou.selfplay import NOTHING_PLAYED, PlayFigures, SelfPlay
from forge_core.liuzhou.settings.generation import LIVE
from forge_core.liuzhou.settings.learning import EVALUATIONS, LearningSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings

MODEL_VERSION = "z2"
"""Raised when the same settings train a different network."""


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
        """Return the figures of an evaluation; those of losses are missing if no step was taken."""
        losses = {name: loss / max(1, self.steps) for name, loss in zip(LOSSES, self.losses, strict=True)}
        finished = self.played.finished
        games = max(1.0, finished["games"])
        return {
            **({"loss": sum(losses.values()), **losses} if self.steps else {}),
            "games": finished["games"],
            **{name: finished[name] / games for name in ("black_won", "white_won", "drawn", "plies", "lead")},
            "evaluations_per_s": self.played.evaluations / max(1e-9, self.play_seconds),
            "play_seconds": self.play_seconds,
            "learn_seconds": self.learn_seconds,
        }


class Run(LoopRun):
    """A run that learns from positions, whatever they come from."""

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
        super().__init__(folder, record, learning.positions, EVALUATIONS)
        self.learning, self.device = learning, device
        self.learner = Learner(network, learning, device, record["precision"])
        self.since = Since()

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

    def evaluate(self) -> tuple[LiuzhouNet, int, dict[str, float]]:
        """Return the averaged network, the number of steps, and the figures since the last evaluation."""
        step = self.learner.step
        figures = {"learning_rate": self.learning.rate_at(step), **self.figures()}
        self.since = Since()
        return self.learner.averaged, step, figures

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "learner": self.learner.state_dict(),
            "since": asdict(self.since),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.learner.load_state_dict(state["learner"])
        since = state["since"]
        self.since = Since(**{**since, "played": PlayFigures(**since["played"])})


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

    def figures(self) -> dict[str, float]:
        """Return the figures of a point, with the bytes that are not handed over in memory."""
        shared = all(table.writer.writes_into(self.buffer) for table in self.self_play.tables)
        copied = 0 if shared else sum(tensor.nbytes for tensor in self.buffer.tensors().values())
        return super().figures() | {"handover_bytes": float(copied)}

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds, with the buffer and the unfinished games."""
        games = {"buffer": self.buffer.state_dict(), "games": self.self_play.state_dict()}
        return super().state() | games

    def load_state(self, state: Mapping[str, Any]) -> None:
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
    watch: Watch | None = None,
) -> TrainResult:
    """Train a network on its own games, and keep everything in `folder`.

    init_from: a model of the same size to start from; self-play then uses it from the beginning, and no
    position is played by playouts. resume: continue from the checkpoint in `folder` with the settings of the
    run; the result is the same as without the interruption. watch: what ends the run early, and who is told
    how far it is. Raises BadInput for settings, models or checkpoints that do not fit, and KeyboardInterrupt
    if `watch` says so.
    """
    device = resolve_device(device)
    return run_training(
        plan_live(play, learning, device, init_from),
        folder,
        device=device,
        init_from=init_from,
        resume=resume,
        watch=watch,
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
    watch: Watch | None = None,
) -> TrainResult:
    """Start or continue the run of a plan. The other arguments are those of `train`."""
    learning, device = plan.learning, resolve_device(device)
    precision = choose_precision(learning.precision, device)
    folder = Path(folder)
    network = _first_network(learning, None if resume else init_from)
    record = describe_run(
        train=plan.train,
        spec=network.spec,
        data=plan.data,
        init_from=init_from,
        model_version=MODEL_VERSION,
        device=device,
        precision=precision,
    )
    record = claim_folder(folder, record, resume, lambda stored: _complete(stored, plan.train))

    def begin() -> Run:
        return plan.make(learning, folder, record, network, device)

    return go_through(begin, resume, device, precision, network.n_parameters, watch or Watch())


def point_text(point: Point) -> str:
    """Return an evaluation of the curve as a readable line."""
    loss = f"loss {point['loss']:.3f}" if "loss" in point else "no steps yet"
    text = f"{point['rows']:>9,} positions  {point['cpu_seconds']:>6,.0f} CPU s  {loss}"
    if "games" not in point:  # learnt from stored games
        return text
    return (
        f"{text}  {point['games']:>5,.0f} games: {point['black_won']:.0%} black, "
        f"{point['white_won']:.0%} white, "
        f"{point['drawn']:.0%} drawn, {point['plies']:.0f} plies, lead {point['lead']:.1f}  "
        f"{point['evaluations_per_s']:,.0f} evaluations/s"
    )


def both_settings_from(stored: Mapping[str, Any]) -> tuple[SelfPlaySettings, LearningSettings]:
    """Return the settings in `train` of a config.json, as `settings_from` does."""
    names = {field.name for field in fields(LearningSettings)}
    learning = {name: value for name, value in stored.items() if name in names}
    self_play = {name: value for name, value in stored.items() if name not in names}
    return settings_from(SelfPlaySettings, self_play), settings_from(LearningSettings, learning)


def _complete(stored: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored settings with the defaults of those added since. now: settings of the run, by name."""
    self_play, learning = both_settings_from(stored)
    known = {**asdict(self_play), **asdict(learning)}
    return {name: known[name] for name in now}


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
