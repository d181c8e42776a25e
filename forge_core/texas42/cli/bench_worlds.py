"""The cost of a world: counted, drawn and built. Before that ten million are checked and tested."""

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
"""worlds of which every domino is checked"""
N_AT_ONCE = 200_000
"""worlds checked at a time: about 4 MB"""
FEWEST, MOST = 5, 3_000
"""numbers of worlds of the positions that are tested for uniformity"""
DRAWS_PER_WORLD = 10
"""expected draws of each world; the chi-square test needs at least 5"""
ALPHA, TOO_RARE = 0.01, 1e-3
"""the level of each test, and the smallest acceptable probability of so many rejections"""
FIRST_COUNT = 399_072_960
"""21! / (7!)^3"""
BATCHES = ((32, 100), (32, 1000), (1024, 50))
"""games, worlds of each"""
N_REPEATS = 7
"""of which the fastest counts"""
LIMIT = 333.0
"""nanoseconds per world: three million per second"""


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure on positions of random games of `seeds`.

    On a CPU one thread, in CPU seconds; on CUDA in wall seconds. Raises AssertionError if a world is
    invalid or the worlds are not uniform.
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
            f"{len(seeds)} random games; time per world of games x worlds, counting included, "
            f"best of {N_REPEATS}",
            ("numba", "numpy", "torch"),
        ),
        held=(
            f"{FIRST_COUNT:,} worlds before the first play",
            f"none of {n_looked_at:,} drawn worlds is invalid",
            f"uniform over all worlds: chi-square at {ALPHA:g} rejects {n_rejected} of {n_tested} positions "
            f"with {FEWEST} to {MOST:,} worlds",
        ),
        figures=tuple(figures),
    )


def random_games(seeds: list[int]) -> list[Unseen]:
    """Return [28] the unseen dominoes of the movers of random games, one position per seed at each step."""
    games = start([deal_from_seed(seed) for seed in seeds], [seed % N_DECLARATIONS for seed in seeds])
    rng, positions = stream(seeds[0], "bench worlds", "plays"), []
    while not games.over:
        views = games.views
        positions.append(unseen(views))
        games = games.play((rng.random(views.legal.shape) * views.legal).argmax(axis=1))
    return positions


def barred(hidden: Unseen) -> Unseen:
    """Return the same positions with a seat barred from a fifth of the dominoes."""
    rng, shape = stream(0, "bench worlds", "barred"), hidden.allowed.shape
    masks = np.where(rng.random(shape) < 0.2, rng.choice([0b011, 0b101, 0b110], shape), hidden.allowed)
    return Unseen(hidden.dominoes, masks.astype(np.uint8), hidden.need)


def check_counts(hidden: Unseen) -> None:
    """Raise AssertionError unless there are 21! / (7!)^3 worlds before the first play."""
    counts = completions(hidden).counts
    if (counts != FIRST_COUNT).any():
        raise AssertionError(f"{counts[counts != FIRST_COUNT][0]} worlds of 21 unseen, not {FIRST_COUNT:,}")


def check_validity(at_step: list[Unseen], device: str) -> int:
    """Draw and check ten million worlds; AssertionError if one is invalid. Return their number."""
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
    """Return [N, M] bool: True for worlds [N, M, U] that break a void or give a seat too many or too few."""
    barred = (hidden.allowed[:, None] >> owner.astype(np.uint8) & 1 == 0).any(axis=2)
    for seat in range(N_HIDDEN):
        barred |= (owner == seat).sum(axis=2, dtype=np.int8) != hidden.need[:, seat, None]
    return barred


def check_uniformity(at_step: list[Unseen], device: str) -> tuple[int, int]:
    """Test by chi-square that draws are uniform over all worlds. Return the tested and rejected positions.

    Raises AssertionError if there are more rejections than chance explains.
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
    """Return worlds [M, U] as integers [M], different for different worlds."""
    return owner.astype(np.int64) @ N_HIDDEN ** np.arange(owner.shape[1], dtype=np.int64)


def uniformity(times: npt.NDArray[np.int64]) -> float:
    """Return the p-value of Pearson's chi-square test for equal probabilities."""
    import torch

    expected = times.sum() / len(times)
    statistic = ((times - expected) ** 2).sum() / expected
    half = torch.tensor([(len(times) - 1) / 2, statistic / 2], dtype=torch.float64)
    return float(torch.special.gammaincc(half[0], half[1]))


def chance_of(k: int, n: int, p: float) -> float:
    """Return the probability of at least k of n independent events, each of probability p."""
    from math import comb

    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def draw_keys(name: str, step: int, n: int) -> npt.NDArray[np.uint64]:
    """Return [n] keys for the positions of a step."""
    return stream(step, "bench worlds", name).integers(2**64, size=n, dtype=np.uint64)


def draw(worlds: Worlds, first: int, m: int) -> Any:
    """Draw worlds first..first + m - 1 of every position: a tensor int8 [N, M, U]."""
    games = np.arange(len(worlds.count))
    return worlds.owner(games, worlds.ranks(games, first, m, np.zeros(len(games), dtype=np.bool_)))


def time_worlds(hidden: Unseen, n: int, m: int, device: str) -> float:
    """Return nanoseconds per world: counting, drawing numbers and building n x m worlds. Best of repeats."""
    positions, keys = hidden.take(np.arange(n) % len(hidden)), draw_keys("speed", 0, n)
    seconds = best_time(lambda: draw(Worlds(positions, keys, device), 0, m), device, N_REPEATS)
    return seconds / (n * m) * 1e9
