"""The search with tensors of fixed shapes, on any device: the host never waits for the device.

Rows are flat: tree g owns rows g * S .. g * S + S - 1 of every array, its root first. The last of them is
its *bin*: a tree whose walk has ended keeps writing there, so that shapes stay fixed. A path never visits a
row twice, so a backup needs no atomic operations. All values are in BLACK's frame; arithmetic is in float32,
in the order of reference.py.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from forge_core.liuzhou.arena.gumbel import (
    CONSIDERED,
    improved_policy,
    log_priors,
    plan_of_halving,
    scaled_values,
)
from forge_core.liuzhou.arena.noise import mix_noise
from forge_core.liuzhou.arena.result import RootStatistics, mover_signs
from forge_core.liuzhou.evaluators import Evaluator, evaluate, final_values
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state.layout import DRAWN, EMPTY_SLOT, GOING, OUTCOME_SHIFT, SLOTS
from forge_core.liuzhou.state.tensors import legal_actions, outcomes, step_rows

NO_CHILD = 0
"""marks an action without a child: row 0 is the root, which is never a child"""


class Walk(NamedTuple):
    """The leaf at which the walk down each tree ended, and the path to it."""

    state: Tensor
    """int64 [G, 4]: the leaf"""
    actions: Tensor
    """uint8 [G, SLOTS]"""
    is_new: Tensor
    """bool [G]: no row holds the leaf yet"""
    row: Tensor
    """int64 [G]: the row that holds it, if one does"""
    parent: Tensor
    """int64 [G]: the row of the last action"""
    slot: Tensor
    """int64 [G]: the slot of the last action"""
    path_row: Tensor
    """int64 [G, levels]: the rows passed, then the bin"""
    path_slot: Tensor
    """int64 [G, levels]: the slots of the actions taken there"""


class TensorTrees:
    """Trees on one device, searched in lockstep."""

    def __init__(
        self, games: int, settings: SearchSettings, device: str | torch.device, depth: int | None = None
    ) -> None:
        """Allocate the trees. depth: the most actions in a walk; None: as many as a tree can hold."""
        self.settings, self.device = settings, torch.device(device)
        self.games, self.n = games, games
        self.size = settings.tree_rows + 1
        self.depth = min(depth or settings.tree_rows - 1, settings.tree_rows - 1)
        self.levels = 0
        """actions on the longest line that the trees can have now"""
        self.may_keep = False
        """`advance` has been called since the last search"""
        self.stops_early = self.device.type == "cpu"
        """stop a walk when all trees are at their leaf: reading that costs nothing on a CPU"""
        rows = games * self.size
        self.state = self.zeros(rows, 4, dtype=torch.int64)
        self.actions = torch.full((rows, SLOTS), EMPTY_SLOT, dtype=torch.uint8, device=self.device)
        self.prior = self.zeros(rows, SLOTS)
        self.child = self.zeros(rows, SLOTS, dtype=torch.int16)
        self.visits = self.zeros(rows, SLOTS, dtype=torch.int32)
        self.sums = self.zeros(rows, SLOTS)
        self.row_visits = self.zeros(rows, dtype=torch.int32)
        self.value = self.zeros(rows)
        self.seen = self.zeros(rows)
        self.parent = self.zeros(rows, dtype=torch.int16)
        self.used = self.zeros(games, dtype=torch.int64)
        """[G]: rows in use"""
        self.is_kept = self.zeros(games, dtype=torch.bool)
        self.root_row = torch.arange(games, device=self.device) * self.size
        self.bin = self.root_row + self.size - 1
        self.overflowed = self.zeros(dtype=torch.int64)
        self.scores = self.zeros(games if settings.gumbel else 1, SLOTS, dtype=torch.float64)
        """with gumbel, logits and noise of the roots"""
        self.plan = self.zeros(games if settings.gumbel else 1, settings.sims, dtype=torch.int32)
        """with gumbel, visits that an action of the root must have in each simulation"""

    def zeros(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return a tensor of zeros on the device."""
        return torch.zeros(shape, dtype=dtype, device=self.device)

    @property
    def overflow(self) -> int:
        """Walks that were cut off at `depth` since the search started. Waits for the device."""
        return int(self.overflowed)

    def upload(self, array: np.ndarray) -> Tensor:
        """Copy a host array to the device, in stream order: the host does not wait."""
        copy = torch.tensor(array)
        return copy if self.device.type == "cpu" else copy.pin_memory().to(self.device, non_blocking=True)

    # --- the start of a search ----------------------------------------------------------------

    def start(self, rows: Tensor, evaluator: Evaluator, sims: int, draws: np.ndarray | None) -> None:
        """Evaluate the roots and mix in their noise. draws: [N, SLOTS], see `Trees`."""
        self.n = len(rows)
        rows = torch.cat((rows.to(self.device), self.finished_rows(self.games - self.n)))
        actions, counts = legal_actions(rows)
        prior, value = evaluate(evaluator, rows, actions)
        kept = self.is_kept & (self.state[self.root_row] == rows).all(1)
        self.write(self.root_row, rows, actions, prior, value, kept)
        self.row_visits[self.root_row] = torch.where(kept, self.row_visits[self.root_row], 1)
        self.used.copy_(torch.where(kept, self.used, 1))
        self.is_kept.zero_()
        self.overflowed.zero_()
        self.levels = max(self.levels - 1, 0) if self.may_keep else 0
        self.may_keep = False
        if draws is not None:
            draws = np.pad(draws, ((0, self.games - self.n), (0, 0)))
        self.add_noise(counts, sims, None if draws is None else self.upload(draws))

    def add_noise(self, counts: Tensor, sims: int, draws: Tensor | None) -> None:
        """Mix the noise into the priors of the roots; with gumbel, make their scores and plan."""
        roots = self.root_row
        if self.settings.gumbel:
            scores = log_priors(self.prior[roots])
            self.scores.copy_(scores if draws is None else scores + draws)
            plan = self.upload(plan_of_halving(sims))
            self.plan[:, :sims] = plan[counts.clamp(max=CONSIDERED)]
        elif draws is not None:
            noise = self.settings.noise
            self.prior[roots] = mix_noise(self.prior[roots], self.actions[roots], draws, noise)

    def finished_rows(self, n: int) -> Tensor:
        """Return rows [n, 4] for trees without a game."""
        meta = torch.full((n, 1), DRAWN << OUTCOME_SHIFT, dtype=torch.int64, device=self.device)
        return torch.cat((self.zeros(n, 3, dtype=torch.int64), meta), 1)

    def write(
        self, row: Tensor, state: Tensor, actions: Tensor, prior: Tensor, value: Tensor, kept: Tensor | None
    ) -> None:
        """Reset rows [G] to no visits; those of `kept` trees stay as they are."""
        for array, numbers in zip(self.of_rows(), (state, actions, prior, value, 0, 0, 0, 0, 0), strict=True):
            if kept is not None:
                keeps = kept if array.ndim == 1 else kept[:, None]
                numbers = torch.where(keeps, array[row], numbers)
            array[row] = numbers

    def of_rows(self) -> tuple[Tensor, ...]:
        """Return the arrays with an entry per row, except `parent`, in the order of `write`."""
        of_actions = (self.child, self.visits, self.sums)
        return self.state, self.actions, self.prior, self.value, *of_actions, self.row_visits, self.seen

    # --- a simulation -------------------------------------------------------------------------

    def simulate(self, evaluator: Evaluator) -> None:
        """Add a leaf to each tree, and add its value along the path to it."""
        walk = self.walk()
        self.absorb(walk, *evaluate(evaluator, walk.state, walk.actions))

    def walk(self) -> Walk:
        """Walk down each tree to a leaf, and make its state."""
        self.levels = min(self.levels + 1, self.depth)
        row, parent = self.root_row, self.root_row
        last_slot = torch.zeros_like(row)
        is_walking = outcomes(self.state[row]) == GOING
        is_new = torch.zeros_like(is_walking)
        path_row, path_slot = [], []
        for level in range(self.levels):
            slot = self.choose(row, level == 0)
            path_row.append(torch.where(is_walking, row, self.bin))
            path_slot.append(slot)
            parent = torch.where(is_walking, row, parent)
            last_slot = torch.where(is_walking, slot, last_slot)
            child = self.child[row, slot].to(torch.int64)
            is_new = is_new | (is_walking & (child == NO_CHILD))
            is_walking = is_walking & (child != NO_CHILD)
            row = torch.where(is_walking, self.root_row + child, row)
            is_walking = is_walking & (outcomes(self.state[row]) == GOING)
            if self.stops_early and not bool(is_walking.any()):
                break
        self.overflowed += is_walking.sum()
        made = step_rows(self.state[parent], self.actions[parent, last_slot])
        state = torch.where(is_new[:, None], made, self.state[row])
        path = torch.stack(path_row, 1), torch.stack(path_slot, 1)
        return Walk(state, legal_actions(state)[0], is_new, row, parent, last_slot, *path)

    def choose(self, row: Tensor, is_root: bool) -> Tensor:
        """Return the slot [G] of the action that the next simulation takes in each row [G]."""
        prior, visits, sums = self.prior[row], self.visits[row], self.sums[row]
        value, actions, sign = self.value[row], self.actions[row], mover_signs(self.state[row])
        is_legal = actions != EMPTY_SLOT
        if self.settings.gumbel:
            merit = scaled_values(visits, sums, prior, value, sign)
            if is_root:
                merit = merit + self.scores
                wanted = self.plan.gather(1, (self.row_visits[row] - 1).to(torch.int64)[:, None])
                is_legal = is_legal & (visits == wanted)
            else:
                policy = improved_policy(prior, merit, actions)
                merit = policy - visits.to(torch.float64) / (1 + visits.sum(1))[:, None]
        else:
            root = self.row_visits[row].to(torch.float32).sqrt()
            unvisited = torch.zeros_like(value)
            if self.settings.fpu is not None:
                unvisited = sign * value - _f32(self.settings.fpu) * self.seen[row].sqrt()
            n = visits.to(torch.float32)
            q = torch.where(n > 0, sign[:, None] * sums / n, unvisited[:, None])
            merit = q + _f32(self.settings.c) * prior * root[:, None] / (1.0 + n)
        return torch.where(is_legal, merit, -math.inf).argmax(1)

    def absorb(self, walk: Walk, prior: Tensor, value: Tensor) -> None:
        """Store the evaluator's answer in new leaves, and add the value of each leaf along its path."""
        # The next free row is written in every tree, and is used only if the leaf is new.
        new = self.root_row + self.used
        self.write(new, walk.state, walk.actions, prior, value, None)
        self.parent[new] = (walk.parent - self.root_row).to(torch.int16)
        edge = walk.parent, walk.slot
        self.child[edge] = torch.where(walk.is_new, self.used.to(torch.int16), self.child[edge])
        self.seen[walk.parent] += torch.where(walk.is_new, self.prior[edge], 0.0)
        self.used += walk.is_new
        final = final_values(walk.state, self.settings.beta, self.settings.draw_scale)
        value = torch.where(outcomes(walk.state) == GOING, value, final)
        # Up the path: one addition per row, since a path visits no row twice.
        leaf = torch.where(walk.is_new, new, walk.row)
        path = walk.path_row, walk.path_slot
        self.visits[path] += 1
        self.sums[path] += value[:, None]
        self.row_visits[walk.path_row] += 1
        self.row_visits[leaf] += 1

    # --- the end of a search ------------------------------------------------------------------

    def root(self) -> RootStatistics:
        """Return the statistics of the roots."""
        roots = self.root_row[: self.n]
        return RootStatistics(
            rows=self.state[roots],
            actions=self.actions[roots],
            prior=self.prior[roots],
            visits=self.visits[roots],
            sums=self.sums[roots],
            row_visits=self.row_visits[roots],
            value=self.value[roots],
            scores=self.scores[: self.n] if self.settings.gumbel else None,
        )

    def advance(self, slots: Tensor) -> None:
        """Keep one action's subtree in each tree for the next search; see `Arena.advance`."""
        none = torch.full((self.games - len(slots),), -1, dtype=torch.int64, device=self.device)
        slots = torch.cat((slots.to(self.device), none))
        top = torch.where(slots >= 0, self.child[self.root_row, slots.clamp(min=0)].to(torch.int64), NO_CHILD)
        is_below = self.rows_below(top)
        n = is_below.sum(1)
        self.is_kept.copy_((n > 0) & (n <= self.settings.tree_rows - self.settings.sims))
        self.used.copy_(torch.where(self.is_kept, n, self.used))
        self.may_keep = True
        # Kept rows get numbers in their order, and new place k takes the row with number k.
        number = is_below.cumsum(1) - 1
        places = torch.where(is_below, number, self.size)
        rows = torch.arange(self.size, device=self.device).expand(self.games, -1)
        source = self.zeros(self.games, self.size + 1, dtype=torch.int64).scatter(1, places, rows)[:, :-1]
        source = (self.root_row[:, None] + source).flatten()
        for array in (*self.of_rows(), self.parent):
            array.copy_(array[source])
        for array in (self.child, self.parent):
            old = array.view(self.games, -1).to(torch.int64)
            array.copy_(torch.where(old == NO_CHILD, 0, number.gather(1, old)).view_as(array))

    def rows_below(self, top: Tensor) -> Tensor:
        """Return bool [G, S]: True for the row `top` [G] of each tree and all below it; none for NO_CHILD."""
        rows = torch.arange(self.size, device=self.device)
        is_below = (rows == top[:, None]) & (top != NO_CHILD)[:, None]
        # By pointer doubling: after round k a row has seen its 2^k nearest ancestors.
        ancestor = self.parent.view(self.games, -1).to(torch.int64)
        for _ in range(self.size.bit_length()):
            is_below = is_below | is_below.gather(1, ancestor)
            ancestor = ancestor.gather(1, ancestor)
        return is_below & (rows < self.used[:, None])


def _f32(number: float) -> float:
    """Return a number rounded to float32, by which the other implementations multiply too."""
    return float(np.float32(number))
