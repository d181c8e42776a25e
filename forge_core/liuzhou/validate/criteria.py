"""Acceptance criteria: a value, a limit and a result each. A figure that was not measured never passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

NOT_MEASURED = "not measured"
Result = Literal["pass", "fail", "not measured"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """A limit on one figure."""

    name: str
    meaning: str
    """one sentence for people"""
    limit: float
    at_least: bool = False
    """True if the figure must reach the limit; False if it must not exceed it"""

    def judge(self, value: float | None) -> dict[str, Any]:
        """Return the record of the criterion in the report. value: None if it was not measured."""
        limit = f"{'>=' if self.at_least else '<='} {self.limit:g}"
        if value is None or value != value:
            return {"meaning": self.meaning, "value": NOT_MEASURED, "limit": limit, "result": NOT_MEASURED}
        passed = value >= self.limit if self.at_least else value <= self.limit
        result = "pass" if passed else "fail"
        return {"meaning": self.meaning, "value": value, "limit": limit, "result": result}


CRITERIA = (
    Criterion("parity", "Rules and searches of all implementations agree: number of differences.", 0),
    Criterion(
        "speed_up_over_host_tree",
        "Evaluations per second of the arena over those of a tree on the host, on a GPU.",
        1.2,
        at_least=True,
    ),
    Criterion(
        "share_of_bare",
        "Evaluations per second of the arena over those of the bare forward pass.",
        0.60,
        at_least=True,
    ),
    Criterion("process_gain", "Gain of the most processes over one, on a GPU: one process fills it.", 0.15),
    Criterion("thread_gain", "Gain of the most threads over one, on a GPU.", 0.15),
    Criterion("watts", "Power of the arena over that of the bare forward pass.", 0.8, at_least=True),
    Criterion("host_syncs", "Waits of the host for the GPU per simulation.", 0),
    Criterion("handoff_bytes", "Bytes written between self-play and learning.", 0),
    Criterion("handoff_copies", "Copies of positions between self-play and learning on one device.", 0),
    Criterion(
        "handoff_time",
        "Time of an iteration of self-play and learning over that with a file in between.",
        1.0,
    ),
)


def judge_all(values: Mapping[str, float | None]) -> dict[str, dict[str, Any]]:
    """Return the record of every criterion. values: by name; a missing one was not measured."""
    return {criterion.name: criterion.judge(values.get(criterion.name)) for criterion in CRITERIA}


def failures(criteria: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of the criteria that failed."""
    return [name for name, record in criteria.items() if record["result"] == "fail"]
