"""Speed of Skull King: random play, observations, players, games, tensors; memory, and power of a GPU.

A figure counts decisions of any seat; rounds that end are dealt again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from numba import uint64

from forge_core.cli.clocks import best_time
from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import core_count, resolve_device
from forge_core.draws import mix
from forge_core.kernels import kernel
from forge_core.learning.threads import Pieces, one_torch_thread
from forge_core.meters import peak_memory, read_power
from forge_core.skull_king.arena import evaluate, play_games
from forge_core.skull_king.bots import HARD, RANDOM
from forge_core.skull_king.bots.rules import act
from forge_core.skull_king.env import SkullKing, restart
from forge_core.skull_king.game import SKULL_KING_VERSION, SkullKingGame
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.parity import SEATS, check_kernels, check_players, check_tensors
from forge_core.skull_king.players import player
from forge_core.skull_king.players.network import NetworkPlayer
from forge_core.skull_king.random_play import RandomPlay
from forge_core.skull_king.sampler import Rounds
from forge_core.skull_king.settings.learning import LearningSettings
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.dealing import next_round
from forge_core.skull_king.state.kernels import step
from forge_core.skull_king.state.observe import is_bidding, write_bid, write_play
from forge_core.skull_king.timing import time_decisions

BATCHES = (64, 1_024, 16_384, 65_536)
"""numbers of tables"""
CACHED_TABLES = 32
"""tables that are played together: their rows have 36 kB, which stay in the caches of a core. Visiting all of
16,384 tables, 18 MB, at each step takes twice as long"""
DECISIONS, LEAST_STEPS = 400_000, 24
"""decisions per measurement of kernels; steps per table at least, so that tables are at different tricks"""
MODEL_BATCHES = (64, 1_024)
"""games of a network against 3 hard"""
TIMED_PLAYERS = ("hard", "captain", "search:30", "search:100")
"""players whose decisions are timed, next to a network"""
TENSOR_BATCHES_CPU, TENSOR_BATCHES_CUDA = (1_024,), (64, 1_024, 16_384, 65_536, 262_144)
TENSOR_STEPS = 40
"""steps per measurement of tensors: about one round and a half"""
N_PLAIN = 3
"""games of plain Python that kernels are compared with, and that are timed"""
DECISIONS_OF_A_SEAT = 65
"""in a game of ten rounds at four seats: ten bids and 55 plays"""
REPEATS = 3

CASES = {
    "random play": (RANDOM, False, 3.0, "3,800-10,000 decisions/s"),
    "random play, observed": (RANDOM, True, 0.8, "3,800-9,700 decisions/s"),
    "4 hard": (HARD, False, 1.5, "240-400 games/s"),
}
"""player, observations, required million decisions per second on one core, figure of the published
environment"""
LEAST_CUDA = {"random play": 10.0, "random play, observed": 5.0}
"""million decisions per second, for batches of at least LARGE_BATCH"""
LARGE_BATCH = 65_536


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure kernels and tensors on a CPU, or tensors on CUDA.

    The seeds are those of the games that are compared first. Raises AssertionError if two implementations
    differ.
    """
    device = resolve_device(device)
    plain = check_kernels(seeds[:N_PLAIN])
    compared = check_tensors(device)
    if device != "cpu":
        compared += check_tensors(device, graph=True, sampler=Rounds())
    check_players()
    with one_torch_thread():
        figures = [Figure("random play, plain Python", plain / 1e6, "M/s")] if device == "cpu" else []
        figures += on_a_cpu() if device == "cpu" else of_tensors(device, TENSOR_BATCHES_CUDA)
    return Benchmark(
        subject="skull-king",
        conditions=conditions(
            device,
            f"rows int64 [N, {at.WIDTH}], observations uint8 [N, 88] and [N, 712]",
            f"{SEATS} seats, printed rules, rounds redealt when they end; N tables, of which a core plays "
            f"{CACHED_TABLES} at once",
            ("numba", "numpy", "torch"),
            rules=str(SKULL_KING_VERSION),
            unit="decisions of any seat; figures of all cores by wall clock",
        ),
        held=(
            f"kernels equal plain Python in {len(seeds[:N_PLAIN])} games: actors, masks, points",
            f"tensors equal kernels for {compared:,} decisions: rows, masks, observations",
            "compiled games equal those of the players one by one",
        ),
        figures=tuple(figures),
    )


@kernel
def play_tables(rows, begin, end, kind, options, steps, observed, episodes, base, bounds, bid, play):
    """Take some steps of a player by rules at tables begin..end - 1, with an observation before each if
    `observed`."""
    buffer = np.empty(at.MOST_ACTIONS, np.int64)
    for first in range(begin, end, CACHED_TABLES):
        for number in range(steps):
            for n in range(first, min(first + CACHED_TABLES, end)):
                row = rows[n]
                if observed:
                    if is_bidding(row):
                        write_bid(row, row[at.ACTOR], options, bid[n])
                    else:
                        write_play(row, row[at.ACTOR], options, buffer, play[n])
                key = mix(uint64(number), n)
                if step(row, act(row, kind, options, key, buffer), options):
                    if row[at.ROUND] < options[at.O_LAST_ROUND]:
                        next_round(row, options)
                    else:
                        restart(row, n, options, episodes, base, bounds)


def on_a_cpu() -> Iterator[Figure]:
    """Measure kernels on one core and on all, players, tensors, and the memory of all of these."""
    cores = core_count()
    for title, (kind, observed, least, published) in CASES.items():
        for n in BATCHES:
            for n_cores in dict.fromkeys((1, cores)):
                speed = kernel_speed(kind, observed, n, n_cores)
                text = "" if n_cores == 1 else f", all {cores} cores"
                required = least if n_cores == 1 else None
                yield Figure(f"{title}, N = {n:,}{text}", speed, "M/s", least=required, published=published)
    yield from of_games()
    yield from of_models(cores)
    yield from of_decisions()
    yield from of_tensors("cpu", TENSOR_BATCHES_CPU)
    yield Figure("peak memory of the process", peak_memory() / 1e6 or math.nan, "MB")


def kernel_speed(kind: int, observed: bool, n: int, cores: int) -> float:
    """Return million decisions of a player by rules at n tables: per CPU second of one core, or per second of
    several."""
    env, steps = SkullKing(n, SEATS, device="cpu", sampler=Rounds()), max(LEAST_STEPS, DECISIONS // n)
    bid, play, _ = env.observe()
    given = kind, env.options, steps, observed, env.episodes, env.base, env.bounds, bid, play
    bounds = np.linspace(0, n, cores + 1).astype(int).tolist()
    works = [partial(play_tables, env.rows, *bounds[part : part + 2], *given) for part in range(cores)]
    pieces = Pieces(cores)
    clock = None if cores == 1 else time.perf_counter
    return n * steps / best_time(lambda: pieces.run(works), "cpu", REPEATS, clock) / 1e6


def of_games() -> Iterator[Figure]:
    """Measure whole games of compiled players, per CPU second, and seconds of a search."""
    hard, search = player("hard"), player("search:100")
    seconds = best_time(lambda: evaluate(hard, hard, 1_000), "cpu", REPEATS)
    yield Figure("games of 4 hard", 4_000 / seconds, "/s", published="240-400 games/s")
    seconds = best_time(lambda: evaluate(search, hard, 4), "cpu", 1)
    yield Figure("a game of search:100 against 3 hard", 1_000 * seconds / 16, "ms")


def of_models(cores: int) -> Iterator[Figure]:
    """Measure games of an untrained network, of the default size, against 3 hard."""
    settings, game, hard = LearningSettings(), SkullKingGame(SEATS), player("hard")
    network = BidAndPlayNet(settings.spec(), settings.config()).eval()
    for n in MODEL_BATCHES:
        seats = np.where(np.arange(SEATS) == np.arange(n)[:, None] % SEATS, 0, 1)
        for n_cores in dict.fromkeys((1, cores)):
            own = NetworkPlayer("a network", network, pieces=Pieces(n_cores))
            work = partial(play_games, game, [own, hard], seats, range(n))
            seconds = best_time(work, "cpu", 1, None if n_cores == 1 else time.perf_counter)
            text = "" if n_cores == 1 else f", all {cores} cores"
            speed = n * SEATS * DECISIONS_OF_A_SEAT / seconds / 1e6
            yield Figure(f"1 model v 3 hard, N = {n:,}{text}", speed, "M/s")


def of_decisions() -> Iterator[Figure]:
    """Measure the CPU time of a bid and of a play, at one table at a time."""
    settings = LearningSettings()
    network = BidAndPlayNet(settings.spec(), settings.config()).eval()
    for timed in (*map(player, TIMED_PLAYERS), NetworkPlayer("a network", network, pieces=Pieces(1))):
        times = time_decisions(timed)
        yield Figure(f"a bid by {times.name}", times.mean_bid, "ms")
        yield Figure(f"a play by {times.name}", times.mean_play, "ms")


def of_tensors(device: str, batches: tuple[int, ...]) -> Iterator[Figure]:
    """Measure random play on tensors, with and without observations; on a GPU with one launch per step, and
    also its memory and power."""
    on_card = device != "cpu"
    for n in batches:
        if on_card:
            torch.cuda.reset_peak_memory_stats(device)
        env = SkullKing(n, SEATS, device=device, sampler=Rounds(), backend="tensors")
        draws = torch.rand(TENSOR_STEPS, n, dtype=torch.float64, device=device)
        with read_power(device) as power:
            for title in LEAST_CUDA:
                _, observed, _, published = CASES[title]
                play = RandomPlay(env, observed, graph=on_card)
                seconds = best_time(partial(play.run, draws), device, REPEATS)
                least = LEAST_CUDA[title] if on_card and n >= LARGE_BATCH else None
                name = f"{title}, tensors, N = {n:,}"
                speed = n * TENSOR_STEPS / seconds / 1e6
                yield Figure(name, speed, "M/s", least=least, published=published)
        for what, value, unit in (
            ("GPU busy", None if power.utilisation is None else 100 * power.utilisation, "%"),
            ("GPU power", power.watts, "W"),
            ("GPU memory", torch.cuda.max_memory_allocated(device) / 1e6 if on_card else None, "MB"),
        ):
            yield Figure(f"{what}, tensors, N = {n:,}", math.nan if value is None else value, unit)
