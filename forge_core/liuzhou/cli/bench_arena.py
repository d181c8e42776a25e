"""Speed of Liuzhou's tree search: the time it takes besides the network's, after a check of its results.

On a CPU, the time outside the network is the time of a search minus that of its calls of the network, which
read the planes and make the priors. It hardly depends on the size of the network. So it is measured with
the small one, and compared with the time that the large one takes per position. On CUDA the search is
compared with the bare network on batches of the same size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from forge_core.cli.clocks import best_time, clock_of
from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.game import Array, choose, to_numpy
from forge_core.learning.threads import one_torch_thread
from forge_core.liuzhou.arena import Arena, ArenaKind, SearchSettings
from forge_core.liuzhou.evaluators import Evaluator, FakeNet
from forge_core.liuzhou.settings.network import DEFAULT_SIZE, REFERENCE_SIZE
from forge_core.liuzhou.state import GOING, START, legal_actions, legal_mask, outcomes, step_rows
from forge_core.streams import stream

SIMS = 64
GAMES, GAMES_CUDA = (64, 256, 1_024), (1_024, 4_096)
"""games side by side"""
MOST_PERCENT = {DEFAULT_SIZE: 8.0, REFERENCE_SIZE: 1.0}
"""percent of the time of a search on a CPU that may be spent outside the network"""
LEAST_SHARE = 60.0
"""percent of the bare network's speed that a search on CUDA must reach; the goal is 80"""
N_COMPARED, COMPARED_SIMS = 32, 16
"""positions and simulations of the comparison with the reference"""
N_REPEATS = 3
"""repeats, of which the fastest counts"""


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure searches from positions of random games, drawn by the first seed.

    Raises AssertionError if two implementations differ.
    """
    device = resolve_device(device)
    games = GAMES if device == "cpu" else GAMES_CUDA
    rows = random_rows(seeds[0], max(games))
    compared = check(rows[:N_COMPARED], device)
    with one_torch_thread():
        figures = list(on_a_cpu(rows) if device == "cpu" else on_cuda(rows, device))
    return Benchmark(
        subject="liuzhou-arena",
        conditions=conditions(
            device,
            "rows int64 [N, 4], values and priors float32, network "
            + ("float32" if device == "cpu" else "bfloat16"),
            f"{SIMS} simulations from positions of random games, one leaf per game at a time; "
            f"untrained networks {DEFAULT_SIZE} and {REFERENCE_SIZE}",
            ("torch", "numba", "numpy"),
        ),
        held=(
            f"{' and '.join(compared)} equal the plain reference on {len(rows[:N_COMPARED])} positions: "
            f"visits and sums of values after {COMPARED_SIMS} simulations, to the last digit",
        ),
        figures=tuple(figures),
    )


def random_rows(seed: int, n: int) -> np.ndarray:
    """Return rows [n, 4]: n random games, each after a random number of plies."""
    generator = stream(seed, "bench liuzhou arena")
    rows, plies = np.tile(START, (n, 1)), generator.integers(0, 120, size=n)
    for ply in range(int(plies.max())):
        after = step_rows(rows, choose(legal_mask(rows), generator.random(n)))
        goes_on = (plies > ply) & (outcomes(after) == GOING)
        rows = np.where(goes_on[:, None], after, rows)
    return rows


def check(rows: np.ndarray, device: str) -> tuple[ArenaKind, ...]:
    """Compare the implementations for a device with the reference, and return their names.

    Raises AssertionError if one differs.
    """
    kinds: tuple[ArenaKind, ...] = ("cpu", "tensors") if device == "cpu" else ("tensors", "cuda")
    settings = SearchSettings(COMPARED_SIMS, beta=0.5)
    reference = Arena(len(rows), settings, "cpu", "reference")
    reference.search(rows, FakeNet())
    for kind in kinds:
        arena = Arena(len(rows), settings, device, kind)
        arena.search(rows, FakeNet())
        for name in ("visits", "sums", "row_visits"):
            found, expected = to_numpy(getattr(arena.root(), name)), getattr(reference.root(), name)
            if not np.array_equal(found, expected):
                raise AssertionError(f"{name} of the {kind} arena differ from those of the reference")
    return kinds


# --- speed ------------------------------------------------------------------------------------


class TimedEvaluator:
    """An evaluator that adds up the seconds of its calls."""

    def __init__(self, evaluator: Evaluator, clock: Callable[[], float]) -> None:
        self.evaluator, self.clock, self.seconds = evaluator, clock, 0.0

    def __call__(self, rows: Array, actions: Array) -> tuple[Array, Array]:
        """Return the evaluator's answer."""
        started = self.clock()
        answer = self.evaluator(rows, actions)
        self.seconds += self.clock() - started
        return answer


def on_a_cpu(rows: np.ndarray) -> Iterator[Figure]:
    """Measure the compiled search and the search with tensors, on one core."""
    small, large = network(DEFAULT_SIZE, "cpu"), network(REFERENCE_SIZE, "cpu")
    for games in GAMES:
        outside, inside = seconds_per_position(rows[:games], small, "cpu")
        of_large = evaluation_seconds(rows[:games], large, "cpu", 1)
        name = f"{games:,} games"
        yield Figure(f"arena per evaluation, {name}", 1e6 * outside, "CPU us")
        for size, of_network in ((DEFAULT_SIZE, inside), (REFERENCE_SIZE, of_large)):
            share = 100 * outside / (outside + of_network)
            yield Figure(f"arena outside {size}, {name}", share, "%", MOST_PERCENT[size])
        outside, inside = seconds_per_position(rows[:games], small, "tensors")
        share = 100 * outside / (outside + inside)
        yield Figure(f"as tensors outside {DEFAULT_SIZE}, {name}", share, "%")


def on_cuda(rows: np.ndarray, device: str) -> Iterator[Figure]:
    """Measure the search against the bare network, in evaluations per second."""
    for size in (DEFAULT_SIZE, REFERENCE_SIZE):
        evaluator = network(size, device)
        for games in GAMES_CUDA:
            arena, some = Arena(games, SearchSettings(SIMS), device), on_device(rows[:games], device)
            seconds = best_time(lambda: arena.search(some, evaluator), device, N_REPEATS)  # noqa: B023
            searched = games * (SIMS + 1) / seconds
            bare = 1 / evaluation_seconds(rows[:games], evaluator, device, N_REPEATS)
            name = f"{size}, {games:,} games"
            yield Figure(f"evaluations by the search, {name}", searched / 1e3, "thousand/s")
            yield Figure(f"evaluations by the bare network, {name}", bare / 1e3, "thousand/s")
            yield Figure(f"share of the bare network, {name}", 100 * searched / bare, "%", least=LEAST_SHARE)


def network(size: str, device: str) -> Evaluator:
    """Return an untrained network as an evaluator."""
    from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator, PlaneSpec, parse_size

    return NetworkEvaluator(LiuzhouNet(PlaneSpec(), parse_size(size)), device=device)


def seconds_per_position(rows: np.ndarray, evaluator: Evaluator, kind: ArenaKind) -> tuple[float, float]:
    """Return CPU seconds per evaluated position: outside the evaluator, and within it."""
    arena, clock = Arena(len(rows), SearchSettings(SIMS), "cpu", kind), clock_of("cpu")
    arena.search(rows, evaluator, sims=1)
    measured = []
    for _ in range(N_REPEATS if kind == "cpu" else 1):
        timed, started = TimedEvaluator(evaluator, clock), clock()
        evaluations = arena.search(rows, timed).evaluations
        seconds = clock() - started
        measured.append(((seconds - timed.seconds) / evaluations, timed.seconds / evaluations))
    return min(measured)


def evaluation_seconds(rows: np.ndarray, evaluator: Evaluator, device: str, repeats: int) -> float:
    """Return the seconds per position of an evaluator that evaluates all rows at once."""
    place = on_device(rows, device)
    actions, _ = legal_actions(place)
    return best_time(lambda: evaluator(place, actions), device, repeats) / len(rows)


def on_device(rows: np.ndarray, device: str) -> Array:
    """Return rows as a numpy array for a CPU, as a tensor for another device."""
    if device == "cpu":
        return rows
    import torch

    return torch.tensor(rows, device=device)
