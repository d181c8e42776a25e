"""Speed of Skull King: random play, observations, players by rules, tables of a learner, tensors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numba import uint64

from forge_core.cli.clocks import best_time
from forge_core.cli.figures import Benchmark, Figure, conditions
from forge_core.device import resolve_device
from forge_core.game import choose, to_numpy
from forge_core.kernels import kernel
from forge_core.learning.threads import one_torch_thread
from forge_core.skull_king.bots import HARD, RANDOM
from forge_core.skull_king.bots.rules import act
from forge_core.skull_king.deals import deal_round, game_keys, starter_of
from forge_core.skull_king.env import SkullKing, restart
from forge_core.skull_king.game import SKULL_KING_VERSION
from forge_core.skull_king.players import player
from forge_core.skull_king.round import Round
from forge_core.skull_king.rules import N_ROUNDS, Rules
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.dealing import mix, next_round
from forge_core.skull_king.state.kernels import step
from forge_core.skull_king.state.observe import is_bidding, write_bid, write_play
from forge_core.skull_king.tables import Tables, one_learner
from forge_core.streams import stream

SEATS = 4
BATCHES = (64, 1_024, 16_384, 65_536)
"""numbers of tables"""
DECISIONS = 400_000
"""decisions per measurement of kernels"""
TENSOR_BATCHES_CPU, TENSOR_BATCHES_CUDA = (1_024,), (16_384, 65_536, 262_144)
TENSOR_STEPS = 40
"""steps per measurement of tensors: about one round and a half"""
N_PLAIN = 3
"""games of plain Python that kernels are compared with, and that are timed"""
N_COMPARED = 64
"""tables of tensors compared with kernels for a game"""
LEARNER_TABLES, LEARNER_STEPS = 512, 200
REPEATS = 3

LEAST = {"random": 3.0, "observed": 0.8, "hard": 1.5}
"""million decisions per second on one core"""
LEAST_CUDA = {"random": 10.0, "observed": 5.0}
LEAST_LEARNER = 8_000.0
"""learner decisions per second on one core, in which a network and its updates must fit too"""


def measure(seeds: list[int], device: str) -> Benchmark:
    """Measure kernels and tensors on a CPU, or tensors on CUDA.

    The seeds are those of the games that are compared first. Raises AssertionError if two implementations
    differ.
    """
    device = resolve_device(device)
    plain = check_kernels(seeds[:N_PLAIN])
    compared = check_tensors(device)
    check_players()
    with one_torch_thread():
        figures = [Figure("plain Python, random", plain / 1e6, "M/s")] if device == "cpu" else []
        figures += on_a_cpu() if device == "cpu" else of_tensors(device, TENSOR_BATCHES_CUDA)
    return Benchmark(
        subject="skull-king",
        conditions=conditions(
            device,
            f"rows int64 [N, {at.WIDTH}], observations uint8 [N, 88] and [N, 712]",
            f"{SEATS} seats, printed rules, rounds redealt when they end; N tables",
            ("numba", "numpy", "torch"),
            rules=str(SKULL_KING_VERSION),
            unit="decisions of any seat, unless it says learner",
        ),
        held=(
            f"kernels equal plain Python in {len(seeds[:N_PLAIN])} games: actors, masks, points",
            f"tensors equal kernels for {compared:,} decisions: rows, masks, observations",
            "compiled games equal those of the players one by one",
        ),
        figures=tuple(figures),
    )


# --- correctness ------------------------------------------------------------------------------


def check_kernels(seeds: list[int]) -> float:
    """Compare random games of plain Python with kernels; return decisions per second of plain Python."""
    import time

    rules, generator, spent, decisions = Rules(), stream(0, "bench skull-king"), 0.0, 0
    options = at.options_of(rules, SEATS)
    for key in game_keys(0, np.array(seeds)):
        rows, starter = (
            doors.start_rows(key[None], np.ones(1, np.int64), options),
            int(starter_of(key, SEATS)),
        )
        for number in range(1, N_ROUNDS + 1):
            plain = Round.start(deal_round(key, number, SEATS, rules), starter, rules)
            while True:
                begun = time.process_time()
                legal = plain.legal()
                spent += time.process_time() - begun
                if np.flatnonzero(doors.legal_mask(rows, options)[0]).tolist() != legal:
                    raise AssertionError(f"round {number}: legal actions differ from plain Python")
                if not legal:
                    break
                if int(doors.to_move(rows)[0]) != plain.actor:
                    raise AssertionError(f"round {number}: another seat acts than in plain Python")
                taken = int(generator.choice(legal))
                begun = time.process_time()
                plain.step(taken)
                spent += time.process_time() - begun
                rows, decisions = doors.step_rows(rows, np.array([taken]), options), decisions + 1
            if doors.points(rows, at.DELTA, SEATS)[0].tolist() != plain.delta:
                raise AssertionError(f"round {number}: points differ from plain Python")
            rows, starter = doors.go_on(rows, options), (starter + 1) % SEATS
    return decisions / spent


def check_tensors(device: str) -> int:
    """Compare tables of tensors with those of kernels for a game; return the number of decisions."""
    import torch

    one = SkullKing(N_COMPARED, SEATS, device="cpu")
    other = SkullKing(N_COMPARED, SEATS, device=device, backend="tensors")
    generator, steps = stream(1, "bench skull-king"), 65 * SEATS
    for _ in range(steps):
        legal, (bid, play, is_bid) = one.legal(), one.observe()
        there = [to_numpy(each) for each in other.observe()]
        same = np.array_equal(to_numpy(other.legal()), legal) and np.array_equal(there[2], is_bid)
        same &= np.array_equal(there[0][is_bid], bid[is_bid])
        same &= np.array_equal(there[1][~is_bid], play[~is_bid])
        taken = choose(legal, generator.random(N_COMPARED))
        one.step(taken)
        other.step(torch.tensor(taken, device=device))
        if not (same and np.array_equal(to_numpy(other.rows), one.rows)):
            raise AssertionError(f"tensors on {device} differ from kernels")
    return steps * N_COMPARED


def check_players() -> None:
    """Raise AssertionError unless compiled games equal those of the players one by one."""
    from forge_core.skull_king.arena import evaluate

    captain, hard = player("captain"), player("hard")

    class OneByOne:
        name, describe, act = hard.name, hard.describe, hard.act

    compiled, single = (evaluate(captain, others, 10) for others in (hard, OneByOne()))
    if not np.array_equal(compiled.points_by_round, single.points_by_round):
        raise AssertionError("compiled games differ from those of the players one by one")


# --- speed ------------------------------------------------------------------------------------


@kernel
def play_tables(rows, kind, options, steps, observed, episodes, base, bounds, bid, play):
    """Take some steps of a player by rules at each table, with an observation before each if `observed`."""
    buffer = np.empty(at.MOST_ACTIONS, np.int64)
    for time in range(steps):
        for n in range(len(rows)):
            row = rows[n]
            if observed:
                if is_bidding(row):
                    write_bid(row, row[at.ACTOR], options, bid[n])
                else:
                    write_play(row, row[at.ACTOR], options, buffer, play[n])
            key = mix(uint64(time), n)
            if step(row, act(row, kind, options, key, buffer), options):
                if row[at.ROUND] < options[at.O_LAST_ROUND]:
                    next_round(row, options)
                else:
                    restart(row, n, options, episodes, base, bounds)


def on_a_cpu() -> Iterator[Figure]:
    """Measure kernels on one core, all cores with whole games, and tensors."""
    for name, kind, observed in (
        ("random", RANDOM, False),
        ("observed", RANDOM, True),
        ("hard", HARD, False),
    ):
        title = {"random": "random play", "observed": "random play, observed", "hard": "4 hard"}[name]
        for n in BATCHES:
            env, steps = SkullKing(n, SEATS, device="cpu"), max(4, DECISIONS // n)
            bid, play, _ = env.observe()
            given = env.options, steps, observed, env.episodes, env.base, env.bounds, bid, play
            work = partial(play_tables, env.rows, kind, *given)
            speed = n * steps / best_time(work, "cpu", REPEATS) / 1e6
            yield Figure(f"{title}, N = {n:,}", speed, "M/s", least=LEAST[name])
    yield from of_learners()
    yield from of_games()
    yield from of_tensors("cpu", TENSOR_BATCHES_CPU)


def of_learners() -> Iterator[Figure]:
    """Measure the tables of a learner that chooses at random, without a network."""
    tables = Tables(one_learner(LEARNER_TABLES, "hard"))
    draws = stream(2, "bench skull-king").random((LEARNER_STEPS, LEARNER_TABLES))

    def play() -> None:
        turn = tables.advance()
        for time in range(LEARNER_STEPS):
            turn = tables.step(choose(turn.legal, draws[time]))

    speed = LEARNER_TABLES * LEARNER_STEPS / best_time(play, "cpu", REPEATS)
    title = f"learner decisions without a network, N = {LEARNER_TABLES}"
    yield Figure(title, speed, "/s", least=LEAST_LEARNER)


def of_games() -> Iterator[Figure]:
    """Measure whole games of compiled players, per CPU second, and seconds of a search."""
    from forge_core.skull_king.arena import evaluate

    hard, search = player("hard"), player("search:100")
    seconds = best_time(lambda: evaluate(hard, hard, 1_000), "cpu", REPEATS)
    yield Figure("games of 4 hard", 4_000 / seconds, "/s")
    seconds = best_time(lambda: evaluate(search, hard, 4), "cpu", 1)
    yield Figure("a game of search:100 against 3 hard", 1_000 * seconds / 16, "ms")


def of_tensors(device: str, batches: tuple[int, ...]) -> Iterator[Figure]:
    """Measure random play on tensors, with and without observations."""
    import torch

    for n in batches:
        env = SkullKing(n, SEATS, device=device, backend="tensors")
        draws = torch.rand(TENSOR_STEPS, n, device=device)
        for name, observed in (("random", False), ("observed", True)):

            def play(env=env, draws=draws, observed=observed) -> None:
                for time in range(TENSOR_STEPS):
                    if observed:
                        env.observe()
                    env.step(choose(env.legal(), draws[time]))

            speed = n * TENSOR_STEPS / best_time(play, device, REPEATS) / 1e6
            least = None if device == "cpu" else LEAST_CUDA[name]
            title = "random play, tensors" + (", observed" if observed else "")
            yield Figure(f"{title}, N = {n:,}", speed, "M/s", least=least)
