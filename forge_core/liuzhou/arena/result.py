"""Results of a search, computed from the statistics of the roots in the same way for all implementations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from forge_core.game import Array
from forge_core.liuzhou.arena.gumbel import improved_policy, scaled_values
from forge_core.liuzhou.evaluators import array_module, final_values
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state.layout import OUTCOME_MASK, OUTCOME_SHIFT, PLAYER_SHIFT

NO_ACTION = -1
"""`chosen` in finished rows"""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search of N positions: numpy arrays if the rows were one, else tensors.

    Finished rows have no actions: visits, q and policy are 0, chosen is NO_ACTION, and value is the result.
    """

    actions: Array
    """uint8 [N, SLOTS]: legal actions, ascending, then EMPTY_SLOT"""
    visits: Array
    """int32 [N, SLOTS]: simulations that took each action, including those of a kept subtree"""
    q: Array
    """float32 [N, SLOTS]: mean value of each action in the mover's frame; 0 without visits"""
    policy: Array
    """float32 [N, SLOTS]: visits divided by their sum; with gumbel, the improved policy"""
    chosen: Array
    """int64 [N]: the action with the most visits, the lowest if tied; with gumbel, the best considered one"""
    value: Array
    """float32 [N]: mean value of the position in the mover's frame, including its own evaluation"""
    evaluations: int
    """positions that were evaluated: (sims + 1) per row"""

    def slots_of(self, actions: Array) -> Array:
        """Return the slots [N] of some actions [N], for `Arena.advance`; -1 if a list lacks the action."""
        xp = array_module(self.actions)
        is_there = self.actions == actions[:, None]
        slots = xp.asarray(is_there, dtype=xp.int8).argmax(1)
        return xp.where(is_there.any(1), slots, xp.full_like(slots, -1))

    def as_numpy(self) -> SearchResult:
        """Return the same as numpy arrays; converting tensors waits for the device."""
        return self._converted(lambda tensor: tensor.cpu().numpy())

    def as_tensors(self) -> SearchResult:
        """Return the same as tensors on the CPU, converted from numpy arrays."""
        import torch

        return self._converted(torch.from_numpy)

    def _converted(self, convert: Callable[[Array], Array]) -> SearchResult:
        arrays = [name for name in self.__slots__ if name != "evaluations"]
        return replace(self, **{name: convert(getattr(self, name)) for name in arrays})


@dataclass(frozen=True, slots=True)
class RootStatistics:
    """Statistics of the roots of N trees; values in BLACK's frame."""

    rows: Array
    """int64 [N, 4]"""
    actions: Array
    """uint8 [N, SLOTS]"""
    prior: Array
    """float32 [N, SLOTS], including noise"""
    visits: Array
    """int32 [N, SLOTS]"""
    sums: Array
    """float32 [N, SLOTS]: sum of the values that were passed back through each action"""
    row_visits: Array
    """int32 [N]: visits of the root, including its own evaluation"""
    value: Array
    """float32 [N]: the evaluator's value"""
    scores: Array | None
    """float64 [N, SLOTS], with gumbel: logits and noise"""

    def __getitem__(self, some: slice) -> RootStatistics:
        """Return the statistics of some trees."""
        return self._converted(lambda array: array[some])

    def as_numpy(self) -> RootStatistics:
        """Return the same as numpy arrays; converting tensors waits for the device."""
        return self._converted(lambda tensor: tensor.cpu().numpy())

    def _converted(self, convert: Callable[[Array], Array]) -> RootStatistics:
        parts = (getattr(self, name) for name in self.__slots__)
        return RootStatistics(*(None if part is None else convert(part) for part in parts))


def result_of(root: RootStatistics, settings: SearchSettings, evaluations: int) -> SearchResult:
    """Return the result of a search."""
    xp = array_module(root.rows)
    sign = mover_signs(root.rows)
    visits = xp.asarray(root.visits, dtype=xp.float32)
    q = sign[:, None] * root.sums / (visits + (visits == 0))
    if settings.gumbel and root.scores is not None:
        values = scaled_values(root.visits, root.sums, root.prior, root.value, sign)
        policy = xp.asarray(improved_policy(root.prior, values, root.actions), dtype=xp.float32)
        is_considered = (root.visits == xp.amax(root.visits, 1)[:, None]) & (root.visits > 0)
        merit = xp.where(is_considered, root.scores + values, xp.full_like(values, -xp.inf))
    else:
        totals = visits.sum(1)
        policy = visits / (totals + (totals == 0))[:, None]
        merit = visits
    is_finished = (root.rows[:, 3] >> OUTCOME_SHIFT & OUTCOME_MASK) != 0
    chosen = xp.asarray(_pick(root.actions, merit.argmax(1)), dtype=xp.int64)
    sums = xp.asarray(root.sums, dtype=xp.float64).sum(1) + root.value
    mean = xp.asarray(sums / root.row_visits, dtype=xp.float32)
    final = final_values(root.rows, settings.beta, settings.draw_scale)
    return SearchResult(
        actions=root.actions,
        visits=root.visits,
        q=q,
        policy=policy,
        chosen=xp.where(is_finished, xp.full_like(chosen, NO_ACTION), chosen),
        value=sign * xp.where(is_finished, final, mean),
        evaluations=evaluations,
    )


def mover_signs(rows: Array) -> Array:
    """Return 1.0 where black is to move and -1.0 where white is, float32 [N]: the only change of frame."""
    xp = array_module(rows)
    return 1 - 2 * xp.asarray(rows[:, 3] >> PLAYER_SHIFT & 1, dtype=xp.float32)


def _pick(actions: Array, slots: Array) -> Array:
    """Return the action [N] in one slot of each list [N, SLOTS]."""
    xp = array_module(actions)
    if xp.__name__ == "numpy":
        return xp.take_along_axis(actions, slots[:, None], 1)[:, 0]
    return actions.gather(1, slots[:, None])[:, 0]
