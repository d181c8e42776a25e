"""A training run: a network plays rounds and learns from them, in one process.

Each iteration collects a batch of finished rounds and then takes the steps that use it. The loop itself is
that of all games (`forge_core.learning.loop`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from forge_core.device import resolve_device
from forge_core.errors import BadInput
from forge_core.files import fingerprint
from forge_core.learning.checkpoints import load_model
from forge_core.learning.loop import LoopRun, Watch, go_through
from forge_core.learning.precision import choose_precision
from forge_core.learning.runs import (
    Point,
    TrainResult,
    claim_folder,
    describe_run,
    find_difference,
    settings_from,
)
from forge_core.skull_king.arena import evaluate
from forge_core.skull_king.learner import Learner, copy_of
from forge_core.skull_king.losses import LOSSES
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.players import player
from forge_core.skull_king.players.network import NetworkPlayer
from forge_core.skull_king.rollouts import Collected, Collector
from forge_core.skull_king.rules import RULES_VERSION
from forge_core.skull_king.settings.learning import EVALUATIONS, PAST, LearningSettings, parse_opponents

MODEL_VERSION = "s2"
"""Raised when the same settings train a different network."""
CURVE_DEALS = 250
"""deals of an evaluation: the interval of a score is about 6 points on each side"""
CURVE_OPPONENTS = ("hard", "captain")


@dataclass(frozen=True, slots=True)
class Since:
    """Work done since the last evaluation of the curve."""

    decisions: int = 0
    rounds: int = 0
    points: float = 0.0
    """sum over rounds of the learners' points"""
    hits: int = 0
    """rounds in which the bid was met"""
    losses: tuple[float, ...] = (0.0,) * len(LOSSES)
    """sums over `steps`"""
    steps: int = 0
    collect_seconds: float = 0.0
    learn_seconds: float = 0.0

    def figures(self) -> dict[str, float]:
        """Return the figures of an evaluation."""
        rounds, steps = max(1, self.rounds), max(1, self.steps)
        spent = max(1e-9, self.collect_seconds + self.learn_seconds)
        return {
            **{name: loss / steps for name, loss in zip(LOSSES, self.losses, strict=True)},
            "training_points": self.points / rounds,
            "training_hit": self.hits / rounds,
            "decisions_per_second": self.decisions / spent,
            "collect_seconds": self.collect_seconds,
            "learn_seconds": self.learn_seconds,
        }


class Run(LoopRun):
    """A run: its tables and its learner."""

    def __init__(
        self,
        settings: LearningSettings,
        folder: Path,
        record: dict[str, Any],
        network: BidAndPlayNet,
        device: str,
    ) -> None:
        """record: config.json. network: learning starts from its weights. device: resolved."""
        super().__init__(folder, record, settings.decisions, EVALUATIONS)
        self.settings = settings
        self.learner = Learner(network, settings, device, record["precision"])
        parts = range(settings.parts)
        self.collectors = [Collector(settings, network.spec, part, device) for part in parts]
        self.past = copy_of(network, device) if PAST in parse_opponents(settings.opponents) else None
        """the network as it was at the last evaluation, if the settings name it as an opponent"""
        self.since = Since()

    @property
    def played(self) -> int:
        """Decisions of learners so far."""
        return sum(collector.decisions for collector in self.collectors)

    def iterate(self) -> None:
        """Collect a batch, then learn from it."""
        began, before = time.perf_counter(), self.played
        batches: list[Collected] = self.learner.pieces.run(
            [
                partial(collector.collect, part, self.past, before, self.learner.precision)
                for collector, part in zip(self.collectors, self.learner.parts, strict=True)
            ]
        )
        collected = time.perf_counter()
        losses, steps = self.learner.learn(
            batches, self.played, [collector.taught for collector in self.collectors]
        )
        summed = losses.tolist()
        since = self.since
        self.since = Since(
            decisions=since.decisions + self.played - before,
            rounds=since.rounds + sum(len(batch.bid_made) for batch in batches),
            points=since.points + sum(float(batch.bid_points.sum()) for batch in batches),
            hits=since.hits + sum(int((batch.bid_made == batch.bid_tricks).sum()) for batch in batches),
            losses=tuple(a + b for a, b in zip(since.losses, summed, strict=True)),
            steps=since.steps + steps,
            collect_seconds=since.collect_seconds + collected - began,
            learn_seconds=since.learn_seconds + time.perf_counter() - collected,
        )

    def evaluate(self) -> tuple[BidAndPlayNet, int, dict[str, float]]:
        """Return the network, the number of steps, and its figures; it is the past network from now on."""
        network = self.learner.network
        figures = {
            **curve_figures(network, self.learner.device),
            **self.since.figures(),
            "learning_rate": self.settings.rate_at(self.played),
            "temperature": self.settings.temperature_at(self.played),
        }
        self.since = Since()
        if self.past is not None:
            self.past.load_state_dict(network.state_dict())
        return network, self.learner.step, figures

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "learner": self.learner.state_dict(),
            "collectors": [collector.state_dict() for collector in self.collectors],
            "past": None if self.past is None else self.past.state_dict(),
            "since": asdict(self.since),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.learner.load_state_dict(state["learner"])
        for collector, stored in zip(self.collectors, state["collectors"], strict=True):
            collector.load_state_dict(stored)
        if self.past is not None:
            self.past.load_state_dict(state["past"])
        self.since = Since(**state["since"])


def train(
    settings: LearningSettings,
    folder: str | Path,
    *,
    recipe: str | None = None,
    device: str = "auto",
    init_from: str | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> TrainResult:
    """Train a network by playing rounds, and keep everything in `folder`.

    recipe: the name of the settings, for the model card. init_from: a model of the same size to start from.
    resume: continue from the checkpoint in `folder` with the settings of the run; the result is the same as
    without the interruption. watch: what ends the run early, and who is told how far it is. Raises BadInput
    for settings, models or checkpoints that do not fit, and KeyboardInterrupt if `watch` says so.
    """
    folder, device = Path(folder), resolve_device(device)
    if device != "cpu":
        settings = replace(settings, parts=1)
    precision = choose_precision(settings.precision, device)
    record = describe_run(
        train=asdict(settings),
        spec=settings.spec(),
        data=data_record(settings),
        init_from=init_from,
        model_version=MODEL_VERSION,
        device=device,
        precision=precision,
        recipe=recipe,
    )
    network = _first_network(settings, None if resume else init_from)
    record = claim_folder(
        folder, record, resume, lambda stored: asdict(settings_from(LearningSettings, stored))
    )

    def begin() -> Run:
        return Run(settings, folder, record, network, device)

    return go_through(begin, resume, device, precision, network.n_parameters, watch or Watch())


def curve_figures(network: BidAndPlayNet, device: str = "cpu") -> dict[str, float]:
    """Return score, hit rate and wins of a network against three players of each of CURVE_OPPONENTS."""
    own, spec = NetworkPlayer("network", network, device), network.spec
    figures: dict[str, float] = {}
    for name in CURVE_OPPONENTS:
        result = evaluate(own, player(name), CURVE_DEALS, spec.rules, seats=spec.seats)
        figures[f"{name}_score"], figures[f"{name}_score_low"] = result.score.mean, result.score.low
        figures[f"{name}_hit"], figures[f"{name}_wins"] = result.hit.mean, result.win.mean
    return figures


def point_text(point: Point) -> str:
    """Return an evaluation of the curve as a readable line: results against a table of each opponent."""
    return (
        f"{point['rows']:>10,} decisions  {point['cpu_seconds']:>6,.0f} CPU s  "
        f"hard {point['hard_score']:+.0f}, hit {point['hard_hit']:.3f}, wins {point['hard_wins']:.3f}  "
        f"captain {point['captain_score']:+.0f}, wins {point['captain_wins']:.3f}  "
        f"{point['decisions_per_second']:,.0f} decisions/s"
    )


def data_record(settings: LearningSettings) -> dict[str, Any]:
    """Return the record of the rounds of a run in config.json: how they are played, and the version."""
    config = {"rules_version": RULES_VERSION, "opponents": settings.opponents, "seed": settings.seed}
    version = fingerprint({"version": MODEL_VERSION, **config, "spec": settings.spec().to_dict()})
    return {"game": "skull_king", "kind": "rounds", "version": version, "config": config}


def load_parent(folder: str, settings: LearningSettings) -> BidAndPlayNet:
    """Return the network in a folder, to start from. Raises BadInput for one that the settings do not fit."""
    network = load_model(folder, kind=BidAndPlayNet).train()
    found = {"network": network.config.to_dict(), "table": network.spec.to_dict()}
    needed = {"network": settings.config().to_dict(), "table": settings.spec().to_dict()}
    if differing := find_difference(found, needed, tuple(needed)):
        raise BadInput(
            f"the network in {folder} differs from the settings in {differing}: choose the settings with "
            "which it was trained"
        )
    return network


def _first_network(settings: LearningSettings, init_from: str | None) -> BidAndPlayNet:
    """Return a network with fresh weights from the seed, or a model. Raises BadInput: see `load_parent`."""
    if init_from is not None:
        return load_parent(init_from, settings)
    torch.manual_seed(settings.seed)
    return BidAndPlayNet(settings.spec(), settings.config())
