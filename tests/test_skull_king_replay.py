"""Games that were recorded, replayed by the readable rules."""

from __future__ import annotations

import numpy as np
import pytest

from forge_core.skull_king.arena import Games, evaluate, play_games
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.players import player
from forge_core.skull_king.replay import replay_games
from forge_core.skull_king.rules import Rules

SEEDS = [900, 901]


def played(game: SkullKingGame) -> Games:
    """Return two games of two players, whose actions are recorded."""
    seats = np.arange(game.seats)[None].repeat(len(SEEDS), 0) % 2
    return play_games(game, [player("captain"), player("random")], seats, SEEDS, recorded=len(SEEDS))


@pytest.mark.parametrize("seats", [2, 4, 8])
@pytest.mark.parametrize("options", [{}, {"abilities": True, "scoring": "rascal", "cannonball": True}])
def test_recorded_games_are_those_that_were_played(seats, options):
    game = SkullKingGame(seats, Rules(**options), rounds=5)
    games = played(game)
    replay = replay_games(game, SEEDS, games.taken, games.points)
    assert (replay.games, replay.faults) == (2, ())
    assert replay.actions == sum(map(len, games.taken)) > 50


def test_an_illegal_action_is_a_fault_and_so_are_other_points():
    game = SkullKingGame(rounds=3)
    games = played(game)
    one, other = games.taken
    wrong = games.points.copy()
    wrong[1, 2, 0] += 10
    for taken, points, expected in (
        (((*one[:13], one[12], *one[14:]), other), games.points, "deal 900, round 2: "),
        ((one[:-1], other), games.points, "deal 900, round 3: the record ends before the round"),
        ((one, (*other, 0)), games.points, "deal 901, 1 actions after the last round"),
        ((one, other), wrong, "deal 901, round 3: points"),
    ):
        (fault,) = replay_games(game, SEEDS, taken, points).faults
        assert fault.startswith(expected)


def test_the_deals_that_are_replayed_are_part_of_the_evaluation():
    """A recorded game is the same as one that a kernel plays."""
    captain, hard = player("captain"), player("hard")
    found = [evaluate(captain, hard, 4, rounds=5, replayed=deals) for deals in (0, 3, 9)]
    assert [each.replay.games if each.replay else 0 for each in found] == [0, 12, 16]
    for each in found[1:]:
        assert each.replay.faults == () and np.array_equal(each.tricks, found[0].tricks)
        assert np.array_equal(each.points_by_round, found[0].points_by_round)
