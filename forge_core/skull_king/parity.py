"""Comparisons of the three implementations of the rules, and of compiled games with those of players."""

from __future__ import annotations

import time

import numpy as np
import torch

from forge_core.game import choose, to_numpy
from forge_core.skull_king.arena import evaluate
from forge_core.skull_king.deals import deal_round, game_keys, starter_of
from forge_core.skull_king.env import SkullKing
from forge_core.skull_king.players import player
from forge_core.skull_king.random_play import RandomPlay
from forge_core.skull_king.round import Round
from forge_core.skull_king.rules import N_ROUNDS, Rules
from forge_core.skull_king.sampler import StartSampler
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at
from forge_core.streams import stream

SEATS = 4
N_COMPARED = 64
"""tables of tensors compared with kernels for a game"""


def check_kernels(seeds: list[int]) -> float:
    """Compare random games of plain Python with kernels; return decisions per second of plain Python.

    Raises AssertionError if they differ.
    """
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


def check_tensors(
    device: str, n: int = N_COMPARED, graph: bool = False, sampler: StartSampler | None = None
) -> int:
    """Compare random play at tables of tensors with that of kernels; return the number of decisions.

    n: tables. graph: launch each step as a CUDA graph. sampler: by default a whole game. Raises
    AssertionError if they differ.
    """
    one = SkullKing(n, SEATS, device="cpu", sampler=sampler)
    other = SkullKing(n, SEATS, device=device, sampler=sampler, backend="tensors")
    play, generator, steps = RandomPlay(other, True, graph), stream(1, "bench skull-king"), 65 * SEATS
    for _ in range(steps):
        legal, (bid, play_seen, is_bid), draws = one.legal(), one.observe(), generator.random(n)
        play.step(torch.tensor(draws, device=device))
        assert play.seen is not None
        there = [to_numpy(each) for each in play.seen]
        same = np.array_equal(to_numpy(play.legal), legal) and np.array_equal(there[2], is_bid)
        same &= np.array_equal(there[0][is_bid], bid[is_bid])
        same &= np.array_equal(there[1][~is_bid], play_seen[~is_bid])
        step = one.step(choose(legal, draws))
        same &= np.array_equal(to_numpy(play.result.round_over), step.round_over)
        same &= np.array_equal(to_numpy(play.result.delta), step.delta)
        if not (same and np.array_equal(to_numpy(other.rows), one.rows)):
            raise AssertionError(f"tensors on {device} differ from kernels")
    return steps * n


def check_players() -> None:
    """Raise AssertionError unless compiled games equal those of the players one by one."""
    captain, hard = player("captain"), player("hard")

    class OneByOne:
        name, describe, act = hard.name, hard.describe, hard.act

    compiled, single = (evaluate(captain, others, 10) for others in (hard, OneByOne()))
    if not np.array_equal(compiled.points_by_round, single.points_by_round):
        raise AssertionError("compiled games differ from those of the players one by one")
