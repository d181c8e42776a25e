"""Speed of the rules of Liuzhou: steps, masks, words and random games, after a comparison of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numba import uint64

from forge_core.cli.clocks import best_time
from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.game import choose, match_array, to_numpy
from forge_core.kernels import kernel
from forge_core.learning.threads import one_torch_thread
from forge_core.liuzhou import rules
from forge_core.liuzhou.game import LIUZHOU, LIUZHOU_VERSION
from forge_core.liuzhou.state import (
    BLACK_WON,
    DRAWN,
    GOING,
    SLOTS,
    kernels,
    legal_actions,
    legal_mask,
    outcomes,
    pack,
    planes,
    step_rows,
    unpack,
)
from forge_core.streams import stream

N_GAMES = 2_000
"""random games that the kernel plays, and whose rows are measured"""
BATCH = 8_192
"""rows per call on a CPU, which fit its cache with their masks; on CUDA all rows"""
N_COMPARED = 400
"""rows compared with the rules by sets"""
N_REPEATS = 7
"""repeats, of which the fastest counts"""

GOLDEN_GAMES = (75, 59, 1_081, 785, 253_186, 3_029_879)
"""Counts of `random_games(2_000, 1)`, by another implementation that was compared with a published one"""

LEAST_MILLIONS = {"step": 22.0, "mask": 5.8, "words": 168.0, "plies": 6.4}
"""millions per second on one core"""
LEAST_GAMES = 50_000.0
"""random games per second on one core"""
LEAST_MILLIONS_CUDA = 200.0
"""steps of rows, in millions per second"""


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure the kernels and the tensors on a CPU, or the tensors on CUDA, on rows of random games.

    The first seed draws the games. Raises AssertionError if two implementations differ.
    """
    device = resolve_device(device)
    before, taken = random_rows(seeds[0])
    check(before, taken, device)
    check_games()
    with one_torch_thread():
        figures = list(on_a_cpu(before, taken) if device == "cpu" else of_tensors(before, taken, device))
    return Benchmark(
        subject="liuzhou-rules",
        conditions=conditions(
            device,
            "rows int64 [N, 4], masks bool [N, 220], lists uint8 [N, 64], planes float32 [N, 20, 6, 6]",
            f"{len(before):,} rows of {N_GAMES:,} random games, "
            + (f"{BATCH:,} at once" if device == "cpu" else "all at once"),
            ("numba", "numpy", "torch"),
            rules=str(LIUZHOU_VERSION),
        ),
        held=(
            f"kernels equal the rules by sets on {N_COMPARED} rows: legal actions, next rows, results",
            f"tensors equal kernels on {len(before):,} rows: steps, masks, lists, planes",
            f"{N_GAMES:,} random games end as those of another implementation, with as many legal actions",
        ),
        figures=tuple(figures),
    )


# --- correctness ------------------------------------------------------------------------------


def random_rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows [N, 4] of random games and the actions [N] taken there, in the order of play."""
    generator, rows = stream(seed, "bench liuzhou"), LIUZHOU.init(range(N_GAMES))
    found = []
    while len(rows):
        actions = choose(legal_mask(rows), generator.random(len(rows)))
        found.append((rows, actions))
        rows = step_rows(rows, actions)
        rows = rows[outcomes(rows) == GOING]
    before, taken = (np.concatenate(part) for part in zip(*found, strict=True))
    return before, taken


def check(before: np.ndarray, taken: np.ndarray, device: str) -> None:
    """Raise AssertionError unless the sets, the kernels and the tensors agree."""
    after, (actions, counts) = step_rows(before, taken), legal_actions(before)
    for n in np.linspace(0, len(before) - 1, N_COMPARED).astype(int):
        state = unpack(before[n])
        if rules.legal(state) != actions[n, : counts[n]].tolist():
            raise AssertionError(f"the legal actions differ from those of the sets: {state}")
        if (pack(rules.step(state, int(taken[n]))) != after[n]).any():
            raise AssertionError(f"the row after action {taken[n]} differs from that of the sets: {state}")
    import torch

    rows = torch.tensor(before, device=device)
    pairs = {
        "steps": (after, step_rows(rows, match_array(taken, rows))),
        "masks": (legal_mask(before), legal_mask(rows)),
        "lists": (actions, legal_actions(rows)[0]),
        "numbers of actions": (counts, legal_actions(rows)[1]),
        "planes": (planes(before), planes(rows)),
    }
    for name, (here, there) in pairs.items():
        if not np.array_equal(here, to_numpy(there)):
            raise AssertionError(f"{name} of tensors on {device} differ from those of kernels")


def check_games() -> None:
    """Raise AssertionError unless random games of the kernel end as they should."""
    counted = random_games(N_GAMES, 1)
    if tuple(counted) != GOLDEN_GAMES:
        raise AssertionError(f"random games: {tuple(counted)} instead of {GOLDEN_GAMES}")


@kernel
def random_games(n, seed):
    """Play games at random and count: [6] int64.

    Won by black, won by white, drawn by 144 moves, drawn by 36 quiet ones, plies, legal actions.
    """
    counted = np.zeros(6, np.int64)
    row, actions = np.empty(4, np.int64), np.empty(SLOTS, np.int64)
    state = uint64(seed * 2654435761 + 88172645463325252)  # any number but 0
    for _ in range(n):
        row[:3] = 0
        row[3] = rules.PLACE
        while kernels.outcome_of(row) == GOING:
            n_legal = kernels.legal_list(row, actions)
            counted[4] += 1
            counted[5] += n_legal
            state = kernels.xorshift(state)
            kernels.step(row, actions[kernels.draw_below(state, n_legal)], row)
        result = kernels.outcome_of(row)
        if result != DRAWN:
            counted[0 if result == BLACK_WON else 1] += 1
        else:
            counted[2 if kernels.moves_made(row) >= rules.MAX_MOVES else 3] += 1
    return counted


# --- speed ------------------------------------------------------------------------------------


def on_a_cpu(before: np.ndarray, taken: np.ndarray) -> Iterator[Figure]:
    """Measure kernels, games and tensors on one core."""
    pieces = [(before[at : at + BATCH], taken[at : at + BATCH]) for at in range(0, len(before), BATCH)]
    words = np.empty((BATCH, 5), np.int64)

    def millions(work: Callable[..., object]) -> float:
        def all_pieces() -> None:
            for piece in pieces:
                work(*piece)

        return len(before) / best_time(all_pieces, "cpu", N_REPEATS) / 1e6

    least = LEAST_MILLIONS
    yield Figure("steps", millions(step_rows), "M/s", least=least["step"])
    yield Figure("masks", millions(lambda rows, _: legal_mask(rows)), "M/s", least=least["mask"])
    speed = millions(lambda rows, _: kernels.words_batch(rows, words))
    yield Figure("candidate words", speed, "M/s", least=least["words"])
    yield Figure("lists", millions(lambda rows, _: legal_actions(rows)), "M/s")
    yield Figure("planes", millions(lambda rows, _: planes(rows)), "M/s")
    seconds = best_time(lambda: random_games(N_GAMES, 1), "cpu", N_REPEATS)
    yield Figure("random games", N_GAMES / seconds, "games/s", least=LEAST_GAMES)
    yield Figure("plies of random games", GOLDEN_GAMES[4] / seconds / 1e6, "M/s", least=least["plies"])
    yield from of_tensors(before[:BATCH], taken[:BATCH], "cpu")


def of_tensors(before: np.ndarray, taken: np.ndarray, device: str) -> Iterator[Figure]:
    """Measure the twin of the kernels in torch, operation by operation."""
    import torch

    rows, actions = torch.tensor(before, device=device), torch.tensor(taken, device=device)
    works = {
        "steps": lambda: step_rows(rows, actions),
        "masks": lambda: legal_mask(rows),
        "lists": lambda: legal_actions(rows),
        "planes": lambda: planes(rows),
    }
    for name, work in works.items():
        least = LEAST_MILLIONS_CUDA if device != "cpu" and name == "steps" else None
        seconds = best_time(work, device, N_REPEATS)
        yield Figure(f"{name}, tensors", len(rows) / seconds / 1e6, "M/s", least=least)
