"""Points that a network loses on a benchmark, by deal; stored so that each network is evaluated only once.

The file is `evaluations/WEIGHTS.BENCHMARK.json`, named after the digest of the weights and a
fingerprint of the benchmark's rows and metrics.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.labelled.answers import Answers

FOLDER = "evaluations"


@dataclass(frozen=True, slots=True)
class Scores:
    """Points lost per decision, in each of D deals and over all of them."""

    weights: str
    """digest of the network's weights"""
    benchmark: str
    """fingerprint of the benchmark's rows and metrics"""
    group: tuple[str, ...]
    """[D] name of each deal's group (see Rows.decl)"""
    gap: tuple[float, ...]
    """[D] points lost per decision"""
    decision_q_gap: float
    """points lost per decision over all decisions, unweighted"""
    q_gap: float
    """points lost per position over all reachable positions"""
    q_mae: float | None
    """mean absolute error of Q over reachable positions; None if the network's answers are not points"""

    @classmethod
    def of(cls, answers: Answers, weights: str, benchmark: str, names: Sequence[str]) -> Scores:
        """Compute the scores of answers. names: the name of each group number."""
        deals, gaps = answers.gap_by_deal()
        group_of = dict(zip(answers.deal.tolist(), answers.decl.tolist(), strict=True))
        uniform = answers.measure(uniform=True)
        return cls(
            weights,
            benchmark,
            tuple(str(names[group_of[deal]]) for deal in deals.tolist()),
            tuple(gaps.tolist()),
            answers.measure()["decision_q_gap"],
            uniform["q_gap"],
            uniform.get("q_mae"),
        )

    @property
    def by_deal(self) -> float:
        """Points lost per decision, as a mean over deals."""
        return sum(self.gap) / len(self.gap)

    @property
    def filename(self) -> str:
        """The file name, made from weights and benchmark."""
        return f"{self.weights}.{self.benchmark}.json"

    def keep(self, store: Store) -> None:
        """Write the scores to the store. store: the root. Raises StoreUnusable."""
        store.join(FOLDER).write(self.filename, json.dumps(asdict(self)).encode())


def find_scores(store: Store, weights: str, benchmark: str) -> Scores | None:
    """Return a network's stored scores; None if there is no valid file. Raises StoreUnusable."""
    folder, name = store.join(FOLDER), f"{weights}.{benchmark}.json"
    if not folder.exists(name):
        return None
    try:
        return _parse(folder.read_json(name), weights, benchmark)
    except (ValueError, TypeError, KeyError, BadInput):
        return None  # the network is evaluated again and the file replaced


def _parse(record: dict[str, Any], weights: str, benchmark: str) -> Scores:
    scores = Scores(**{**record, "group": tuple(record["group"]), "gap": tuple(map(float, record["gap"]))})
    if (scores.weights, scores.benchmark) != (weights, benchmark) or len(scores.gap) != len(scores.group):
        raise BadInput("its contents do not match its name")
    return scores
