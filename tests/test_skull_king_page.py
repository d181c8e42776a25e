"""`forge skull-king page`: whole games by clicks in a browser, replayed by forge_core."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from chromium import Chromium, in_browser

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

ACTION = "[data-action]:not(:disabled)"
STATUS = "document.getElementById('status').textContent"


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
    seed, game, rounds = int(record["seed"]), SkullKingGame(record["seats"]), []
    state = game.init([seed])
    if record["others"] == "network":
        player = NetworkPlayer.load(str(WEIGHTS.parent), "cpu")
    else:
        player = RulePlayer(record["others"])
    for made, action in enumerate(record["actions"]):
        legal = game.legal(state)
        assert legal[0, action]
        if game.to_move(state)[0] != 0:
            keys = mix(seed_keys([seed], 0), made)
            assert player.act(TableView.of(game, state), legal, keys)[0] == action
        after = doors.step_rows(state, np.array([action]), game.options)
        if doors.to_move(after)[0] == at.NOBODY:
            columns = {"bids": at.BIDS, "won": at.WON, "deltas": at.DELTA}
            rounds.append(
                {name: after[0, first : first + game.seats].tolist() for name, first in columns.items()}
            )
        state = doors.go_on(after, game.options)
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

    @pytest.mark.parametrize("link", ["#seed=9&seats=3&pace=0", "#seed=9&seats=8&others=medium&pace=0"])
    def test_tables_of_other_sizes(self, browser, address, link):
        record = play_game(browser, address, link, ACTION, 2)
        assert f"seats={record['seats']}" in link
        check_game(record)
        assert browser.evaluate("document.querySelectorAll('.seat').length") == record["seats"]

    def test_a_round_is_looked_at_again_and_saved(self, browser, address, tmp_path, capsys):
        record = play_game(browser, address, "#seed=8&others=hard&pace=0", ACTION, 2)
        table = "document.getElementById('table').innerHTML"
        n_cards = "document.querySelectorAll('.seat .card').length"
        end, shown = browser.evaluate(table), []
        for _ in range(12):
            browser.press("ArrowLeft")
            shown.append(browser.evaluate(n_cards))
        # Four bids and two tricks: all hands are open, and each play back returns a card to its hand.
        assert shown == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 8]
        assert browser.evaluate(STATUS).startswith("Action 1 of 12")
        browser.press("ArrowLeft")
        assert browser.evaluate(STATUS).startswith("Action 1 of 12")
        browser.click("[data-play='7']")
        assert browser.evaluate(STATUS).startswith("Action 12 of 12")
        browser.click("[data-step='1']")
        assert browser.evaluate(STATUS) == "The end of the round."
        browser.wait_for(f"{table} === {json.dumps(end)}")
        browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        browser.click("#save")
        file = tmp_path / "skull-king-seed-8.json"
        deadline = time.monotonic() + 20
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert json.loads(file.read_text()) == record
        assert main(["skull-king", "view", str(file), "--worlds", "4"]) == 0
        assert "N is you, the others hard." in " ".join(capsys.readouterr().out.split())

    def test_a_wrong_link_is_named(self, browser, address):
        for word in ("seed=-1", "others=weak", "seats=2"):
            browser.open(f"{address}#{word}")
            browser.wait_for(f"document.getElementById('status')?.textContent.includes('{word}')")


def test_the_players_are_those_of_the_page():
    names = ", ".join(f'"{name}"' for name in PLAYERS)
    assert f"const PLAYERS = [{names}];" in (FOLDER / "link.mjs").read_text()


def test_out_writes_the_folder(tmp_path, capsys):
    assert main(["skull-king", "page", "--out", str(tmp_path / "page")]) == 0
    written = {str(file.relative_to(tmp_path / "page")) for file in (tmp_path / "page").rglob("*.*")}
    assert written == set(PAGE.files())
    assert str(tmp_path / "page" / "index.html") in capsys.readouterr().out.replace("\n", "")


def test_bad_options_are_named(capsys):
    assert main(["skull-king", "page", "--no-browser", "--others", "weak"]) == 2
    assert "easy, medium, hard" in capsys.readouterr().err


def test_a_network_of_the_users_takes_the_place_of_the_projects(tmp_path, capsys):
    assert main(["skull-king", "page", "--model", str(WEIGHTS.parent), "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "settings.json").read_text())["player"]["name"] == "skull-king-256x2"
    assert (tmp_path / WEIGHTS.name).read_bytes() == WEIGHTS.read_bytes()
    assert main(["skull-king", "page", "--model", "models/liuzhou-32x3"]) == 2
    assert "choose another model" in capsys.readouterr().err
