"""Recorded games, replayed decision by decision by the readable rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.skull_king.actions import SCORED
from forge_core.skull_king.deals import deal_round, game_keys, starter_of
from forge_core.skull_king.game import DEAL_SEED, SkullKingGame
from forge_core.skull_king.round import Round


@dataclass(frozen=True, slots=True)
class Replay:
    """Games that were replayed."""

    games: int
    actions: int
    """legal actions, of all seats"""
    faults: tuple[str, ...] = ()
    """one line per game with an illegal action, or with other points than those recorded"""


def replay_games(
    game: SkullKingGame,
    seeds: Sequence[int],
    taken: Sequence[Sequence[int]],
    points: npt.NDArray[np.int16],
) -> Replay:
    """Replay N games from their deals by the readable rules.

    seeds: [N] of the deals. taken: actions of each game in order, of all seats. points: [N, R, P].
    """
    n_actions, faults = 0, []
    for seed, actions, recorded in zip(seeds, taken, points, strict=True):
        legal, fault = _replay(game, seed, actions, recorded)
        n_actions += legal
        faults += [f"deal {seed}, {fault}"] if fault else []
    return Replay(len(seeds), n_actions, tuple(faults))


def _replay(
    game: SkullKingGame, seed: int, actions: Sequence[int], recorded: npt.NDArray[np.int16]
) -> tuple[int, str]:
    """Return the number of legal actions of a game, and why its replay ended early, or nothing."""
    (key,), done = game_keys(DEAL_SEED, [seed]), 0
    first = int(starter_of(key, game.seats))
    for number in range(1, game.rounds + 1):
        starter = (first + number - 1) % game.seats
        played = Round.start(deal_round(key, number, game.seats, game.rules), starter, game.rules)
        while played.phase != SCORED:
            if done == len(actions):
                return done, f"round {number}: the record ends before the round"
            try:
                played.step(actions[done])
            except BadInput as error:
                return done, f"round {number}: {error}"
            done += 1
        if played.delta != recorded[number - 1].tolist():
            return done, f"round {number}: points {recorded[number - 1].tolist()}, not {played.delta}"
    return done, f"{len(actions) - done} actions after the last round" if done < len(actions) else ""
