"""Speed of Skull King's learner, network and updates included, and the shares of a second of training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from forge_core.cli.clocks import clock_of
from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.learning.memory import keep_freed_memory
from forge_core.learning.threads import one_torch_thread
from forge_core.meters import PowerReading, peak_memory, read_power
from forge_core.skull_king.learner import Learner
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.rollouts import Collected, Collector, Taught
from forge_core.skull_king.rollouts.kernels import write_requests
from forge_core.skull_king.rollouts.records import Requests
from forge_core.skull_king.settings.learning import RECIPES, LearningSettings
from forge_core.skull_king.train import MODEL_VERSION

TIMED = ("hierarchical", "large_net", "self_play")
"""recipes; the first is the default"""
ITERATIONS = 3
"""batches per measurement, after one to warm up"""
LEAST, LEAST_CUDA = 8_000.0, 300_000.0
"""learner decisions per second, network and updates included: on one core, and on CUDA"""
PUBLISHED = "6,500 decisions/s, with updates, on 24 threads and a GPU"
MOST_DIFFERENCE = 1e-3
"""between log-probabilities when an action was chosen and when it is learnt from"""
ENVIRONMENT, OBSERVATION, FORWARD, TEACHER, UPDATE = (
    "environment",
    "observation",
    "forward",
    "teacher",
    "update",
)


class TimedCollector(Collector):
    """A collector that sums the seconds of its four kinds of work."""

    def __init__(self, settings: LearningSettings, spec: Any, device: str) -> None:
        super().__init__(settings, spec, 0, device)
        self._clock = clock_of(device)
        self.spent = dict.fromkeys((ENVIRONMENT, OBSERVATION, FORWARD, TEACHER), 0.0)
        """seconds; observations are written a second time to measure them, which is not in the sums"""

    def advance(self, mix_of_rounds: Any) -> None:
        """See Collector."""
        begun = self._clock()
        super().advance(mix_of_rounds)
        middle = self._clock()
        waiting = [share for share, _, _ in self.shares_of(self.own)]
        self.pieces.run([partial(write_requests, self.tables, share, self._options) for share in waiting])
        again = self._clock() - middle
        self.spent[OBSERVATION] += again
        self.spent[ENVIRONMENT] += middle - begun - again

    def teach(self, share: float) -> Taught[npt.NDArray]:
        """See Collector."""
        begun = self._clock()
        taught = super().teach(share)
        self.spent[TEACHER] += self._clock() - begun
        return taught

    def answer(self, network: BidAndPlayNet, requests: Requests, precision: str) -> Any:
        """See Collector."""
        begun = self._clock()
        answers = super().answer(network, requests, precision)
        self.spent[FORWARD] += self._clock() - begun
        return answers

    def take(
        self,
        requests: Requests,
        answers: Any,
        temperature: float,
        random_share: float,
        greedy: bool = False,
    ) -> None:
        """See Collector."""
        begun = self._clock()
        super().take(requests, answers, temperature, random_share, greedy)
        self.spent[ENVIRONMENT] += self._clock() - begun


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure iterations of each recipe of one part: collect a batch, then learn from it.

    The first seed is that of the run. Raises AssertionError if what was collected is wrong.
    """
    device, figures = resolve_device(device), []
    keep_freed_memory()
    with one_torch_thread():
        for name in TIMED:
            settings = replace(RECIPES[name], parts=1, seed=seeds[0])
            with read_power(device) as power:
                figures += of_recipe(name, settings, device)
            figures += of_machine(name, power, device)
    return Benchmark(
        subject="skull-king-train",
        conditions=conditions(
            device,
            "observations uint8, networks float32",
            f"{settings.tables} tables, batches of {settings.batch:,} plays, minibatches of "
            f"{settings.minibatch:,}, {settings.epochs} epochs; untrained networks "
            + " and ".join(dict.fromkeys(RECIPES[name].size for name in TIMED)),
            ("torch", "numba", "numpy"),
            trainer=MODEL_VERSION,
            unit="bids, and plays with more than one legal action, of seats that learn; shares of the time",
        ),
        held=("probabilities when an action was chosen equal those when it is learnt from",),
        figures=tuple(figures),
    )


def of_recipe(name: str, settings: LearningSettings, device: str) -> Iterator[Figure]:
    """Measure the learner's decisions per second, and the shares of five kinds of work, when a run begins."""
    torch.manual_seed(settings.seed)
    network = BidAndPlayNet(settings.spec(), settings.config())
    learner = Learner(network, settings, device)
    collector = TimedCollector(settings, network.spec, device)
    clock = clock_of(device)
    check(collector.collect(network, None, 0, "32"), network, device)
    learner.learn([collector.collect(network, None, 0, "32")], 0, [collector.taught])
    collector.spent, decisions = dict.fromkeys(collector.spent, 0.0), collector.decisions
    update = 0.0
    for _ in range(ITERATIONS):
        batch = collector.collect(network, None, 0, "32")
        begun = clock()
        losses, _ = learner.learn([batch], 0, [collector.taught])
        losses.cpu()  # the host waits for the device
        update += clock() - begun
    spent = collector.spent | {UPDATE: update}
    total, learner_decisions = sum(spent.values()), collector.decisions - decisions
    least = (LEAST if device == "cpu" else LEAST_CUDA) if name == TIMED[0] else None
    published = PUBLISHED if name == TIMED[0] else ""
    title = f"{name}, learner decisions"
    yield Figure(title, learner_decisions / total, "/s", least=least, published=published)
    yield Figure(f"{name}, threads that share the tables", collector.pieces.n, "")
    for work, seconds in spent.items():
        yield Figure(f"{name}, {work}", 100 * seconds / total, "%")


def of_machine(name: str, power: PowerReading, device: str) -> Iterator[Figure]:
    """Return the peak memory, and the utilisation and power of a GPU while a recipe was measured."""
    memory = peak_memory() if device == "cpu" else torch.cuda.max_memory_allocated(device)
    for what, value, unit in (
        ("peak memory", memory / 1e6 or math.nan, "MB"),
        ("GPU busy", None if power.utilisation is None else 100 * power.utilisation, "%"),
        ("GPU power", power.watts, "W"),
    ):
        yield Figure(f"{name}, {what}", math.nan if value is None else value, unit)


def check(batch: Collected, network: BidAndPlayNet, device: str) -> None:
    """Raise AssertionError unless the network gives the plays of a batch the recorded probabilities."""
    with torch.no_grad():
        logits = network.plays(torch.from_numpy(batch.play).to(device)).logits.log_softmax(1).cpu().numpy()
    found = logits[np.arange(len(batch.action)), batch.action]
    worst = float(np.abs(found - batch.log_prob).max())
    if not worst < MOST_DIFFERENCE:
        raise AssertionError(f"the log-probability of a play differs by {worst} from the recorded one")


def check_threads(settings: LearningSettings, device: str, threads: int) -> int:
    """Compare a batch of rounds whose tables are shared by threads with that of one thread; return its plays.

    device: of the network. Raises AssertionError if they differ.
    """
    torch.manual_seed(settings.seed)
    network = BidAndPlayNet(settings.spec(), settings.config()).to(device)
    one, other = (Collector(settings, network.spec, 0, device, number) for number in (1, threads))
    expected, found = (each.collect(network, None, 0, "32") for each in (one, other))
    if not all(map(np.array_equal, expected, found)):
        raise AssertionError(f"a batch collected by {threads} threads differs from that of one")
    return len(expected.action)
