"""Liuzhou as text and as a game: what the conformance suite and PettingZoo's tests do not say."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from liuzhou_games import position, random_plies, recorded_games

from forge_core.errors import BadInput
from forge_core.game import NOBODY, to_numpy
from forge_core.liuzhou import rules
from forge_core.liuzhou.game import LIUZHOU
from forge_core.liuzhou.notation import (
    action_text,
    cell_text,
    describe,
    parse_action,
    parse_position,
    position_text,
    turn_text,
)
from forge_core.liuzhou.rules import CAPTURE, MARK, MOVE, SELECT_FROM, WHITE, State
from forge_core.liuzhou.state import START, legal_actions, outcomes, pack, planes, step_rows, unpack
from forge_core.pettingzoo import env

# --- notation ---------------------------------------------------------------------------------


def test_actions_are_read_as_they_are_written():
    assert [action_text(a) for a in (0, 14, 35)] == ["a1", "c3", "f6"]
    assert [action_text(36 + 4 * 14 + d) for d in range(4)] == ["c3-c2", "c3-c4", "c3-b3", "c3-d3"]
    assert [action_text(a) for a in (180, 200, 216)] == ["xa1", "xc4", "sweep"]
    for action in range(220):
        assert parse_action(f" {action_text(action).upper()} ") == action
    for action in (-1, 220):
        with pytest.raises(BadInput, match="does not exist"):
            action_text(action)


@pytest.mark.parametrize("text", ["", "g1", "a7", "c3-c5", "c3-c3", "x", "c3c4", "xa0", "unused"])
def test_other_actions_are_refused(text):
    with pytest.raises(BadInput, match="is not an action: write c3 to place"):
        parse_action(text)


def test_a_step_names_the_cells_it_joins():
    for action in range(36, 180):
        cell, direction = divmod(action - 36, 4)
        to = rules.destination(cell, direction)
        if to is not None:
            assert action_text(action) == f"{cell_text(cell)}-{cell_text(to)}"


def test_positions_are_read_as_they_are_written():
    rows, _, after = random_plies(30)
    recorded = [position(ply) for game in recorded_games() for ply in (*game["plies"], game["final"])]
    states = [*recorded, *map(unpack, rows[::5]), *map(unpack, after[outcomes(after) > 0])]
    for state in states:
        text = position_text(state)
        assert parse_position(text) == state
        assert parse_position(text.replace("/", "")) == state
    assert position_text(State()) == "....../....../....../....../....../...... place black"
    state = State(frozenset({0, 1, 6}), frozenset({7, 9}), frozenset({9}), MARK, WHITE, 2, 0, 11)
    assert position_text(state) == "BB..../BW.w../....../....../....../...... mark white pending=2 moves=11"


EMPTY_ROWS = "/......" * 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a position: write a board, a phase and a player"),
        ("...... place black", "board '......': write 36 letters"),
        (f"X.....{EMPTY_ROWS} place black", "each one of B, W, b, w and"),
        (f"......{EMPTY_ROWS} placing black", "unknown phase 'placing': use place, mark"),
        (f"......{EMPTY_ROWS} place red", "unknown player 'red': use black, white"),
        (f"......{EMPTY_ROWS} place black turns=3", "'turns=3' is not a counter of a position"),
        (f"......{EMPTY_ROWS} place black moves=145", "'moves=145': use moves=0 to moves=144"),
        (f"......{EMPTY_ROWS} place black quiet=-1", "'quiet=-1': use quiet=0 to quiet=36"),
        (f"{'B' * 19}{'.' * 17} move black", "a side has more than 18 stones"),
        (f"b.....{EMPTY_ROWS} move black", "stones are marked in phase move"),
        (f"......{EMPTY_ROWS} removal black", "in phase removal, the board is full"),
        (f"{'BW' * 18} move black", "in phase move, the board is not full"),
        (f"{'BW' * 17}B. forced white", "in phase forced, the board is full"),
        (f"{'BW' * 18} forced black forced=1", "in phase forced, the board is not full"),
        (f"BBW...{EMPTY_ROWS} mark black pending=2", "that many unmarked stones"),
        (f"BBBBWW{'WW....'}{'.' * 24} capture black", "captures are pending"),
        (f"......{EMPTY_ROWS} move black pending=1", "nothing is pending in phase move"),
        (f"......{EMPTY_ROWS} forced black", "white makes the first forced removal"),
        (f"......{EMPTY_ROWS} place black forced=1", "forced=1 does not occur in phase place"),
    ],
)
def test_other_positions_are_refused(text, message):
    with pytest.raises(BadInput, match=message):
        parse_position(text)


def test_a_position_is_described():
    state = State(frozenset({0, 1, 6}), frozenset({7, 9}), frozenset({9}), MARK, WHITE, 2, 0, 11)
    assert describe(state).splitlines() == [
        "  a b c d e f",
        "1 B B . . . .",
        "2 B W . w . .",
        *(f"{row} . . . . . ." for row in range(3, 7)),
        "white marks 2 stones",
        "11 moves made, 0 quiet ones in a row",
    ]


def test_turns_are_described():
    rows = random_plies(100)[2]
    first, phase = legal_actions(rows)[0][:, 0], rows[:, 3] & 7
    rare = (phase > MOVE) | (outcomes(rows) > 0) | ((phase == MOVE) & (first >= SELECT_FROM))
    texts = {turn_text(unpack(row)) for row in (*rows[rare], *rows[::20])}
    assert texts >= {
        *("black places a stone", "black marks 1 stone", "white sweeps the marked stones off"),
        *("white moves a stone", "black captures 1 stone", "white cannot move and removes a stone"),
        *("black removes a stone", "black has won", "white has won", "drawn"),
    }


# --- the game ---------------------------------------------------------------------------------


def test_seats_and_returns():
    for game in recorded_games():
        rows = np.array([pack(position(ply)) for ply in (*game["plies"], game["final"])])
        turns = [0 if ply["player"] == 1 else 1 for ply in game["plies"]]
        assert LIUZHOU.to_move(rows).tolist() == [*turns, NOBODY]
        returns = LIUZHOU.returns(rows)
        assert not returns[:-1].any() and returns[-1].tolist() == [game["winner"], -game["winner"]]


@pytest.mark.parametrize("device", [None, "cpu"])
def test_every_seed_begins_alike_and_bad_ones_are_refused(device):
    rows = LIUZHOU.init([0, 5, 5], device)
    assert (to_numpy(rows) == START).all() and rows.shape == (3, 4)
    rows[0] = 0
    assert START[3] == 1, "the start was written to"
    with pytest.raises(BadInput, match="seed -1"):
        LIUZHOU.init([-1], device)


def test_a_seat_sees_its_own_stones_first():
    rows, _, _ = random_plies(20)
    seen = [LIUZHOU.observe(rows, seat) for seat in (0, 1)]
    white = (rows[:, 3] >> 3 & 1).astype(bool)
    assert (np.where(white[:, None, None, None], seen[1], seen[0]) == planes(rows)).all()
    assert (seen[0][:, [0, 1, 2, 3, 16, 17]] == seen[1][:, [1, 0, 3, 2, 17, 16]]).all()
    assert (seen[0][:, 4:16] == seen[1][:, 4:16]).all()
    assert not seen[0][:, 18].any() and (seen[1][:, 18] == 1).all()
    assert (seen[0][:, 19] != seen[1][:, 19]).all(), "exactly one seat is to move"


def test_a_recorded_game_in_an_environment_pays_its_winner():
    game = next(each for each in recorded_games() if each["winner"] == 1)
    environment = env(LIUZHOU)
    environment.reset(seed=0)
    for ply in game["plies"]:
        assert environment.agent_selection == ("player_0" if ply["player"] == 1 else "player_1")
        assert np.flatnonzero(environment.last()[0]["action_mask"]).tolist() == ply["legal"]
        environment.step(ply["action"])
    assert environment.rewards == {"player_0": 1, "player_1": -1}


def exchanged(rows):
    """Rows with the colours exchanged."""
    return np.stack((rows[:, 1], rows[:, 0], rows[:, 2], rows[:, 3] ^ 8), 1)


def test_colours_are_alike_while_stones_are_placed_and_while_they_move():
    """White goes on after the removal whoever filled the board: all else is the same for both."""
    rows, taken, after = random_plies(300)
    alike = np.isin(rows[:, 3] & 7, (1, 2, 4, CAPTURE, 7)) & (outcomes(after) == 0)
    assert (step_rows(exchanged(rows[alike]), taken[alike]) == exchanged(after[alike])).all()


def test_the_game_needs_no_torch():
    program = (
        "import sys, numpy; from forge_core.liuzhou.game import LIUZHOU as game; rows = game.init([0]);"
        "game.observe(game.step(rows, numpy.array([3]))); print({'torch', 'pettingzoo'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
