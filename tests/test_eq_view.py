"""`forge view`: its scenes match the recorded plays, and the terminal shows them."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from recorded_game import POINTS, recorded_game
from rich.console import Console

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.texas42.dominoes import N_PLAYS, team
from forge_core.texas42.eq.files import write_game
from forge_core.texas42.eq.scenes import Scene, scenes, tricks_of
from forge_core.texas42.eq.view import LEGEND, bid_text, describe_decision, describe_game, settings_text
from forge_core.texas42.notation import domino_text, suits_of
from forge_core.texas42.rules import follows, legal_plays
from forge_core.texas42.tricks import score

GAMES = [recorded_game(seed, (30, 36, 42, 84)[seed % 4], leader=seed % 4) for seed in range(10)]
"""one of each declaration"""


def text_of(*parts, width: int = 80) -> str:
    page = io.StringIO()
    console = Console(file=page, width=width, highlight=False)
    for part in parts:
        console.print(part)
    return page.getvalue()


@pytest.fixture
def store(tmp_path):
    """A folder with two games, seeds 3 and 5."""
    for game in (GAMES[3], GAMES[5]):
        write_game(Store(str(tmp_path)), game)
    return str(tmp_path)


# --- scenes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_a_scene_is_what_was_played(game):
    for step, scene in enumerate(scenes(game)):
        mover, other = team(scene.seat), 1 - team(scene.seat)
        assert scene.seat == game.decisions.player[step]
        assert (scene.points[mover], scene.points[other]) == tuple(game.decisions.points_so_far[step])
        held = [domino for domino in scene.hand if domino not in scene.played]
        legal = legal_plays(held, scene.trick.dominoes, game.decl)
        assert sorted(option.domino for option in scene.options) == sorted(legal)
        assert [option.domino for option in scene.options if option.chosen] == [scene.chosen]
    assert sum(score(tricks_of(game))) == 42


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_a_void_is_one(game):
    seen = 0
    for scene in scenes(game):
        for seat, voids in enumerate(scene.voids):
            left = [domino for domino in game.hands[seat].tolist() if domino not in scene.played]
            assert not any(follows(domino, suit, game.decl) for domino in left for suit in voids)
            assert voids <= set(suits_of(game.decl))
            seen += len(voids)
    assert seen > 0


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_from_there_on_the_bid_is_made(game):
    for scene in scenes(game):
        for option in scene.options:
            line = scene.makes_from
            if line is None:
                assert option.p_make in (0.0, 1.0)
            else:
                assert option.pdf[line <= POINTS].sum() == pytest.approx(option.p_make, abs=1e-5)
                assert option.pdf[line == POINTS].sum() == 0  # never on the line itself


def test_options_stand_best_first():
    by_worth, by_chance = recorded_game(criterion="eq"), recorded_game(criterion="pmake")
    for scene in scenes(by_worth):
        behind = [option.behind for option in scene.options]
        assert behind == sorted(behind)
        assert behind[0] == 0
    for scene in scenes(by_chance):
        chances = [option.p_make for option in scene.options]
        assert chances == sorted(chances, reverse=True)


def test_how_clear_a_decision_is():
    game = GAMES[0]
    of = game.decisions
    forced = int(np.flatnonzero(of.forced)[0])
    assert Scene(game, forced).lead_in_errors is None
    first, second = np.flatnonzero(of.legal_mask[0])[:2]
    of.e_q_mean[0, of.legal_mask[0]] = -10
    of.e_q_mean[0, first] = 5
    of.e_q_var[0], of.ess[0] = 8, 16
    assert Scene(game, 0).lead_in_errors == pytest.approx(15)  # 15 points, the error sqrt(2 x 8 / 16)
    of.n_worlds[0] = of.world_count[0] = 16
    assert Scene(game, 0).lead_in_errors == math.inf
    of.e_q_mean[0, second] = 5
    assert Scene(game, 0).lead_in_errors == 0


@pytest.mark.parametrize("step", [-1, N_PLAYS])
def test_a_decision_that_no_game_has(step):
    with pytest.raises(BadInput, match=r"0\.\.27"):
        Scene(GAMES[0], step)


# --- the terminal -----------------------------------------------------------------------------


@pytest.mark.parametrize("game", GAMES[1:], ids=str)
def test_a_game_in_eighty_columns(game):
    text = text_of(*describe_game(game))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    for scene in scenes(game):
        said = f"{scene.step:2}  seat {scene.seat} {scene.verb} {domino_text(scene.chosen)}"
        line = next(line for line in lines if line.startswith(said))
        assert line.endswith(" (forced)") == scene.forced
        assert ("losing" in line) == (not scene.forced and scene.gives_away >= 0.05)
    points = score(tricks_of(game))
    made = points[team(game.bidder)] >= min(game.bid, 42)
    end = f"seats 0 and 2: {points[0]} · seats 1 and 3: {points[1]}: the bid of {game.bid} is "
    assert lines[-1].startswith(end + ("made" if made else "set, "))


def test_one_decision_says_what_was_weighed():
    game = GAMES[7]
    scene = next(scene for scene in scenes(game) if len(scene.options) > 2 and any(scene.voids))
    text = text_of(describe_decision(game, scene.step))
    for option in scene.options:
        mark = "▸" if option.chosen else " "
        cells = f"{mark} {domino_text(option.domino)}", f"{option.mean:+.1f}", f"{option.spread:.1f}"
        line = next(line for line in text.splitlines() if f"  {cells[0]} " in line)
        assert all(cell in line for cell in (*cells, f"{option.p_make:.0%}"))
    assert f"{scene.n_worlds} of {scene.world_count:,} worlds, ESS {scene.ess:.1f}" in text
    assert "void of 0 1 2 3 4 5 6 d" in text
    assert text.count("×") == sum(map(len, scene.voids))


def test_what_was_given_away_of_a_chance():
    game = recorded_game(criterion="pmake")
    texts = [text_of(describe_decision(game, scene.step)) for scene in scenes(game) if not scene.forced]
    assert any("% of the chance" in text for text in texts)
    assert not any(" points" in text for text in texts)


def test_settings_in_words():
    assert settings_text(GAMES[0].settings) == "exact oracle · 50 worlds · boltzmann by E[Q]"
    assert settings_text({}) == ""
    assert text_of(bid_text(GAMES[1])).strip() == "ones are trumps · seat 1 bid 36"


# --- forge view -------------------------------------------------------------------------------


def test_forge_view(forge, store):
    status, out, err = forge("view", store, "--game", "5")
    assert (status, err) == (0, "")
    assert "seed 5 · train" in out
    assert "fives are trumps · seat 1 bid 36" in out
    assert LEGEND in out
    assert out.count("worlds, ESS") == (~GAMES[5].decisions.forced).sum()


def test_forge_view_of_a_file_and_of_one_decision(forge, store):
    path = f"{store}/train/seed_00000003_decl_3.parquet"
    status, out, err = forge("view", path, "--decision", "0")
    assert (status, err) == (0, "")
    assert out.startswith("seed 3 · decision 0 · threes are trumps · seat 3 bid 84")


def test_forge_view_for_programs(forge, store):
    status, out, err = forge("view", store, "--game", "5", "--json")
    assert (status, err) == (0, "")
    told, game = json.loads(out), GAMES[5]
    assert told["hands"] == game.hands.tolist()
    assert (told["decl"], told["bid"], sum(told["points"])) == ("fives", 36, 42)
    assert [each["played"] for each in told["decisions"]] == [domino_text(id) for id in game.plays.tolist()]
    assert [each["world_count"] for each in told["decisions"]] == game.decisions.world_count.tolist()
    _, out, _ = forge("view", store, "--game", "5", "--json", "--decision", "9")
    assert json.loads(out)["decisions"] == told["decisions"][9:10]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "has no games"),
        ((__file__,), "is not a recorded game"),
        (("seed_00000001_decl_1.parquet",), "there is no such game"),
        (("film.parquet",), "film.parquet: there is no such file"),
        ((".",), "2 games: choose one of the seeds 3,5 with --game"),
        ((".", "--game", "4"), "no game of seed 4"),
        ((".", "--game", "3", "--decision", "28"), "use 0..27"),
        ((".", "--game", "3", "--decision", "-1"), "decision"),
    ],
)
@pytest.mark.parametrize("verb", ["view", "pictures"])
def test_what_is_not_there(forge, store, monkeypatch, verb, arguments, said):
    monkeypatch.chdir(store)
    status, out, err = forge(verb, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err


@pytest.mark.slow
def test_a_game_is_split_into_luck_hidden_hands_and_blunders(forge, tmp_path):
    import json

    from forge_core.files import Store
    from forge_core.texas42.deals import deal_from_seed
    from forge_core.texas42.eq import ExactOracle, GameConfig, Sampling, play_games
    from forge_core.texas42.eq.files import write_game
    from forge_core.texas42.games import start

    games = start([deal_from_seed(7)], [7])
    [record] = play_games(ExactOracle(1), games, GameConfig(Sampling(3)), "cpu", deal_seeds=[7])
    write_game(Store(str(tmp_path)), record)
    status, out, _ = forge("view", str(tmp_path), "--regret")
    assert status == 0 and "hidden hands" in out
    told = json.loads(forge("view", str(tmp_path), "--regret", "--json")[1])["regret"]
    lost = np.array(told["lost"])
    team = record.decisions.player % 2
    assert told["margin"] == told["luck"] - lost[team == 0].sum() + lost[team == 1].sum()
    np.testing.assert_allclose(np.add(told["blunder"], told["hidden"]), lost, atol=1e-2)
