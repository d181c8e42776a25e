"""Benchmark of worlds: the cost of counting, drawing and building one, after ten million are checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.cli.clocks import best_time, clock_name
from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.games import start
from forge_core.texas42.worlds.count import completions
from forge_core.texas42.worlds.sample import Worlds, unrank
from forge_core.texas42.worlds.voids import N_HIDDEN, Unseen, unseen

N_LOOKED_AT = 10_000_000
"""number of worlds whose dominoes are all checked"""
N_AT_ONCE = 200_000
"""worlds checked at a time, about 4 MB"""
FEWEST, MOST = 5, 3_000
"""uniformity is tested at positions with at least FEWEST and at most MOST worlds"""
DRAWS_PER_WORLD = 10
"""expected draws of each world; the chi-square test needs at least 5"""
ALPHA, TOO_RARE = 0.01, 1e-3
"""the level of each test, and the smallest acceptable probability of the number of rejections"""
FIRST_COUNT = 399_072_960
"""21! / (7!)^3"""
BATCHES = ((32, 100), (32, 1000), (1024, 50))
"""(number of games, worlds per game)"""
N_REPEATS = 7
"""number of runs, of which the fastest counts"""
LIMIT = 333.0
"""maximum nanoseconds per world, that is three million worlds per second"""


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure the cost of worlds at positions of random games of `seeds`.

    Uses one thread and CPU seconds on a CPU, and wall seconds on CUDA. Raises AssertionError if a world
    is invalid or worlds are not uniform.
    """
    device = resolve_device(device)
    at_step = random_games(seeds)
    check_counts(at_step[0])
    n_looked_at = check_validity(at_step, device)
    n_tested, n_rejected = check_uniformity(at_step, device)
    figures = [
        Figure(f"{label}, {n:,} x {m:,}", time_worlds(hidden, n, m, device), clock_name(device), limit)
        for label, hidden, limit in (
            ("21 unseen", at_step[0], LIMIT),
            ("21, some barred", barred(at_step[0]), LIMIT),
            ("12 unseen", at_step[12], None),
        )
        for n, m in BATCHES
    ]
    return Benchmark(
        subject="worlds",
        conditions=conditions(
            device,
            "ways int32, numbers int64, worlds int8 [N, M, U]",
            f"{len(seeds)} random games; time per world for games x worlds, including counting, "
            f"best of {N_REPEATS}",
            ("numba", "numpy", "torch"),
        ),
        held=(
            f"there are {FIRST_COUNT:,} worlds before the first play",
            f"none of {n_looked_at:,} drawn worlds is invalid",
            f"draws are uniform over all worlds: chi-square tests at {ALPHA:g} reject {n_rejected} of "
            f"{n_tested} positions with {FEWEST} to {MOST:,} worlds",
        ),
        figures=tuple(figures),
    )


def random_games(seeds: list[int]) -> list[Unseen]:
    """Return the unseen dominoes of the movers at each of the 28 steps of random games, one per seed."""
    games = start([deal_from_seed(seed) for seed in seeds], [seed % N_DECLARATIONS for seed in seeds])
    rng, positions = stream(seeds[0], "bench worlds", "plays"), []
    while not games.over:
        views = games.views
        positions.append(unseen(views))
        games = games.play((rng.random(views.legal.shape) * views.legal).argmax(axis=1))
    return positions


def barred(hidden: Unseen) -> Unseen:
    """Return the same positions, with one seat barred from holding each of a random fifth of the dominoes."""
    rng, shape = stream(0, "bench worlds", "barred"), hidden.allowed.shape
    masks = np.where(rng.random(shape) < 0.2, rng.choice([0b011, 0b101, 0b110], shape), hidden.allowed)
    return Unseen(hidden.dominoes, masks.astype(np.uint8), hidden.need)


def check_counts(hidden: Unseen) -> None:
    """Raise AssertionError unless there are 21! / (7!)^3 worlds before the first play."""
    counts = completions(hidden).counts
    if (counts != FIRST_COUNT).any():
        wrong = counts[counts != FIRST_COUNT][0]
        raise AssertionError(f"{wrong} worlds with 21 dominoes unseen instead of {FIRST_COUNT:,}")


def check_validity(at_step: list[Unseen], device: str) -> int:
    """Draw and check ten million worlds and return their number. Raises AssertionError if one is invalid."""
    done = 0
    per_position = -(-N_LOOKED_AT // (N_PLAYS * len(at_step[0])))
    for step, hidden in enumerate(at_step):
        worlds = Worlds(hidden, draw_keys("valid", step, len(hidden)), device)
        size = max(1, N_AT_ONCE // len(hidden))
        for first in range(0, per_position, size):
            owner = draw(worlds, first, min(size, per_position - first)).cpu().numpy()
            if invalid(hidden, owner).any():
                raise AssertionError(f"an invalid world at step {step}")
            done += owner.shape[0] * owner.shape[1]
    return done


def invalid(hidden: Unseen, owner: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """Return [N, M] bool: True for worlds [N, M, U] that break a void or give a seat a wrong number."""
    barred = (hidden.allowed[:, None] >> owner.astype(np.uint8) & 1 == 0).any(axis=2)
    for seat in range(N_HIDDEN):
        barred |= (owner == seat).sum(axis=2, dtype=np.int8) != hidden.need[:, seat, None]
    return barred


def check_uniformity(at_step: list[Unseen], device: str) -> tuple[int, int]:
    """Test with chi-square whether draws are uniform over all worlds.

    Returns the numbers of tested and rejected positions. Raises AssertionError if there are more
    rejections than chance explains.
    """
    n_tested = n_rejected = 0
    for step, hidden in enumerate(at_step):
        counts = completions(hidden).counts
        some = np.flatnonzero((counts >= FEWEST) & (counts <= MOST) & (hidden.allowed != 7).any(axis=1))
        keys = draw_keys("uniform", step, len(hidden))
        for n in some:
            one = hidden.take([n])
            table, count = completions(one), counts[n]
            all_worlds = codes(unrank(table, np.arange(count)[None])[0])
            drawn = codes(
                draw(Worlds(one, keys[[n]], device), 0, int(DRAWS_PER_WORLD * count)).cpu().numpy()[0]
            )
            if len(np.unique(all_worlds)) != count or not np.isin(drawn, all_worlds).all():
                raise AssertionError(f"a position at step {step} does not have each of its worlds once")
            times = np.bincount(np.searchsorted(np.sort(all_worlds), drawn), minlength=count)
            n_tested, n_rejected = n_tested + 1, n_rejected + (uniformity(times) < ALPHA)
    if chance_of(n_rejected, n_tested, ALPHA) < TOO_RARE:
        raise AssertionError(f"uniformity is rejected at {n_rejected} of {n_tested} positions")
    return n_tested, n_rejected


def codes(owner: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Encode worlds [M, U] as integers [M]; different worlds get different integers."""
    return owner.astype(np.int64) @ N_HIDDEN ** np.arange(owner.shape[1], dtype=np.int64)


def uniformity(times: npt.NDArray[np.int64]) -> float:
    """Return the p-value of Pearson's chi-square test for equal probabilities."""
    import torch

    expected = times.sum() / len(times)
    statistic = ((times - expected) ** 2).sum() / expected
    half = torch.tensor([(len(times) - 1) / 2, statistic / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(half[0], half[1]))


def chance_of(k: int, n: int, p: float) -> float:
    """Return the probability that at least k of n independent events occur, each with probability p."""
    from math import comb

    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def draw_keys(name: str, step: int, n: int) -> npt.NDArray[np.uint64]:
    """Draw n keys for the positions of a step."""
    return stream(step, "bench worlds", name).integers(2**64, size=n, dtype=np.uint64)


def draw(worlds: Worlds, first: int, m: int) -> Any:
    """Draw worlds first..first + m - 1 of every position, a tensor int8 [N, M, U]."""
    games = np.arange(len(worlds.count))
    return worlds.owner(games, worlds.ranks(games, first, m, np.zeros(len(games), dtype=np.bool_)))


def time_worlds(hidden: Unseen, n: int, m: int, device: str) -> float:
    """Return the best time in nanoseconds per world for counting, drawing and building n x m worlds."""
    positions, keys = hidden.take(np.arange(n) % len(hidden)), draw_keys("speed", 0, n)
    seconds = best_time(lambda: draw(Worlds(positions, keys, device), 0, m), device, N_REPEATS)
    return seconds / (n * m) * 1e9
