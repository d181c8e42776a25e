"""The points that a network loses on a benchmark, by deal: kept in a store, so that it is asked only once.

The file is `evaluations/WEIGHTS.BENCHMARK.json`, named by the digest of the weights and by a
fingerprint of the rows and of the way in which answers are measured.
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
    """Points lost per decision in each of D deals, and over all of them."""

    weights: str
    """digest of the network's weights"""
    benchmark: str
    """fingerprint of the rows and of the way they are measured"""
    group: tuple[str, ...]
    """[D] name of the group (see Rows.decl) that a deal is of"""
    gap: tuple[float, ...]
    """[D] points lost per decision"""
    decision_q_gap: float
    """points lost per decision over all decisions, rows counting alike"""
    q_gap: float
    """points lost per row over all reachable positions"""
    q_mae: float | None
    """mean error of Q over reachable positions; None for a network whose answers are not points"""

    @classmethod
    def of(cls, answers: Answers, weights: str, benchmark: str, names: Sequence[str]) -> Scores:
        """Measure answers. names: of the groups, by number."""
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
        """Name of the file, from weights and benchmark."""
        return f"{self.weights}.{self.benchmark}.json"

    def keep(self, store: Store) -> None:
        """Write the file. store: the root. Raises StoreUnusable."""
        store.join(FOLDER).write(self.filename, json.dumps(asdict(self)).encode())


def find_scores(store: Store, weights: str, benchmark: str) -> Scores | None:
    """Return the scores of a network that are kept; None without a sound file. Raises StoreUnusable."""
    folder, name = store.join(FOLDER), f"{weights}.{benchmark}.json"
    if not folder.exists(name):
        return None
    try:
        return _parse(folder.read_json(name), weights, benchmark)
    except (ValueError, TypeError, KeyError, BadInput):
        return None  # the network is asked again, and the file replaced


def _parse(record: dict[str, Any], weights: str, benchmark: str) -> Scores:
    scores = Scores(**{**record, "group": tuple(record["group"]), "gap": tuple(map(float, record["gap"]))})
    if (scores.weights, scores.benchmark) != (weights, benchmark) or len(scores.gap) != len(scores.group):
        raise BadInput("its content contradicts its name")
    return scores
