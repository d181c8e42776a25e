"""`forge skull-king page`: whole games by clicks in a browser, replayed by forge_core."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from chromium import CHROMIUM, Chromium

from forge_core.arena.play import seed_keys
from forge_core.cli.main import main
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.players import TableView
from forge_core.skull_king.players.bots import RulePlayer
from forge_core.skull_king.players.network import NetworkPlayer
from forge_core.skull_king.state import doors
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.web import FOLDER, PAGE, PLAYERS, WEIGHTS
from forge_core.streams import mix
from forge_core.web.serve import server_of

in_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or sys.platform != "linux", reason="no Chromium"),
]
ACTION = "[data-action]:not(:disabled)"
GAME = SkullKingGame()


@pytest.fixture(scope="module")
def address():
    server = server_of(PAGE.files(), 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(tmp_path):
    with Chromium(tmp_path / "profile") as browser:
        browser.show_as(1180, 800)
        yield browser
        assert not browser.errors


def play_game(browser: Chromium, address: str, link: str, choose: str, rounds: int) -> dict:
    """Play some rounds by clicks on `choose`; return what the page recorded."""
    browser.open(address + link)
    browser.wait_for("globalThis.skullKing")
    for number in range(1, rounds + 1):
        for _ in range(number + 1):
            browser.wait_for(f"document.querySelector('{ACTION}')")
            if choose.startswith(".best"):
                browser.wait_for("document.querySelector('.best')")
            made = browser.evaluate("skullKing.record().actions.length")
            browser.click(choose)
            browser.wait_for(f"skullKing.record().actions.length > {made}")
        browser.wait_for("document.querySelector('#next')")
        record = browser.evaluate("skullKing.record()")
        if number < rounds:
            browser.click("#next")
            browser.wait_for("!document.querySelector('#next')")
    return record


def check_game(record: dict) -> None:
    """Replay a recorded game: legality, the choices of the other seats, bids, tricks and points."""
    seed, state, rounds = int(record["seed"]), GAME.init([int(record["seed"])]), []
    if record["others"] == "network":
        player = NetworkPlayer.load(str(WEIGHTS.parent), "cpu")
    else:
        player = RulePlayer(record["others"])
    for time, action in enumerate(record["actions"]):
        legal = GAME.legal(state)
        assert legal[0, action]
        if GAME.to_move(state)[0] != 0:
            keys = mix(seed_keys([seed], 0), time)
            assert player.act(TableView.of(GAME, state), legal, keys)[0] == action
        after = doors.step_rows(state, np.array([action]), GAME.options)
        if doors.to_move(after)[0] == at.NOBODY:
            columns = {"bids": at.BIDS, "won": at.WON, "deltas": at.DELTA}
            rounds.append({name: after[0, first : first + 4].tolist() for name, first in columns.items()})
        state = doors.go_on(after, GAME.options)
    assert rounds == record["rounds"]


class TestInBrowser:
    pytestmark = in_browser

    def test_a_whole_game_against_the_network(self, browser, address):
        record = play_game(browser, address, "#seed=7&pace=0", f".best{ACTION}", 10)
        assert record["isOver"]
        check_game(record)

    def test_some_rounds_on_a_dark_phone_without_hints(self, browser, address):
        browser.show_as(390, 844, is_dark=True, is_phone=True)
        browser.open(address)
        browser.wait_for("globalThis.skullKing")
        browser.press("h")
        assert browser.evaluate("document.querySelectorAll('.best').length") == 0
        record = play_game(browser, address, "#seed=8&others=hard&pace=0", ACTION, 4)
        check_game(record)
        assert browser.evaluate("document.documentElement.scrollWidth") == 390

    def test_a_wrong_link_is_named(self, browser, address):
        for word in ("seed=-1", "others=weak"):
            browser.open(f"{address}#{word}")
            browser.wait_for(f"document.getElementById('status')?.textContent.includes('{word}')")


def test_the_players_are_those_of_the_page():
    names = ", ".join(f'"{name}"' for name in PLAYERS)
    assert f"const PLAYERS = [{names}];" in (FOLDER / "main.mjs").read_text()


def test_out_writes_the_folder(tmp_path, capsys):
    assert main(["skull-king", "page", "--out", str(tmp_path / "page")]) == 0
    written = {str(file.relative_to(tmp_path / "page")) for file in (tmp_path / "page").rglob("*.*")}
    assert written == set(PAGE.files())
    assert str(tmp_path / "page" / "index.html") in capsys.readouterr().out.replace("\n", "")


def test_bad_options_are_named(capsys):
    assert main(["skull-king", "page", "--no-browser", "--others", "weak"]) == 2
    assert "easy, medium, hard" in capsys.readouterr().err
