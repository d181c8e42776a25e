"""`forge play`: the page as a folder and on loopback, and whole hands by clicks, replayed by forge_core."""

from __future__ import annotations

import json
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request

import numpy as np
import pytest
from chromium import CHROMIUM, Chromium

from forge_core.cli.main import main
from forge_core.errors import BadInput
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.generate import GameConfig, decide
from forge_core.texas42.eq.oracles import ExactOracle
from forge_core.texas42.games import start
from forge_core.texas42.oracle import root_q
from forge_core.texas42.state import to_mover_frame
from forge_core.texas42.web import PAGE
from forge_core.web.serve import server_of

in_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or sys.platform != "linux", reason="no Chromium"),
]
TURN = "document.querySelector('button.domino:not(:disabled)') || texas42.record()"
FIRST_LEGAL = "button.domino:not(:disabled)"


@pytest.fixture(scope="module")
def address():
    server = server_of(PAGE, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser(tmp_path):
    with Chromium(tmp_path / "profile") as browser:
        browser.show_as(1180, 800)
        yield browser
        assert not browser.errors


def play_hand(browser: Chromium, address: str, link: str, choose: str = FIRST_LEGAL) -> dict:
    """Play a hand by clicks on `choose`; return what the page recorded."""
    browser.open(address + link)
    browser.wait_for("globalThis.texas42")
    while True:
        browser.wait_for(TURN, 120)
        if browser.evaluate("Boolean(texas42.record())"):
            return browser.evaluate("texas42.record()")
        legal = browser.evaluate(f"document.querySelectorAll('{FIRST_LEGAL}').length")
        if legal > 1 and choose == ".best":
            browser.wait_for("document.querySelector('.best')")
        browser.click(choose if legal > 1 else FIRST_LEGAL)


def check_hand(record: dict, worlds: int) -> None:
    """Replay a recorded hand: deal, legality, seats, points, exact values, and all estimates of E[Q]."""
    assert record["deal"] == deal_from_seed(int(record["seed"]))
    games = start([record["deal"]], [record["decl"]], record["bidder"], bids=record["bid"])
    keys = np.array([int(record["seed"]) % 2**64], dtype=np.uint64)
    for ply, domino in enumerate(record["plays"]):
        views = games.views
        assert views.seat[0] == record["players"][ply]
        slot = views.hand[0].tolist().index(domino)
        q = to_mover_frame(root_q(games.hands, games.seen.decl, None, games.states), games.states)[0]
        assert [None if value == -128 else value for value in q.tolist()] == record["values"][ply]
        found = record["estimates"][ply]
        config = GameConfig(Sampling(worlds if views.seat[0] == 0 else 50))
        expected, choices = decide(ExactOracle(), views, keys, config)
        assert found["best"] == choices.slot[0]
        assert (found["worlds"], found["count"]) == (expected.n_worlds[0], expected.world_count[0])
        for name, same in (
            ("mean", expected.mean),
            ("spread", np.sqrt(expected.variance)),
            ("pMake", expected.p_make),
        ):
            np.testing.assert_allclose(np.array(found[name], dtype=float), same[0], atol=1e-4)
        if views.seat[0] != 0:
            assert slot == choices.slot[0]
        lost = np.nanmax(expected.mean[0]) - expected.mean[0, slot]
        np.testing.assert_allclose(record["costs"][ply]["known"], lost, atol=1e-4)
        assert record["costs"][ply]["seen"] == max(q.tolist()) - q[slot]
        games = games.play([slot])
    assert games.over
    assert games.seen.points[0].tolist() == record["points"]


class TestInBrowser:
    pytestmark = in_browser

    def test_a_hand_by_clicks_is_that_of_forge_core(self, browser, address, tmp_path, capsys):
        record = play_hand(browser, address, "#seed=7&decl=sixes&pace=0", ".best")
        assert (record["seed"], record["decl"]) == ("7", NAMES.index("sixes"))
        check_hand(record, worlds=50)
        assert browser.evaluate("document.querySelectorAll('.back').length") == 0  # all hands face up
        assert browser.evaluate("document.querySelectorAll('#log tr').length") == 29
        browser.press("ArrowLeft")
        assert browser.evaluate("document.getElementById('status').textContent").startswith("Play 28 of 28")
        browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        browser.click("#save")
        file = tmp_path / "texas42-seed-7.json"
        deadline = time.monotonic() + 20
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert json.loads(file.read_text()) == record
        assert main(["view", str(file)]) == 0
        assert "seat 0 against exact players" in " ".join(capsys.readouterr().out.split())

    def test_a_hand_with_a_chosen_trump_and_without_hints(self, browser, address):
        browser.show_as(390, 844, is_dark=True, is_phone=True)
        browser.open(f"{address}#seed=123456789012345678901&pace=0")
        browser.wait_for("document.querySelector('[data-decl]')")
        browser.press("h")
        browser.click("[data-decl=doubles-trump]")
        browser.wait_for(TURN)
        hints = "document.querySelectorAll('.meter').length"
        assert browser.evaluate(hints) == 0
        assert browser.evaluate("location.hash").endswith("decl=doubles-trump&pace=0")
        # Until the end, nothing on the page tells what another seat expects.
        assert browser.evaluate("texas42.record()") is None
        browser.press("1")
        browser.wait_for("document.querySelectorAll('#log tr').length > 4")
        assert browser.evaluate("document.documentElement.scrollWidth") == 390
        while not browser.evaluate("Boolean(texas42.record())"):
            slot = browser.evaluate(f"document.querySelector('{FIRST_LEGAL} .keys')?.textContent")
            if slot:
                browser.press(slot)
            browser.wait_for(TURN)
        record = browser.evaluate("texas42.record()")
        assert record["decl"] == NAMES.index("doubles-trump")
        check_hand(record, worlds=50)
        assert browser.evaluate("document.documentElement.scrollWidth") == 390

    def test_a_wrong_link_is_named(self, browser, address):
        for link, word in (("#seed=-1", "seed=-1"), ("#seed=1&decl=hearts", "decl=hearts")):
            browser.open(address + link)
            browser.wait_for(f"document.getElementById('status')?.textContent.includes('{word}')")


def test_the_server_offers_only_the_files_of_the_page(address):
    with urllib.request.urlopen(address) as answer:
        assert answer.headers["Content-Type"] == "text/html"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    for name, kind in (("main.mjs", "text/javascript"), ("texas42.wasm", "application/wasm")):
        with urllib.request.urlopen(address + name) as answer:
            assert answer.headers["Content-Type"] == kind
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(address + "../__init__.py")


def test_the_page_names_no_other_host():
    for file in PAGE.glob("*.[hmc]*s*"):
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "//cdn" not in text


def test_out_writes_the_folder(tmp_path, capsys):
    assert main(["play", "--out", str(tmp_path / "page")]) == 0
    assert {file.name for file in (tmp_path / "page").iterdir()} == {file.name for file in PAGE.iterdir()}
    assert str(tmp_path / "page" / "index.html") in capsys.readouterr().out.replace("\n", "")


def test_a_port_in_use_is_named():
    server = server_of(PAGE, 0)
    try:
        with pytest.raises(BadInput, match=f"port {server.server_port} cannot be used"):
            server_of(PAGE, server.server_port)
    finally:
        server.server_close()


@pytest.mark.parametrize("options, word", [(["--decl", "sixes"], "--seed"), (["--port", "70000"], "70000")])
def test_bad_options_are_named(options, word, capsys):
    assert main(["play", "--no-browser", *options]) == 2
    assert word in capsys.readouterr().err


def test_every_file_of_the_page_is_installed():
    package = PAGE.parent
    settings = tomllib.loads((package.parents[2] / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = settings["package-data"]["forge_core.texas42.web"]
    installed = {file for pattern in patterns for file in package.glob(pattern)}
    assert installed == set(PAGE.rglob("*"))
