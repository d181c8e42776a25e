"""Solve deals on a CUDA device in batches: the device solves the next batch while the last is read out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from forge_core.texas42.deals import Deal
from forge_core.texas42.oracle.cuda.device import LANES
from forge_core.texas42.oracle.cuda.solution import CudaSolution
from forge_core.texas42.oracle.cuda.solving import SolvedBatch, solve_boundaries
from forge_core.texas42.oracle.solution import Solution
from forge_core.texas42.state import initial_state
from forge_core.texas42.tables import DealTables, deal_tables

BATCH = 16
"""Deals solved together: their larger levels fill any device; each takes 110 MB of its memory"""


class _Batch(NamedTuple):
    """Deals that the device may still be solving."""

    problems: Sequence[tuple[Deal, int, int]]
    tables: list[DealTables]
    solved: SolvedBatch
    states_per_ply: torch.Tensor
    """[D, 29] int32 on the host, valid once `ended` has happened"""
    began: torch.cuda.Event
    ended: torch.cuda.Event


def solve_batches(
    problems: Sequence[tuple[Deal, int, int]], device: str, name: str, batch: int = BATCH, lanes: int = LANES
) -> Iterator[Solution]:
    """Solve (deal, declaration, leader) problems on `cuda:N` and yield them in the given order.

    While the caller reads one batch, the device solves the next. name: the device name recorded in
    the solutions. batch: deals solved together. lanes: lanes per program.
    """
    under_way: deque[_Batch] = deque()
    for first in range(0, len(problems), batch):
        under_way.append(_begin(problems[first : first + batch], device, lanes))
        if len(under_way) > 1:
            yield from _finish(under_way.popleft(), name)
    while under_way:
        yield from _finish(under_way.popleft(), name)


def _begin(problems: Sequence[tuple[Deal, int, int]], device: str, lanes: int) -> _Batch:
    with torch.cuda.device(device):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        tables = [deal_tables(deal, decl) for deal, decl, _ in problems]
        began.record()
        roots = np.array([initial_state(leader) for _, _, leader in problems])
        solved = solve_boundaries(tables, roots, device, lanes)
        counts = torch.empty(solved.states_per_ply.shape, dtype=torch.int32, pin_memory=True)
        counts.copy_(solved.states_per_ply, non_blocking=True)
        ended.record()
    return _Batch(problems, tables, solved, counts, began, ended)


def _finish(batch: _Batch, name: str) -> Iterator[Solution]:
    batch.ended.synchronize()
    seconds = batch.began.elapsed_time(batch.ended) / 1000 / len(batch.problems)
    yield from solutions(batch.problems, batch.tables, batch.solved, batch.states_per_ply, name, seconds)


def solutions(
    problems: Sequence[tuple[Deal, int, int]],
    tables: Sequence[DealTables],
    solved: SolvedBatch,
    states_per_ply: torch.Tensor,
    name: str,
    seconds: float,
) -> Iterator[CudaSolution]:
    """Yield the deals of a solved batch one by one. states_per_ply: [D, 29] on the host."""
    for i, ((deal, decl, leader), counts) in enumerate(zip(problems, states_per_ply.tolist(), strict=True)):
        of_deal = (getattr(solved, field)[i] for field in ("values", "reached", "follow", "tricks", "ends"))
        yield CudaSolution(deal, decl, leader, name, seconds, counts, tables[i], *of_deal)
