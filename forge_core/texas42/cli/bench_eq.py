"""Benchmark of E[Q] games, with each kind of oracle and without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forge_core.cli.clocks import clock_of
from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.learning.networks.sizes import SIZES
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.learning.threads import one_torch_thread
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.generate import GameConfig, play_games
from forge_core.texas42.eq.oracles import (
    ExactOracle,
    History,
    HybridOracle,
    ModelOracle,
    Oracle,
    OracleKind,
    Positions,
)
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.games import Games, start
from forge_core.texas42.tokens.rows import STAGE1_SPEC
from forge_core.texas42.worlds.posterior import PosteriorConfig

N_WORLDS = 50
N_GAMES = {"nobody": 32, "exact": 8, "hybrid": 8, "model": 8}
ON_A_GPU = (32, 1024)
"""numbers of games played at once on CUDA"""
MOST_MS = {"nobody": 5.0, "exact": 4_000.0}
"""maximum milliseconds per game on one core"""


class NullOracle:
    """An oracle that returns 0 immediately, to measure the rest of the pipeline."""

    def q(self, positions: Positions, history: History | None = None) -> Tensor:
        """Return zeros [S, 7]."""
        return torch.zeros(len(positions), HAND_SIZE, device=positions.states.device)

    def chances(self, q: Tensor, at: Tensor, worlds: Positions, exactly: bool) -> Tensor:
        """Return 0 or 1 [S, 7]: True if 0 is at least `at`."""
        return (q >= at[:, None]).float()

    def kind(self, step: int) -> OracleKind:
        """Return OracleKind.MODEL."""
        return OracleKind.MODEL

    def describe(self) -> dict[str, Any]:
        """Return everything the answers depend on; see Oracle."""
        return {"oracle": "nobody"}


def measure(seeds: list[int], device: str) -> Benchmark:
    """Play games of `seeds`, and of the seeds after them if there are too few.

    Uses one thread and CPU seconds on a CPU, and wall seconds on CUDA. Raises AssertionError if a game is
    wrong.
    """
    device = resolve_device(device)
    with one_torch_thread():
        check(seeds, device)
        figures = list(on_a_cpu(seeds) if device == "cpu" else on_a_gpu(seeds, device))
    return Benchmark(
        subject="eq",
        conditions=conditions(
            device,
            "worlds int8, states int64, network float32, sums float64",
            f"{N_WORLDS} worlds per decision, 28 decisions per game, including the distribution of Q",
            ("torch", "numba"),
        ),
        held=(
            "a game is exactly the same alone and in a batch (exact oracle)",
            "every consistent world is used once if there are no more than requested",
        ),
        figures=tuple(figures),
    )


def check(seeds: list[int], device: str) -> None:
    """Raise AssertionError unless games depend only on their deal and settings."""
    n_worlds = 6
    config, exact = GameConfig(Sampling(n_worlds)), ExactOracle(workers=1)
    together = play_games(exact, deal(seeds, 4), config, device)
    alone = play_games(exact, deal(seeds, 4).take([2]), config, device)[0]
    same_e_q = np.array_equal(together[2].decisions.e_q_mean, alone.decisions.e_q_mean, equal_nan=True)
    if not same_e_q or (together[2].plays != alone.plays).any():
        raise AssertionError("a game differs alone and in a batch")
    for record in together:
        decisions = record.decisions
        if (np.minimum(decisions.world_count, n_worlds) != decisions.n_worlds).any():
            raise AssertionError(f"a decision did not use {n_worlds} worlds, or all if there are fewer")


def on_a_cpu(seeds: list[int]) -> Iterator[Figure]:
    """Measure milliseconds per game on one core."""
    oracles = {"nobody": NullOracle(), **some_oracles("73k", "cpu")}
    found = {}
    for name, oracle in oracles.items():
        found[name] = time_game(oracle, deal(seeds, N_GAMES[name]), GameConfig(Sampling(N_WORLDS)), "cpu")
        label = {"nobody": "the pipeline alone", "model": "73 k network"}.get(name, name)
        yield Figure(f"{label}, {N_GAMES[name]} games", found[name], "ms/game", MOST_MS.get(name))
    faster = min(found["exact"], found["model"])
    yield Figure("hybrid, relative to the faster of its parts", found["hybrid"] / faster, "", 1.0)
    weighted = GameConfig(Sampling(N_WORLDS, posterior=PosteriorConfig.calibrated()))
    for name in ("exact", "hybrid"):
        seconds = time_game(oracles[name], deal(seeds, N_GAMES[name]), weighted, "cpu")
        yield Figure(f"{name}, with posterior", seconds, "ms/game")


def on_a_gpu(seeds: list[int], device: str) -> Iterator[Figure]:
    """Measure milliseconds per game, and memory, on CUDA."""
    for n in ON_A_GPU:
        games = deal(seeds, n)
        for size in ("817k", "3.3m"):
            model = some_oracles(size, device)["model"]
            for posterior in (None, PosteriorConfig.calibrated()):
                config = GameConfig(Sampling(N_WORLDS, posterior=posterior))
                label = f"{size} network, {n:,} games" + (", posterior" if posterior else "")
                yield Figure(label, time_game(model, games, config, device), "ms/game")
                yield Figure(f"{label}: memory", memory_of(model, games, config, device), "MiB")
        yield Figure(
            f"the pipeline alone, {n:,} games",
            time_game(NullOracle(), games, GameConfig(Sampling(N_WORLDS)), device),
            "ms/game",
        )


def some_oracles(size: str, device: str) -> dict[str, Oracle]:
    """Return an oracle of each kind; the network is untrained, which does not affect the cost."""
    torch.manual_seed(0)
    model = ModelOracle(TokenTransformer(STAGE1_SPEC, SIZES[size]).to(device).eval())
    exact = ExactOracle(workers=1)
    return {"exact": exact, "model": model, "hybrid": HybridOracle(model, exact)}


def deal(seeds: list[int], n: int) -> Games:
    """Return n games, of `seeds` and then of the seeds after the last one."""
    more = [*seeds, *range(seeds[-1] + 1, seeds[-1] + 1 + n)][:n]
    return start([deal_from_seed(seed) for seed in more], [seed % 10 for seed in more])


def time_game(oracle: Oracle, games: Games, config: GameConfig, device: str) -> float:
    """Return milliseconds per game, after a warm-up (on CUDA with all games, since size selects kernels)."""
    play_games(oracle, games.take(slice(0, 2)) if device == "cpu" else games, config, device)
    clock = clock_of(device)
    begun = clock()
    records: list[GameRecord] = play_games(oracle, games, config, device)
    return 1000 * (clock() - begun) / len(records)


def memory_of(oracle: Oracle, games: Games, config: GameConfig, device: str) -> float:
    """Return the peak memory, in MiB, of a CUDA device while it plays the games."""
    torch.cuda.reset_peak_memory_stats(device)
    play_games(oracle, games, config, device)
    return torch.cuda.max_memory_allocated(device) / 2**20
