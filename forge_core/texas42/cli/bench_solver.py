"""Benchmark of the solver: seconds per deal, memory, rows of training data, and single positions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import numpy as np

from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.files import Store
from forge_core.meters import peak_memory
from forge_core.streams import stream
from forge_core.texas42.deals import Deal, deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.oracle import Solution, solve, solve_many
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.shards import DEFAULT_ROWS, ShardConfig, ShardKey, make_shard, write_shard
from forge_core.texas42.state import States, advance, initial_state, legal_slots
from forge_core.texas42.tables import deal_tables

GOLDEN = {0: (42, 7_607_411), 1: (38, 5_181_785), 8: (40, 24_697_331), 9: (20, 28_070_311)}
"""(V at the root, reachable states) by seed, with declaration seed % 10, from published engines"""

POSITIONS = {7: 1, 6: 10, 5: 50, 4: 200, 3: 500}
"""number of positions per deal for root_q, reached by random play, by number of tricks left"""

POSITION_LIMITS = {7: 20.0, 5: 0.5}
"""maximum milliseconds per position, by number of tricks left"""


@dataclass(frozen=True, slots=True)
class Problem:
    """S positions of one deal, with their Q from the full solution."""

    hands: Deal
    decl: int
    states: States
    q: np.ndarray
    """[S, 7] int8"""


def measure(seeds: list[int], device: str) -> Benchmark:
    """Solve each seed with declaration seed % 10. Raises AssertionError if a value is wrong.

    Uses one thread and CPU seconds on a CPU; on CUDA, one call for all deals and wall seconds.
    """
    device = resolve_device(device)
    warm_up_seed = min(GOLDEN, key=lambda seed: GOLDEN[seed][1])
    warm_up(warm_up_seed, device)
    solve_seconds, row_seconds, n_states = [], [], []
    problems: dict[int, list[Problem]] = {tricks: [] for tricks in POSITIONS}
    with TemporaryDirectory() as folder:
        for seed, solution, seconds in solve_all(seeds, device):
            check_golden(seed, solution)
            solve_seconds.append(seconds)
            n_states.append(sum(solution.states_per_ply))
            row_seconds.append(time_rows(Store(folder), seed, solution))
            for tricks, n in POSITIONS.items():
                states = random_positions(solution, tricks, n, seed)
                q = solution.query(states)[1]
                problems[tricks].append(Problem(solution.hands, solution.decl, states, q))
    peak = peak_memory()
    position_seconds = {tricks: time_positions(asked) for tricks, asked in problems.items()}

    on_cpu = device == "cpu"
    mean = float(np.mean(solve_seconds))
    n_positions = len(seeds) * sum(POSITIONS.values())
    millions = np.array(n_states) / 1e6
    figures = [
        Figure("solve a deal, mean", mean, "s", 0.35 if on_cpu else None),
        *([Figure("solve a deal, worst", max(solve_seconds), "s", 1.0)] if on_cpu else []),
        Figure("states solved per second", float(millions.mean()) / mean, "million"),
        *([Figure("peak memory of the process", peak / 1e6, "MB", 600.0)] if on_cpu else []),
        Figure(f"draw, label, write {DEFAULT_ROWS:,} rows", float(np.mean(row_seconds)), "CPU s", 0.25),
        *(
            Figure(f"root_q, {tricks} tricks left", 1e3 * seconds, "CPU ms", POSITION_LIMITS.get(tricks))
            for tricks, seconds in position_seconds.items()
        ),
    ]
    return Benchmark(
        subject="solver",
        conditions=conditions(
            device,
            "values int8, states int64",
            f"{len(seeds)} deals of {millions.min():.1f} to {millions.max():.1f} million states, "
            f"mean {millions.mean():.1f}; {DEFAULT_ROWS:,} rows of each; {n_positions:,} positions",
            ("numba", "llvmlite", "numpy", "pyarrow"),
            wall="one batch, wall seconds",
        ),
        held=(
            f"V and state counts of {len({warm_up_seed, *seeds} & set(GOLDEN))} golden deals are right",
            f"alpha-beta and the full solution agree on all Q of {n_positions:,} positions",
        ),
        figures=tuple(figures),
    )


def warm_up(seed: int, device: str) -> None:
    """Compile everything that is measured, or load it from the cache, using a golden deal."""
    solution = solve(deal_from_seed(seed), seed % N_DECLARATIONS, device=device)
    check_golden(seed, solution)
    with TemporaryDirectory() as folder:
        time_rows(Store(folder), seed, solution)
    root_q(solution.hands, solution.decl, states=random_positions(solution, 3, 1, 0), workers=1)


def solve_all(seeds: list[int], device: str) -> Iterator[tuple[int, Solution, float]]:
    """Yield each seed with its solution and its cost in CPU seconds, or on CUDA its share of wall time."""
    deals, decls = [deal_from_seed(seed) for seed in seeds], [seed % N_DECLARATIONS for seed in seeds]
    if device == "cpu":
        for seed, deal, decl in zip(seeds, deals, decls, strict=True):
            started = time.process_time()
            solution = solve(deal, decl, device=device)
            yield seed, solution, time.process_time() - started
    else:
        started = time.perf_counter()
        solutions = list(solve_many(deals, decls, device=device))
        share = (time.perf_counter() - started) / len(seeds)
        yield from ((seed, solution, share) for seed, solution in zip(seeds, solutions, strict=True))


def check_golden(seed: int, solution: Solution) -> None:
    """Raise AssertionError if a solution differs from the results of published engines."""
    found = solution.value, sum(solution.states_per_ply)
    if found != GOLDEN.get(seed, found):
        raise AssertionError(f"seed {seed}: {found} instead of {GOLDEN[seed]}")


def time_rows(store: Store, seed: int, solution: Solution) -> float:
    """Return the CPU seconds to draw, label and write the default rows of a solved deal."""
    started = time.process_time()
    write_shard(store, make_shard(solution, ShardKey(seed, solution.decl), ShardConfig()))
    return time.process_time() - started


def random_positions(solution: Solution, tricks: int, n: int, seed: int) -> States:
    """Return n positions [n] with `tricks` tricks left, each reached by random play from the root."""
    rng = stream(seed, "bench positions", tricks)
    tables = deal_tables(solution.hands, solution.decl)
    states = np.full(n, initial_state(solution.leader))
    for _ in range(N_SEATS * (HAND_SIZE - tricks)):
        legal = legal_slots(states, tables)[:, None] >> np.arange(HAND_SIZE) & 1
        states, _ = advance(states, (legal * rng.random(legal.shape)).argmax(axis=1), tables)
    return states


def time_positions(problems: list[Problem]) -> float:
    """Return the CPU seconds per position for one batch of root_q on one thread.

    Neighbours in the batch come from different deals, like the worlds of E[Q], so none benefits from the
    previous one's table entries. Raises AssertionError if a Q is wrong.
    """
    n = len(problems[0].states)
    hands = np.tile([problem.hands for problem in problems], (n, 1, 1))
    decls = np.tile([problem.decl for problem in problems], n)
    states = np.stack([problem.states for problem in problems], axis=1).ravel()
    expected = np.stack([problem.q for problem in problems], axis=1).reshape(-1, HAND_SIZE)
    started = time.process_time()
    q = root_q(hands, decls, states=states, workers=1)
    seconds = time.process_time() - started
    wrong = (q != expected).any(axis=1)
    if wrong.any():
        raise AssertionError(f"root_q and solve differ in state {states[wrong][0]}")
    return seconds / len(states)
