"""Speed of Skull King's learner, network and updates included, after a check of what it collects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from forge_core.cli.clocks import best_time
from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.learning.memory import keep_freed_memory
from forge_core.learning.threads import one_torch_thread
from forge_core.skull_king.learner import Learner
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.rollouts import Collected, Collector
from forge_core.skull_king.settings.learning import RECIPES
from forge_core.skull_king.train import TRAINER_VERSION

REPEATS = 3
LEAST = 8_000.0
"""learner decisions per second on one core, network and updates included"""
MOST_DIFFERENCE = 1e-3
"""between log-probabilities when an action was chosen and when it is learnt from"""


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure an iteration of each recipe of one part: collect a batch, then learn from it.

    The first seed is that of the run. Raises AssertionError if what was collected is wrong.
    """
    device, figures = resolve_device(device), []
    keep_freed_memory()
    with one_torch_thread():
        for name in ("hierarchical", "large_net", "self_play"):
            settings = replace(RECIPES[name], parts=1, seed=seeds[0])
            torch.manual_seed(seeds[0])
            network = BidAndPlayNet(settings.spec(), settings.config())
            learner = Learner(network, settings, device)
            collector = Collector(settings, network.spec, 0, device)
            batch = collector.collect(network, None, 0, "32")
            check(batch, network, device)
            decisions = collector.decisions
            collected = best_time(lambda c=collector, n=network: c.collect(n, None, 0, "32"), device, REPEATS)
            decisions = (collector.decisions - decisions) / (REPEATS + 1)
            learnt = best_time(lambda e=learner, b=batch: e.learn([b], 0), device, REPEATS)
            least = LEAST if name == "hierarchical" else None
            speed = decisions / (collected + learnt)
            figures += [
                Figure(f"{name}, learner decisions", speed, "/s", least=least),
                Figure(
                    f"{name}, share of the time that collects", 100 * collected / (collected + learnt), "%"
                ),
            ]
    return Benchmark(
        subject="skull-king-train",
        conditions=conditions(
            device,
            "observations uint8, networks float32",
            f"{settings.tables} tables, batches of {settings.batch:,} plays, minibatches of "
            f"{settings.minibatch:,}, {settings.epochs} epochs; untrained networks "
            + " and ".join(dict.fromkeys(RECIPES[name].size for name in ("hierarchical", "large_net"))),
            ("torch", "numba", "numpy"),
            trainer=TRAINER_VERSION,
            unit="bids, and plays with more than one legal action, of seats that learn",
        ),
        held=("probabilities when an action was chosen equal those when it is learnt from",),
        figures=tuple(figures),
    )


def check(batch: Collected, network: BidAndPlayNet, device: str) -> None:
    """Raise AssertionError unless the network gives the plays of a batch the recorded probabilities."""
    with torch.no_grad():
        logits = network.plays(torch.from_numpy(batch.play).to(device)).logits.log_softmax(1).cpu().numpy()
    found = logits[np.arange(len(batch.action)), batch.action]
    worst = float(np.abs(found - batch.log_prob).max())
    if not worst < MOST_DIFFERENCE:
        raise AssertionError(f"the log-probability of a play differs by {worst} from the recorded one")
