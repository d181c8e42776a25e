"""`forge liuzhou`: the answers of each verb, a game at the terminal, and refusals."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from liuzhou_records import random_games, store_games
from PIL import Image

from forge_core.files import Store
from forge_core.learning.checkpoints import save_model
from forge_core.liuzhou.files import FOLDER, GamesKey
from forge_core.liuzhou.network import LiuzhouNet, parse_size
from forge_core.liuzhou.record import GameRecord

VERBS = ("play", "show", "analyse", "film", "match", "evaluate")
HEAVY = ("numpy", "numba", "llvmlite", "torch", "pyarrow", "fsspec", "matplotlib", "dagster")
MATCH = ("liuzhou", "match", "greedy", "random", "--pairs", "20")


@pytest.fixture
def answer(forge):
    """Run a verb with --json and return its answer."""

    def run(*arguments: str) -> dict:
        status, out, err = forge("liuzhou", *arguments, "--json")
        assert (status, err) == (0, "")
        return json.loads(out)

    return run


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    folder = str(tmp_path_factory.mktemp("liuzhou") / "model")
    torch.manual_seed(1)
    save_model(folder, LiuzhouNet.of_size(parse_size("4x0")), {})
    return folder


# --- help -------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from forge_core.cli.main import main\n"
        f"for verb in {VERBS}: assert main(['liuzhou', verb, '--help']) == 0\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"forge liuzhou {verb}" in done.stdout for verb in VERBS)
    assert done.stdout.count("--json") == len(VERBS)


def test_the_game_stands_among_the_others(forge):
    assert "liuzhou" in forge("--help")[1]
    status, out, _ = forge("liuzhou")
    assert status == 0 and all(verb in out for verb in VERBS)


# --- positions --------------------------------------------------------------------------------


def test_a_position_is_shown(forge, answer, tmp_path):
    then = "c3 d3 c4 d4 b3 e3 b4"
    status, out, err = forge("liuzhou", "show", "start", "--then", then)
    assert (status, err) == (0, "")
    assert "3  . (B)(B) W  W  .\n4  . >B)(B) W  .  .\n" in out
    assert "black marks 1 stone (stones: black 4, white 3; actions: 7)\nlegal: xd3 xe3 xd4\n" in out
    line = out.splitlines()[-1]
    assert line == "....../....../.BBWW./.BBW../....../...... mark black pending=1 moves=7"
    assert answer("show", line) == {"position": line, "outcome": None, "legal": ["xd3", "xe3", "xd4"]}
    picture = tmp_path / "board.png"
    assert answer("show", line, "--picture", str(picture))["legal"] == ["xd3", "xe3", "xd4"]
    assert Image.open(picture).size == (1000, 620)
    over = "B...../....../....../....../....W./WWW.WW move white moves=99"
    assert answer("show", over)["outcome"] == -1
    assert "white has won" in forge("liuzhou", "show", over)[1]


def test_a_position_is_searched_by_random_games_and_by_a_network(forge, answer, model, tmp_path):
    square = ("BB..../B...../....../..W.../....../WW...W place black moves=6", "--sims", "200")
    found = answer("analyse", *square)
    assert found["actions"][0]["action"] == "b2" and found["value"] > 0 and found["model"] is None
    assert sum(action["visits"] for action in found["actions"]) == 200
    assert sum(action["prior"] for action in found["actions"]) == pytest.approx(1, abs=1e-5)
    assert found["actions"] == answer("analyse", *square)["actions"], "it draws the same games again"
    picture = tmp_path / "a.png"
    arguments = ("analyse", "start", "--model", model, "--sims", "16", "--device", "cpu")
    status, out, err = forge("liuzhou", *arguments, "--picture", str(picture))
    assert (status, err) == (0, "") and picture.read_bytes().startswith(b"\x89PNG")
    assert re.search(r"\naction +visits +share +q +prior\n", out)
    assert re.search(r"\n[a-f][1-6] +1 +6\.2% +[+-]0\.\d{3} +\d\.\d%\n", out)
    assert "for the player to move" in out


# --- a game at the terminal -------------------------------------------------------------------


def test_a_game_is_played_through_a_pipe(tmp_path):
    path = tmp_path / "game.txt"
    script = "import sys; from forge_core.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "liuzhou", "play", "--white", "greedy", "--out", str(path)]
    typed = "help\nd4\nnonsense\nd4\nlegal\n"
    done = subprocess.run(command, input=typed, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for text in (
        "mark or remove the stone on c4",
        "'nonsense' is not an action: write c3 to place",
        "or help, legal, board, undo, quit",
        "d4 is not legal here: use one of a1 b1",
        "black places a stone (stones: black 1, white 1; actions: 2)",
        "you left the game",
    ):
        assert text in done.stdout, text
    game = GameRecord.parse(path.read_text())
    assert game.players == ("human", "greedy") and len(game.actions) == 2


def test_an_action_is_taken_back(forge, type_in):
    type_in("undo", "a1", "undo", "b2", "board", "quit", "never read")
    status, out, err = forge("liuzhou", "play", "--white", "reply")
    assert (status, err) == (0, "")
    assert "there is nothing to take back" in out and out.count("white: ") == 2
    boards = out.split("   a  b  c  d  e  f")[1:]
    before, after_a1, again, after_b2, shown = (board.split("black>")[0] for board in boards)
    assert again == before != after_a1 and after_b2 == shown
    assert "\n2  .  B " in shown and "\n1  B " in after_a1


def test_two_people_play_to_the_end(forge, type_in):
    capture = "BB..../BB..../....../...W../W....W/..W... capture black pending=1 moves=70"
    type_in("xd4")
    status, out, _ = forge("liuzhou", "play", "--white", "human", "--start", capture)
    assert status == 0 and "black has won (stones: black 4, white 3; actions: 71)" in out


def test_two_programs_play_for_a_program(answer, tmp_path):
    path = str(tmp_path / "game.txt")
    players = ("play", "--black", "greedy", "--white", "reply", "--out", path)
    found = answer(*players)
    assert found == answer(*players) and answer(*players, "--seed", "1")["actions"] != found["actions"]
    assert found["result"] in ("black has won", "white has won", "drawn") and found["path"] == path
    answer(*players)
    assert len(GameRecord.parse(Path(path).read_text()).actions) == len(found["actions"])


# --- films ------------------------------------------------------------------------------------


def test_a_game_is_filmed(answer, tmp_path):
    path = tmp_path / "game.txt"
    path.write_text("black: greedy\nwhite: reply\nb3 e3 b4 d3\n")
    found = answer("film", str(path), "--sims", "8")
    assert found["path"] == str(tmp_path / "game.gif") and found["actions"] == 4
    film = Image.open(found["path"])
    assert film.n_frames == 5 and found["bytes"] == Path(found["path"]).stat().st_size
    bare = answer("film", str(path), "--no-judge", "--fps", "5", "--out", str(tmp_path / "bare.gif"))
    assert bare["bytes"] < found["bytes"] and Image.open(bare["path"]).info["duration"] == 200


def test_a_stored_game_of_self_play_is_filmed(answer, forge, tmp_path, monkeypatch):
    """With the policies and values that its search found."""
    drawn = []

    def draw(game, analyses, *arguments):
        drawn.append((game, analyses))
        return b"GIF"

    monkeypatch.setattr("forge_core.liuzhou.pictures.draw_film", draw)
    key = GamesKey(3, 0)
    store_games(Store(str(tmp_path)), 3)
    games = random_games(GamesKey(3, 0))
    path = f"{tmp_path}/{FOLDER}/{key.folder}/{key.filename}"
    found = answer("film", path, "--game", "5")
    assert found["path"] == path.replace(".parquet", "_5.gif")
    [(game, analyses)] = drawn
    of_game = games.take(games.game == 5)
    assert game.actions == tuple(of_game.action.tolist()) and game.is_over
    assert len(analyses) == len(game.rows) and analyses[-1] is None
    taught = int(of_game.taught.argmax())
    sign = 1 if of_game.rows[taught, 3] >> 3 & 1 == 0 else -1
    assert analyses[taught].value == pytest.approx(sign * of_game.value[taught])
    assert analyses[taught].options[0].share == of_game.policy[taught].max()
    status, _, err = forge("liuzhou", "film", path, "--game", "99")
    assert status == 2 and "holds games 0..31" in err


# --- matches ----------------------------------------------------------------------------------


def test_a_match(forge, answer):
    status, out, err = forge(*MATCH)
    assert (status, err) == (0, "")
    assert re.search(r"greedy : random +\d+ +\d+ +\d+ +\.\d{3} \(\.\d{3}-[01]?\.\d{3}\) +\+\d+\.\d\d ±", out)
    assert "with its 95 % interval by pairs" in out and "4 random actions, seed 0" in out
    found = answer(*MATCH[1:])
    (match,) = found["matches"]
    assert match["won"] + match["drawn"] + match["lost"] == match["games"] == 40
    assert match["score"]["low"] < match["score"]["mean"] and match["score"]["n"] == match["seeds"] == 20
    assert (found["pairs"], found["opening"], found["device"], found["ratings"]) == (20, 4, "cpu", [])
    assert answer(*MATCH[1:], "--batch", "3") | {"seconds": 0} == found | {"seconds": 0}


def test_several_players_are_rated(forge):
    status, out, _ = forge("liuzhou", "match", "random", "greedy", "reply", "--pairs", "20")
    assert status == 0
    assert re.search(r"1 +reply +\+\d+ +\+\d+ to \+\d+ +80\n2 +greedy .*\n3 +random +\+0 +anchor +80", out)


def test_a_match_ends_when_it_is_decided(forge):
    status, out, _ = forge(*MATCH[:-1], "150", "--sprt", "--margin", "0.4")
    assert status == 0 and re.search(r" 50 +greedy is better", out) and "a little too narrow" in out


def test_a_network_on_the_ladder(answer, model, tmp_path):
    picture = tmp_path / "ladder.png"
    few = ("--pairs", "3", "--sims", "2", "--picture", str(picture))
    found = answer("evaluate", model, "--opponents", "random greedy", *few)
    assert Image.open(picture).width == 1000
    assert [match["b"] for match in found["matches"]] == ["random", "greedy"]
    assert {match["a"] for match in found["matches"]} == {f"search:sims=2,model={model}"}
    assert {rating["name"] for rating in found["ratings"]} >= {"random", "greedy"}
    crossed = answer("evaluate", "reply", "--opponents", "greedy random", "--pairs", "5", "--cross")
    assert len(crossed["matches"]) == 3 and crossed["ratings"][0]["name"] == "reply"
    assert crossed["ratings"][-1] == {"name": "random", "elo": 0.0, "low": 0.0, "high": 0.0, "games": 20}


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "here"), "'here' is not a position"),
        (("show", "start", "--then", "c3 c3"), "action 2, c3, is against the rules"),
        (("show", "start", "--picture", "board.jpg"), "--picture 'board.jpg' is not a PNG file"),
        (("analyse", "B...../....../....../....../....W./WWW.WW move white"), "the game is over in B"),
        (("analyse", "start", "--sims", "0"), "--sims 0: use at least 1"),
        (("analyse", "start", "--sims", "99999"), "sims 99999"),
        (("analyse", "start", "--model", "/nowhere"), "/nowhere contains no model"),
        (("play", "--white", "deepest"), "unknown player 'deepest'"),
        (("play", "--white", "champion"), "copy it with forge-pipeline fetch champion"),
        (("play", "--json"), "--json is for games between programs"),
        (("film", "/nowhere.txt"), "there is no game /nowhere.txt"),
        (("film", "/nowhere.txt", "--game", "3"), "--game chooses a game in a .parquet file"),
        (("film", "/nowhere.txt", "--out", "film.mp4"), "--out 'film.mp4' is not a GIF file"),
        (("film", "/a/b/c.parquet"), "/a/b/c.parquet is not in a store"),
        (("match", "greedy"), "name at least two"),
        (("match", "greedy", "clever"), "unknown player 'clever'"),
        (("match", "greedy", "greedy", "reply"), "greedy would play itself"),
        (("match", "greedy", "random", "--pairs", "1"), "--pairs 1: use 2.."),
        (("match", "greedy", "random", "--opening", "31"), "--opening 31: use 0..30"),
        (("match", "greedy", "random", "--margin", "2"), "--margin 2: use a number between 0 and 1"),
        (("match", "greedy", "random", "--batch", "0"), "--batch 0: use 1.."),
        (("evaluate", "/nowhere"), "/nowhere contains no model"),
        (("evaluate", "champion"), "copy it with forge-pipeline fetch champion"),
        (("evaluate", "greedy", "--opponents", ""), "name each player once"),
        (("evaluate", "greedy", "--opponents", "greedy random"), "greedy would play itself"),
    ],
)
def test_bad_input_is_one_sentence(forge, arguments, message):
    status, out, err = forge("liuzhou", *arguments)
    assert (status, out) == (2, "")
    assert message in err and err.startswith("forge: ") and err.count("\n") == 1
