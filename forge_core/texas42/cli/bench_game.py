"""Benchmark of Texas 42 as a Game: random play of many hands at once, compared with `games` first."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from forge_core.cli.clocks import best_time, clock_name
from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.game import Array, Game, choose, match_array, to_numpy
from forge_core.streams import stream
from forge_core.texas42 import games
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.game import TableState, Texas42

SIZES = (1_024, 16_384)
"""numbers of hands played at once"""
N_REPEATS = 7
"""number of runs, of which the fastest counts"""
FORMS: dict[str, Game[TableState]] = {"declaration given": Texas42(), "with auction": Texas42(auction=True)}


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure the time per step of random play. Raises AssertionError if a hand differs from `games`.

    Uses numpy, one thread and CPU seconds on a CPU, and tensors and wall seconds on CUDA.
    """
    device = resolve_device(device)
    place = None if device == "cpu" else device
    check_plays(seeds, place)
    figures = []
    for form, game in FORMS.items():
        for n in SIZES:
            start = game.init(range(n), place)
            draws = random_draws(game, n, start.turn)
            n_steps = play(game, start, draws)
            for what, observes in (("", False), (", with observations", True)):
                run = partial(play, game, start, draws, observes, count=False)
                seconds = best_time(run, device, N_REPEATS) / n_steps
                figures.append(
                    Figure(f"{form}, {n:,} hands{what}", seconds * 1e9, f"{clock_name(device)} per step")
                )
    return Benchmark(
        subject="game",
        conditions=conditions(
            device,
            "int64 [N], int8 [N, 28]; observations uint8 [N, 233]; " + ("tensors" if place else "numpy"),
            "one step of one hand: mask, random choice, step; whole hands, with finished rows idle",
            ("numpy", "torch"),
        ),
        held=(f"masks, turns and points of {len(seeds)} random hands equal those of `games` at every play",),
        figures=tuple(figures),
    )


def check_plays(seeds: list[int], device: str | None) -> None:
    """Raise AssertionError unless random hands match `games` at every play."""
    game = Texas42()
    state = game.init(seeds, device)
    deals = to_numpy(state.owner).argsort(axis=1, kind="stable").reshape(-1, N_SEATS, HAND_SIZE)
    lockstep = games.start(deals, to_numpy(state.decl))
    draws, rows = random_draws(game, len(seeds), state.turn), np.arange(len(seeds))[:, None]
    for draw in draws:
        views, legal = lockstep.views, to_numpy(game.legal(state))
        by_id = np.zeros_like(legal)
        by_id[rows, views.hand] = views.legal
        if (by_id != legal).any() or (to_numpy(game.to_move(state)) != views.seat).any():
            raise AssertionError(f"mask or turn differs from `games` after {lockstep.seen.step} plays")
        actions = choose(game.legal(state), draw)
        lockstep = lockstep.play((views.hand == to_numpy(actions)[:, None]).argmax(axis=1))
        state = game.step(state, actions)
        if (to_numpy(state.points) != lockstep.seen.points).any():
            raise AssertionError(f"points differ from `games` after {lockstep.seen.step} plays")
    if not game.over(state).all():
        raise AssertionError("a hand was not over after 28 plays")


def random_draws(game: Game[Any], n: int, like: Array) -> list[Array]:
    """Draw max_steps arrays [n] of numbers in [0, 1), in the library and on the device of `like`."""
    generator = stream(0, "bench game")
    return [match_array(generator.random(n), like) for _ in range(game.facts.max_steps)]


def play(game: Game[Any], state: Any, draws: list[Array], observes: bool = False, count: bool = True) -> int:
    """Play hands at random to the end. Return the number of steps of unfinished rows, 0 if not counted."""
    steps = 0
    for draw in draws:
        if count:
            steps += int((~game.over(state)).sum())
        if observes:
            game.observe(state)
        state = game.step(state, choose(game.legal(state), draw))
    return steps
