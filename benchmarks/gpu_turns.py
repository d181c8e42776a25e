"""The check and the timings of sets of E[Q] games that share a GPU, for `gpu.py`: in turns, or by process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import gpu_texas42
import numpy as np
import torch
from gpu_run import Check, Part, Run, seconds

from forge_core.learning.threads import one_torch_thread
from forge_core.texas42.cli.bench_eq import deal
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.generate import GameConfig, play_games, play_in_turns
from forge_core.texas42.eq.oracles import ModelOracle, Oracle
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.games import Games
from forge_core.turns import Turns, take_turns

_WAIT = 75.0
"""seconds after which processes are given up: they import everything, compile nothing and play for seconds"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the check and of the parts."""

    compared: int = 100
    """games per set of the check"""
    games: int = 1_024
    """games per set, played in lockstep"""
    sets: int = 6
    worlds: int = 50
    network: str = "817k"
    rounds: int = 3
    """sets that each process plays one after another"""
    at_once: tuple[int, ...] = (1, 2, 3)
    """sets that take turns, and processes that share a card"""


SMALL = Sizes(compared=2, games=2, sets=2, worlds=4, network="73k", rounds=1, at_once=(1, 2))


def sizes_of(run: Run) -> Sizes:
    """Return the sizes of a run."""
    return SMALL if run.small else Sizes()


def check_turns(run: Run) -> str:
    """Compare the games of sets that take turns with those of each set alone, to the last bit."""
    sizes, oracle = sizes_of(run), ModelOracle(gpu_texas42.reference(run.device))
    config, sets = GameConfig(Sampling(sizes.worlds)), sets_of(3, sizes.compared)
    with one_torch_thread():
        alone = [play_games(oracle, games, config, run.device) for games in sets]
        for at_once in sizes.at_once[1:]:
            together = take_turns(works_of(oracle, sets, config, run.device), run.device, at_once)
            for mine, theirs in zip(together, alone, strict=True):
                assert_same(mine, theirs, f"{at_once} sets in turns")
    return f"{3 * sizes.compared} games in 3 sets are the same in turns and one set after another"


def time_turns(run: Run) -> dict[str, Any]:
    """Time sets that take turns: games per second, peak memory, and the share of the bare forward pass."""
    sizes, found = sizes_of(run), run.figures.setdefault("turns", {})
    oracle = ModelOracle(gpu_texas42.network(sizes.network, run.device))
    config, sets = GameConfig(Sampling(sizes.worlds)), sets_of(sizes.sets, sizes.games)
    play_games(oracle, sets[0], config, run.device)
    bare = bare_games_s(run)
    for at_once in sizes.at_once:
        if run.on_card:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(run.device)

        def play(at_once: int = at_once) -> None:
            with one_torch_thread():
                works = works_of(oracle, sets, config, run.device)
                for _ in take_turns(works, run.device, at_once):
                    pass

        figures = {"games_s": sizes.sets * sizes.games / seconds(run, play, repeats=1, warm=True)}
        if run.on_card:
            figures["memory_mib"] = torch.cuda.max_memory_allocated(run.device) / 2**20
        if bare:
            figures["share_of_bare_forward"] = figures["games_s"] / bare
        found[f"{at_once} sets of {sizes.games}"] = figures
        run.keep()
    return found


def bare_games_s(run: Run) -> float | None:
    """Return how many games' questions the bare forward pass answers per second; None if not timed."""
    forward = run.figures.get("forward")
    if not forward:
        return None
    games = gpu_texas42.sizes_of(run).usual_games
    return games * forward["bare_questions_s"] / forward["questions"]


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


def works_of(
    oracle: Oracle, sets: list[Games], config: GameConfig, device: str
) -> Iterator[Turns[list[GameRecord]]]:
    """Yield the work of playing each set."""
    return (play_in_turns(oracle, games, config, device) for games in sets)


def assert_same(mine: list[GameRecord], theirs: list[GameRecord], label: str) -> None:
    """Raise AssertionError unless two lists of games are equal to the last bit."""
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one.plays, other.plays, err_msg=label)
        for name in ("e_q_mean", "e_q_var", "p_make", "e_q_pdf"):
            here, there = (getattr(record.decisions, name) for record in (one, other))
            np.testing.assert_array_equal(here, there, err_msg=f"{label}: {name}")


CHECKS: dict[str, Check] = {"turns": check_turns}
PARTS: dict[str, Part] = {
    "turns": Part(time_turns, ("games", "turns"), reserve=40),
    "processes": Part(time_processes, ("games",), reserve=120),
}
