"""A position as a search sees it: its value, and the visits and value of each legal action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.game import to_numpy
from forge_core.liuzhou.arena import search
from forge_core.liuzhou.evaluators import Evaluator
from forge_core.liuzhou.notation import action_text
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state import EMPTY_SLOT, legal_actions

CHUNK = 64
"""positions searched at once"""


@dataclass(frozen=True, slots=True)
class Option:
    """A legal action of a position, and what is known about it."""

    action: int
    share: float
    """share of the visits, 0..1"""
    visits: int | None = None
    q: float | None = None
    """mean value of the simulations that took it, -1..1 in the mover's frame; None without visits"""
    prior: float | None = None
    """0..1; the evaluator's, before the search"""

    @property
    def text(self) -> str:
        """The action as people write it: `c3-c4`."""
        return action_text(self.action)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types only."""
        return {
            "action": self.text,
            "id": self.action,
            "visits": self.visits,
            "share": self.share,
            "q": self.q,
            "prior": self.prior,
        }


@dataclass(frozen=True, slots=True)
class Analysis:
    """An unfinished position, and what is known about it."""

    value: float
    """value of the position, -1..1 in the mover's frame"""
    options: tuple[Option, ...]
    """all legal actions, the largest share first"""

    @classmethod
    def of_policy(cls, row: npt.NDArray[np.int64], policy: npt.NDArray[Any], value: float) -> Analysis:
        """Return the analysis of a stored position. policy: [SLOTS] shares. value: in the mover's frame."""
        actions, _ = legal_actions(row[None])
        listed = zip(actions[0].tolist(), policy.tolist(), strict=True)
        return cls(
            value, _in_order(Option(action, share) for action, share in listed if action != EMPTY_SLOT)
        )


def analyse(
    rows: npt.NDArray[np.int64], evaluator: Evaluator, settings: SearchSettings, device: str = "cpu"
) -> list[Analysis | None]:
    """Search each of `rows` [N, 4], CHUNK at a time; return None for finished positions."""
    found: list[Analysis | None] = []
    for first in range(0, len(rows), CHUNK):
        some = rows[first : first + CHUNK]
        place = some if device == "cpu" else _tensor(some, device)
        result = search(place, evaluator, settings, device=device)
        prior = to_numpy(evaluator(place, result.actions)[0])
        arrays = (to_numpy(each) for each in (result.actions, result.visits, result.q))
        columns = [array.tolist() for array in (*arrays, prior)]
        values = to_numpy(result.value).tolist()
        found += [_analysis(*each) for each in zip(values, *columns, strict=True)]
    return found


def _analysis(
    value: float, actions: Sequence[int], visits: Sequence[int], q: Sequence[float], prior: Sequence[float]
) -> Analysis | None:
    total = max(1, sum(visits))
    options = [
        Option(action, n / total, n, mean if n else None, weight)
        for action, n, mean, weight in zip(actions, visits, q, prior, strict=True)
        if action != EMPTY_SLOT
    ]
    return Analysis(value, _in_order(options)) if options else None


def _in_order(options: Any) -> tuple[Option, ...]:
    """Return options by share, then by value, then by prior."""
    return tuple(sorted(options, key=lambda each: (-each.share, -(each.q or 0.0), -(each.prior or 0.0))))


def _tensor(rows: npt.NDArray[np.int64], device: str) -> Any:
    import torch

    return torch.as_tensor(rows, device=device)
