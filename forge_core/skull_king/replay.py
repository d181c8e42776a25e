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
class RecordedGame:
    """A game that can be played again from its deals."""

    seed: int
    """of the deals"""
    actions: tuple[int, ...]
    """of all seats, in order"""
    scores: tuple[int, ...]
    """[P] points of each seat at the end"""
    fault: str = ""
    """an illegal action, or other points than those recorded; empty if the readable rules agree"""


@dataclass(frozen=True, slots=True)
class Replay:
    """Games that were replayed."""

    records: tuple[RecordedGame, ...]
    actions: int
    """legal actions, of all seats"""

    @property
    def games(self) -> int:
        """The number of games."""
        return len(self.records)

    @property
    def faults(self) -> tuple[str, ...]:
        """One line per game with a fault."""
        return tuple(f"deal {game.seed}, {game.fault}" for game in self.records if game.fault)


def replay_games(
    game: SkullKingGame,
    seeds: Sequence[int],
    taken: Sequence[Sequence[int]],
    points: npt.NDArray[np.int16],
) -> Replay:
    """Replay N games from their deals by the readable rules.

    seeds: [N] of the deals. taken: actions of each game in order, of all seats. points: [N, R, P].
    """
    n_actions, records = 0, []
    for seed, actions, recorded in zip(seeds, taken, points, strict=True):
        legal, fault = _replay(game, seed, actions, recorded)
        n_actions += legal
        records.append(RecordedGame(seed, tuple(actions), tuple(recorded.sum(0).tolist()), fault))
    return Replay(tuple(records), n_actions)


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
