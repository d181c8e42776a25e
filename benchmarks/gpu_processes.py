"""The timings of processes that play E[Q] games and share a GPU, for `gpu.py`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import gpu_texas42
from gpu_run import Check, Part, Run

from forge_core.learning.threads import one_torch_thread
from forge_core.texas42.cli.bench_eq import deal
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.generate import GameConfig, play_games
from forge_core.texas42.eq.oracles import ModelOracle
from forge_core.texas42.games import Games

_WAIT = 75.0
"""seconds after which processes are given up: they import everything, compile nothing and play for seconds"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the part."""

    games: int = 1_024
    """games per set, played in lockstep"""
    worlds: int = 50
    network: str = "817k"
    rounds: int = 3
    """sets that each process plays one after another"""
    at_once: tuple[int, ...] = (1, 2, 3)
    """processes that share a card"""


SMALL = Sizes(games=2, worlds=4, network="73k", rounds=1, at_once=(1, 2))


def sizes_of(run: Run) -> Sizes:
    """Return the sizes of a run."""
    return SMALL if run.small else Sizes()


def time_processes(run: Run) -> dict[str, Any]:
    """Time processes that share a card, each with its own sets of games: games per second of all together."""
    found, sizes = run.figures.setdefault("processes", {}), sizes_of(run)
    for n in sizes.at_once if run.on_card else ():
        found[f"{n} processes, {sizes.games} games each"] = {"games_s": time_some(n, sizes, run.device)}
        run.keep()
    return found


def time_some(n: int, sizes: Sizes, device: str) -> float:
    """Return the games per second of n processes together, from the first begin to the last end."""
    context = get_context("spawn")
    barrier, results = context.Barrier(n), context.SimpleQueue()
    members = [
        context.Process(target=play_alone, args=(number, sizes, device, barrier, results))
        for number in range(n)
    ]
    for member in members:
        member.start()
    given_up = time.monotonic() + _WAIT
    while any(member.is_alive() for member in members):
        if time.monotonic() > given_up or any(member.exitcode for member in members):
            break
        time.sleep(0.05)
    for member in members:
        member.kill()
        member.join()
    if failed := [member.exitcode for member in members if member.exitcode]:
        raise RuntimeError(f"{n} processes: exit status {failed[0]} (-9: not done after {_WAIT:.0f} s)")
    spans = [results.get() for _ in members]
    took = max(end for _, end in spans) - min(begun for begun, _ in spans)
    return n * sizes.rounds * sizes.games / took


def play_alone(number: int, sizes: Sizes, device: str, barrier: Any, results: Any) -> None:
    """Play the sets of process `number`; report when they began and ended, in seconds since the epoch."""
    oracle = ModelOracle(gpu_texas42.network(sizes.network, device))
    config = GameConfig(Sampling(sizes.worlds))
    sets = sets_of((number + 1) * sizes.rounds, sizes.games)[number * sizes.rounds :]
    with one_torch_thread():
        play_games(oracle, sets[0], config, device)
        barrier.wait(_WAIT)
        begun = time.time()
        for games in sets:
            play_games(oracle, games, config, device)
    results.put((begun, time.time()))


def sets_of(n: int, size: int) -> list[Games]:
    """Return n sets of `size` different games each."""
    games = deal([0], n * size)
    return [games.take(slice(first, first + size)) for first in range(0, n * size, size)]


CHECKS: dict[str, Check] = {}
PARTS: dict[str, Part] = {"processes": Part(time_processes, ("games",), reserve=120)}
