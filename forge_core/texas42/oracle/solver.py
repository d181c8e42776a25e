"""The entry point of the oracle: solve deals completely, on a CPU or on CUDA."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import numpy.typing as npt

from forge_core.device import device_name, resolve_device, worker_count
from forge_core.errors import BadInput
from forge_core.texas42.deals import Deal, check_deal, check_leader
from forge_core.texas42.declarations import check_declaration
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.oracle.cpu import solve_boundaries
from forge_core.texas42.oracle.solution import Solution
from forge_core.texas42.state import initial_state
from forge_core.texas42.tables import deal_tables

ORACLE_VERSION = "o1"
"""Raised when results change, not when they are computed faster"""


def solve(
    hands: Sequence[Sequence[int]] | npt.NDArray, decl: int, leader: int = 0, device: str = "auto"
) -> Solution:
    """Solve one deal completely.

    hands: [4][7] domino ids. decl: 0..9. leader: the seat that leads the first trick. Raises BadInput
    for invalid arguments, DeviceUnavailable for a device that this machine does not have.
    """
    return next(solve_many([hands], [decl], [leader], device=device, workers=1))


def solve_many(
    hands: Sequence | npt.NDArray,
    decls: Sequence[int],
    leaders: Sequence[int] | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> Iterator[Solution]:
    """Solve D deals and yield them in the given order, working a few deals ahead.

    hands: [D][4][7]. decls: [D]. leaders: [D] (default: seat 0). On a CPU, each of `workers` threads
    (default: one per core) solves one deal at a time; on CUDA, deals are solved in batches. All
    arguments are checked before the first deal is solved. Raises like `solve`.
    """
    leaders = [0] * len(hands) if leaders is None else leaders
    if not len(hands) == len(decls) == len(leaders):
        raise BadInput(
            f"{len(hands)} deals, {len(decls)} declarations, {len(leaders)} leaders: give one per deal"
        )
    where = resolve_device(device)
    problems = [
        (check_deal(deal), check_declaration(decl), check_leader(leader))
        for deal, decl, leader in zip(hands, decls, leaders, strict=True)
    ]
    if where == "cpu":
        return _solve_on_cpu(problems, worker_count(workers))
    from forge_core.texas42.oracle.cuda import solve_batches

    return solve_batches(problems, where, device_name(where))


def hardness(deal: Deal, decl: int) -> float:
    """Estimate how many states a deal has, cheaply: greater means harder. Used to start hard deals first.

    The mean over all leads and answering seats of log(legal answers), where a seat that cannot follow
    may play all seven. It correlates 0.85 or more with the log of the number of states (200 deals; the
    numbers differ 30-fold).
    """
    answers = np.bitwise_count(deal_tables(deal, decl).follow[:, :, 1:])
    return float(np.log(np.where(answers == 0, HAND_SIZE, answers)).mean())


def _solve_on_cpu(problems: list[tuple[Deal, int, int]], workers: int) -> Iterator[Solution]:
    if workers == 1:
        yield from (_solve_one(*problem) for problem in problems)
        return
    with ThreadPoolExecutor(workers, "solve") as pool:
        started = (pool.submit(_solve_one, *problem) for problem in problems)
        under_way = deque(islice(started, workers + 1))
        while under_way:
            solution = under_way.popleft().result()
            under_way.extend(islice(started, 1))
            yield solution


def _solve_one(deal: Deal, decl: int, leader: int) -> Solution:
    started = time.perf_counter()
    tables = deal_tables(deal, decl)
    values, reached, states_per_ply = solve_boundaries(tables, initial_state(leader))
    seconds = time.perf_counter() - started
    return Solution(deal, decl, leader, "cpu", seconds, states_per_ply.tolist(), tables, values, reached)
