"""A run that trains a network that values options, in a folder like all runs (`forge_core.learning.runs`).

Step k learns from decisions that only k and the seed determine, and the learning rate follows from k, so a
run that was stopped and resumed equals an uninterrupted one to the last digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch

from forge_core.errors import BadInput
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.metrics import GOAL, evaluate_q, evaluate_random
from forge_core.learning.loop import LoopRun, Watch, go_through
from forge_core.learning.runs import Point, TrainResult, claim_folder, describe_run, settings_from
from forge_core.splits import Split
from forge_core.streams import stream
from forge_core.texas42.one_hand.option_network import OptionNet
from forge_core.texas42.one_hand_training.decisions import DecisionSet
from forge_core.texas42.one_hand_training.lessons import Lesson, Lessons
from forge_core.texas42.settings.one_hand import EVALUATIONS, HIDDEN, SECOND, OneHandSettings
from forge_core.texas42.sources import OneHandRows

MODEL_VERSION = "o2"
"""Raised when the same decisions and settings train a different network."""

_WARMUP = 0.1
"""share of the steps over which the learning rate rises"""
_STEPS_AT_ONCE = 20
"""steps between two looks at the clock and at Ctrl-C: about a second"""
_EVALUATED_AT_ONCE = 16_384


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that has no folder yet: its settings, its decisions, and where they come from."""

    settings: OneHandSettings
    train: Lessons
    val: Lessons
    data: Mapping[str, Any]
    """the record of the rows in config.json; see `forge_core.texas42.sources`"""

    @property
    def steps(self) -> int:
        """The number of steps of the run."""
        return self.settings.epochs * (len(self.train) // self.settings.batch_size)

    @property
    def amount(self) -> int:
        """The number of decisions that the run learns from, counted in every epoch."""
        return self.steps * self.settings.batch_size


def plan_of(settings: OneHandSettings, source: OneHandRows) -> Plan:
    """Return the plan of a run on the rows of a source. Raises BadInput if they do not fill a batch."""
    rows = source.open_both()
    train, val = (DecisionSet.of_store(rows[split]) for split in (Split.TRAIN, Split.VAL))
    if settings.batch_size > len(train):
        raise BadInput(
            f"batch size {settings.batch_size:,} is above the {len(train):,} decisions to learn from: use a "
            "smaller one, or play more games with forge eq"
        )
    return Plan(settings, train, val, source.record)


@dataclass
class Since:
    """Work done since the last evaluation."""

    loss: float = 0.0
    """sum over steps"""
    steps: int = 0


@dataclass
class Order:
    """The order of the decisions in each epoch: a permutation that seed and epoch determine."""

    seed: int
    n: int
    batch_size: int
    _epoch: int = -1
    _order: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    def batch(self, step: int) -> np.ndarray:
        """Return the indices of the decisions of a step; those that fill no batch are left out."""
        epoch, place = divmod(step, self.n // self.batch_size)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, stream(self.seed, "one-hand-epoch", epoch).permutation(self.n)
        return self._order[place * self.batch_size : (place + 1) * self.batch_size]


class Run(LoopRun):
    """A run in a folder. It counts decisions where LoopRun speaks of what was played."""

    def __init__(self, plan: Plan, folder: Path, record: dict[str, Any], network: OptionNet) -> None:
        """record: config.json. network: training starts from its weights."""
        settings = plan.settings
        super().__init__(folder, record, plan.amount, EVALUATIONS)
        self.plan, self.network, self.step, self.since = plan, network, 0, Since()
        self.order = Order(settings.seed, len(plan.train), settings.batch_size)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=settings.lr)

    @property
    def played(self) -> int:
        """Decisions learnt from so far, counted in every epoch."""
        return self.step * self.plan.settings.batch_size

    def iterate(self) -> None:
        """Take a few steps."""
        for _ in range(min(_STEPS_AT_ONCE, self.plan.steps - self.step)):
            self._learn()

    def _learn(self) -> None:
        settings, lessons = self.plan.settings, self.plan.train
        lesson = lessons.lesson(self.order.batch(self.step))
        loss = lessons.loss(lesson, lesson.logits(self.network), settings)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.lr * rate_at(self.step, self.plan.steps)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        self.since.loss += float(loss.detach())
        self.since.steps += 1

    def evaluate(self) -> tuple[OptionNet, int, dict[str, float]]:
        """Return the network, the number of steps, and the points that its plays lose on val decisions."""
        network = self.network.in_half_precision()
        gap = points_lost(network, self.plan.val)
        if not math.isfinite(gap):
            raise BadInput("training diverged: the network's answers are not numbers; use a lower lr")
        loss = self.since.loss / max(1, self.since.steps)
        self.since = Since()
        val_loss = mean_loss(network, self.plan.val, self.plan.settings)
        return network, self.step, {"loss": loss, "val_loss": val_loss, GOAL: gap}

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "since": asdict(self.since),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.since = state["step"], Since(**state["since"])


def rate_at(step: int, steps: int) -> float:
    """Return the learning rate of a step as a share of its peak: a linear rise, then half a cosine to 0."""
    rise = max(1, round(_WARMUP * steps))
    done = max(0, step - rise) / max(1, steps - rise)
    return min(1.0, (step + 1) / rise) * 0.5 * (1 + math.cos(math.pi * done))


def points_lost(network: OptionNet, decisions: Lessons) -> float:
    """Return the mean points that the network's choices lose per decision, by the recorded values."""
    predicted, q, legal = [], [], []
    with torch.inference_mode():
        for lesson in _in_parts(decisions):
            predicted.append(lesson.logits(network).numpy())
            q.append(lesson.q.numpy())
            legal.append(lesson.legal.numpy())
    values, places = np.concatenate(q), np.concatenate(legal)
    return float(evaluate_q(np.concatenate(predicted), values, places, in_points=False)[GOAL])


def mean_loss(network: OptionNet, decisions: Lessons, settings: OneHandSettings) -> float:
    """Return the mean loss over all decisions."""
    with torch.inference_mode():
        parts = [
            (len(lesson.legal), float(decisions.loss(lesson, lesson.logits(network), settings)))
            for lesson in _in_parts(decisions)
        ]
    return sum(n * loss for n, loss in parts) / max(1, sum(n for n, _ in parts))


def random_points_lost(decisions: Lessons) -> float:
    """Return the mean points per decision that random choices lose."""
    q, legal = zip(
        *((lesson.q.numpy(), lesson.legal.numpy()) for lesson in _in_parts(decisions)), strict=True
    )
    return float(evaluate_random(np.concatenate(q), np.concatenate(legal))[GOAL])


def _in_parts(decisions: Lessons) -> Iterator[Lesson]:
    """Yield all decisions, some at a time."""
    for first in range(0, len(decisions), _EVALUATED_AT_ONCE):
        yield decisions.lesson(np.arange(first, min(first + _EVALUATED_AT_ONCE, len(decisions))))


def train(
    plan: Plan,
    folder: str | Path,
    *,
    init_from: str | None = None,
    resume: bool = False,
    watch: Watch | None = None,
) -> TrainResult:
    """Train a network and keep everything in `folder`.

    init_from: a model to start from, of the same size. resume: continue from the checkpoint in `folder`; the
    result is the same as without the interruption. watch: what ends the run early, and who is told how far it
    is. Raises BadInput for a plan, a model or a checkpoint that does not fit, and KeyboardInterrupt if
    `watch` says so.
    """
    folder = Path(folder)
    network = first_network(plan.train.network, plan.settings, None if resume else init_from)
    record = describe_run(
        train=asdict(plan.settings) | size_of(network),
        spec=network.spec,
        data={**plan.data, "decisions": len(plan.train)},
        init_from=init_from,
        model_version=MODEL_VERSION,
        device="cpu",
        precision="32",
    )
    record = claim_folder(
        folder, record, resume, lambda stored: asdict(settings_from(OneHandSettings, stored))
    )

    def begin() -> Run:
        return Run(plan, folder, record, network)

    return go_through(begin, resume, "cpu", "32", network.n_parameters, watch or Watch())


N = TypeVar("N", bound=OptionNet)


class _Size(Protocol):
    """Settings that determine the first weights of a network."""

    @property
    def hidden(self) -> int | None: ...
    @property
    def second(self) -> int | None: ...
    @property
    def seed(self) -> int: ...


def first_network(kind: type[N], settings: _Size, init_from: str | None) -> N:
    """Return a network of this class with fresh weights from the seed, or a model to continue from.

    Raises BadInput for a model of another size than the settings ask for.
    """
    if init_from is None:
        torch.manual_seed(settings.seed)
        return kind.of_size(settings.hidden or HIDDEN, settings.second or SECOND)
    network = load_model(init_from, kind=kind).train()
    size = network.config
    for name, asked, units in (
        ("hidden", settings.hidden, size.hidden),
        ("second", settings.second, size.second),
    ):
        if asked not in (None, units):
            raise BadInput(f"{init_from} has {name} {units}, not {asked}: leave {name} out")
    return network


def size_of(network: OptionNet) -> dict[str, int]:
    """Return the size of a network by the names of its settings."""
    return {"hidden": network.config.hidden, "second": network.config.second}


def point_text(point: Point) -> str:
    """Return an evaluation as a line of text."""
    return (
        f"step {point['step']:>7,}  {point['rows']:>11,} decisions  {point['cpu_seconds']:>6,.0f} CPU s  "
        f"loss {point['loss']:.4f} (val {point['val_loss']:.4f})  points lost per decision {point[GOAL]:.3f}"
    )
