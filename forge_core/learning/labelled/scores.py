"""What a network lost on a benchmark, deal by deal: kept, so that a network is asked once.

In a store, `evaluations/WEIGHTS.BENCHMARK.json`: the digest of the weights, and a fingerprint of
which rows were asked and how answers are measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.labelled.metrics import Answers

FOLDER = "evaluations"


@dataclass(frozen=True, slots=True)
class Scores:
    """Points lost a decision in each of D deals, and what they add up to."""

    weights: str
    """digest of the network's"""
    benchmark: str
    """fingerprint of the rows and the measure"""
    group: tuple[str, ...]
    """[D] the declaration, by name"""
    gap: tuple[float, ...]
    """[D] points lost a decision"""
    decision_q_gap: float
    """over all decisions, every row the same"""
    q_gap: float
    """over all positions that can be reached"""
    q_mae: float | None
    """mean error of Q over reachable positions; None for a network that says no points"""

    @classmethod
    def of(cls, answers: Answers, weights: str, benchmark: str, names: Sequence[str]) -> Scores:
        """names: of the groups, by number."""
        deals, gaps = answers.gap_by_deal()
        decl_of = dict(zip(answers.deal.tolist(), answers.decl.tolist(), strict=True))
        uniform = answers.measure(uniform=True)
        return cls(
            weights,
            benchmark,
            tuple(str(names[decl_of[deal]]) for deal in deals.tolist()),
            tuple(gaps.tolist()),
            answers.measure()["decision_q_gap"],
            uniform["q_gap"],
            uniform.get("q_mae"),
        )

    @property
    def by_deal(self) -> float:
        """Points lost a decision in a deal, on average."""
        return sum(self.gap) / len(self.gap)

    @property
    def filename(self) -> str:
        """By what it says, of what."""
        return f"{self.weights}.{self.benchmark}.json"

    def keep(self, store: Store) -> None:
        """store: its root. Raises StoreUnusable."""
        store.join(FOLDER).write(self.filename, json.dumps(asdict(self)).encode())


def find_scores(store: Store, weights: str, benchmark: str) -> Scores | None:
    """What is kept of a network; None if nothing is, or nothing sound. Raises StoreUnusable."""
    folder, name = store.join(FOLDER), f"{weights}.{benchmark}.json"
    if not folder.exists(name):
        return None
    try:
        return _parse(folder.read_json(name), weights, benchmark)
    except (ValueError, TypeError, KeyError, BadInput):
        return None  # it is asked again, and this replaced


def _parse(record: dict[str, Any], weights: str, benchmark: str) -> Scores:
    scores = Scores(**{**record, "group": tuple(record["group"]), "gap": tuple(map(float, record["gap"]))})
    if (scores.weights, scores.benchmark) != (weights, benchmark) or len(scores.gap) != len(scores.group):
        raise BadInput("it says something else than its name")
    return scores
