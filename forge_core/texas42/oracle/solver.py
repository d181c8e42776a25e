"""The door to the oracle: solve a deal completely, then ask it anything.

V is the value-to-go: future points of team 0 minus team 1 under best play by all four
with all hands seen. Q[slot] is the same after that slot is played, points of the trick it
closes included; -128 marks an illegal slot. Both always from team 0's side.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from forge_core.device import core_count, device_name, resolve_device
from forge_core.errors import BadInput
from forge_core.texas42.deals import Deal, check_deal, check_leader
from forge_core.texas42.declarations import check_declaration
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.oracle.cpu import solve_boundaries
from forge_core.texas42.oracle.states import Sample, label_all_states, query_states, sample_states
from forge_core.texas42.state import States, initial_state
from forge_core.texas42.tables import DealTables, deal_tables

ORACLE_VERSION = "o1"
"""Raised when results change, not when they come faster."""


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A solved deal: every position that can occur, and what each is worth."""

    hands: Deal
    """[4, 7] int8 domino ids, ascending in each hand"""
    decl: int
    leader: int
    device: str
    """what solved it: `cpu`, or `cuda:0 (NAME)`"""
    seconds: float
    """wall time of its solve; in a batch, its share"""
    states_per_ply: list[int]
    """29 counts of reachable states, by plays made"""
    _tables: DealTables
    _values: npt.NDArray[np.int8]
    _reached: npt.NDArray[np.uint64]

    @property
    def value(self) -> int:
        """V at the root, even: team 0 takes (42 + V) / 2 points."""
        return int(self.query(initial_state(self.leader))[0][0])

    @property
    def q(self) -> list[int]:
        """Q of the leader's seven slots at the root."""
        return self.query(initial_state(self.leader))[1][0].tolist()

    def query(self, states) -> tuple:
        """V int8 [S] and Q int8 [S, 7] of packed states [S] (array or tensor; so are the answers).

        Raises StateUnreachable for a malformed state or one that cannot occur in this deal.
        """
        if type(states).__module__.partition(".")[0] != "torch":
            return query_states(self._tables, self._values, self._reached, states)
        import torch

        answers = query_states(self._tables, self._values, self._reached, states.cpu().numpy())
        value, q = (torch.from_numpy(answer).to(states.device) for answer in answers)
        return value, q

    def all_states(self) -> States:
        """Every reachable state, terminals included: sorted int64 [sum of states_per_ply]."""
        return self.label_all()[0]

    def label_all(self) -> tuple[States, npt.NDArray[np.int8], npt.NDArray[np.int8]]:
        """`all_states` with their V int8 [S] and Q int8 [S, 7], faster than by `query`."""
        return label_all_states(self._tables, self._values, self._reached, np.array(self.states_per_ply))

    def sample(self, rows: int, generator: np.random.Generator) -> Sample:
        """`rows` states stratified by ply 0..27, without replacement, with weights."""
        return sample_states(self._tables, self._reached, np.array(self.states_per_ply), rows, generator)


def solve(
    hands: Sequence[Sequence[int]] | npt.NDArray, decl: int, leader: int = 0, device: str = "auto"
) -> Solution:
    """Solve one deal completely.

    hands [4][7] domino ids; decl 0..9; leader the seat that leads the first trick.
    Raises BadInput for what is no deal, DeviceUnavailable for a device that is not here.
    """
    return next(solve_many([hands], [decl], [leader], device=device, workers=1))


def solve_many(
    hands: Sequence | npt.NDArray,
    decls: Sequence[int],
    leaders: Sequence[int] | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> Iterator[Solution]:
    """Solve D deals, in the order given; a few are under way while one is handed out.

    hands [D][4][7], decls [D], leaders [D] (default: seat 0). On a CPU one deal a thread,
    `workers` of them (default: one a core); on CUDA in batches. All deals are checked
    before the first is solved. Raises as `solve`.
    """
    leaders = [0] * len(hands) if leaders is None else leaders
    if not len(hands) == len(decls) == len(leaders):
        raise BadInput(
            f"{len(hands)} deals, {len(decls)} declarations, {len(leaders)} leaders: give one of each"
        )
    where = resolve_device(device)
    problems = [
        (check_deal(deal), check_declaration(decl), check_leader(leader))
        for deal, decl, leader in zip(hands, decls, leaders, strict=True)
    ]
    if where == "cpu":
        return _solve_on_cpu(problems, workers or core_count())
    from forge_core.texas42.oracle.cuda import solve_batches

    return solve_batches(problems, where, device_name(where))


def hardness(deal: Deal, decl: int) -> float:
    """A cheap guess at how many states a deal has: greater is harder, for starting the hard ones first.

    The mean over all leads and answering seats of log(legal answers), where a seat that
    cannot follow may play all seven: correlates 0.85 or more with the log of the state count
    (200 deals; the counts differ 30-fold).
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
    values, reached, states_per_ply = solve_boundaries(tables, leader)
    seconds = time.perf_counter() - started
    return Solution(deal, decl, leader, "cpu", seconds, states_per_ply.tolist(), tables, values, reached)
