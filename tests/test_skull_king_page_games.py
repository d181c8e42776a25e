"""Games exported by the page of `forge skull-king page`, read and shown."""

from __future__ import annotations

import json

import numpy as np
import pytest

from forge_core.cli.main import main
from forge_core.errors import BadInput
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.players import TableView
from forge_core.skull_king.players.bots import RulePlayer
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.web import FOLDER
from forge_core.skull_king.web.games import FORMAT, open_game

ROUNDS = 3


@pytest.fixture(scope="module", params=[3, 4])
def exported(request):
    """Three rounds of a game between players by rules, as the page would write them."""
    game, player = SkullKingGame(request.param), RulePlayer("medium")
    state, actions, rounds = game.init([21]), [], []
    while len(rounds) < ROUNDS:
        keys = np.array([len(actions)], dtype=np.uint64)
        taken = player.act(TableView.of(game, state), game.legal(state), keys)
        actions.append(int(taken[0]))
        after = doors.step_rows(state, taken, game.options)
        if doors.to_move(after)[0] == at.NOBODY:
            columns = {"bids": at.BIDS, "won": at.WON, "deltas": at.DELTA}
            rounds.append(
                {name: after[0, first : first + game.seats].tolist() for name, first in columns.items()}
            )
        state = doors.go_on(after, game.options)
    facts = {"format": FORMAT, "page": "0", "seed": "21", "seats": game.seats, "others": "medium"}
    return facts | {"actions": actions, "rounds": rounds, "isOver": False}


@pytest.fixture
def file(exported, tmp_path):
    path = tmp_path / "game.json"
    path.write_text(json.dumps(exported))
    return str(path)


def test_the_page_writes_the_format_that_is_read():
    assert f'"{FORMAT}"' in (FOLDER / "main.mjs").read_text()


def test_an_exported_game_is_replayed(exported, file):
    game = open_game(file)
    films = game.films()
    assert [list(film.bids) for film in films] == [each["bids"] for each in exported["rounds"]]
    assert [list(film.points) for film in films] == [each["deltas"] for each in exported["rounds"]]
    assert [film.number for film in films] == [1, 2, 3]


def test_view_shows_it(file, exported, tmp_path, capsys):
    assert main(["skull-king", "view", file, "--worlds", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("points N") == ROUNDS
    totals = np.sum([each["deltas"] for each in exported["rounds"]], axis=0)
    assert f"Scores: {' '.join(f'{n:+d}' for n in totals)}." in " ".join(shown.split())
    assert main(["skull-king", "view", file, "--worlds", "0", "--round", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["round"] for each in found["rounds"]] == [2]
    assert found["points"] == exported["rounds"][1]["deltas"]
    page = tmp_path / "game.html"
    assert main(["skull-king", "view", file, "--worlds", "0", "--html", str(page)]) == 0
    assert "N is you, the others medium." in page.read_text()


def test_a_round_that_was_not_played_is_named(file, capsys):
    assert main(["skull-king", "view", file, "--round", "4"]) == 2
    assert "has 3 rounds" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"format": "forge skull-king game 0"}, "its format is not"),
        ({"seed": "22"}, "illegal|not those"),
        ({"seed": 21}, "seed is not a whole number"),
        ({"seed": "9" * 16}, "seed is not a whole number"),
        ({"seats": 2}, "number of seats"),
        ({"seats": True}, "number of seats"),
        ({"others": "[red]"}, "none of easy"),
        ({"others": []}, "none of easy"),
        ({"actions": []}, "not a list"),
        ({"actions": [1.5]}, "not a list"),
        ({"actions": [75, 75]}, "ends before round 1"),
        ({"actions": [-1]}, "illegal"),
        ({"rounds": []}, "not those of its actions"),
        ({"rounds": None}, "not those of its actions"),
    ],
)
def test_a_broken_game_is_named(exported, change, reason, tmp_path):
    path = tmp_path / "game.json"
    path.write_text(json.dumps(exported | change))
    with pytest.raises(BadInput, match=reason):
        open_game(str(path))


def test_a_game_that_goes_on_after_its_rounds_is_named(exported, tmp_path):
    path = tmp_path / "game.json"
    path.write_text(json.dumps(exported | {"actions": [*exported["actions"], 75]}))
    with pytest.raises(BadInput, match="ends before round 4"):
        open_game(str(path))


def test_a_file_that_is_no_game_is_named(tmp_path, capsys):
    for text in ("", "[]", "[" * 100_000, "{}"):
        path = tmp_path / "other.json"
        path.write_text(text)
        assert main(["skull-king", "view", str(path)]) == 2
        assert "not a game exported by the page" in " ".join(capsys.readouterr().err.split())
