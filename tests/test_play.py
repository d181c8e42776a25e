"""`forge play`: the page as a folder and on loopback, and whole hands by clicks, replayed by forge_core."""

from __future__ import annotations

import json
import threading
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pytest
import torch
from chromium import Chromium, in_browser

from forge_core.cli.main import main
from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model, save_model
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.liuzhou.web import FOLDER as LIUZHOU
from forge_core.skull_king.web import FOLDER as SKULL_KING
from forge_core.streams import mix
from forge_core.texas42.auction import PASS, Auction, Score, call_text, legal_calls
from forge_core.texas42.bidding.advice import Situation
from forge_core.texas42.bidding.bidders import RuleBidder, call
from forge_core.texas42.bidding.playouts import open_playout
from forge_core.texas42.bidding.table import play_out
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.eq.adaptive import Sampling
from forge_core.texas42.eq.generate import GameConfig, decide
from forge_core.texas42.eq.oracles import ExactOracle, ModelOracle
from forge_core.texas42.eq.policies import Choices
from forge_core.texas42.games import Games, start
from forge_core.texas42.one_hand.choose import choose_slots, open_policy
from forge_core.texas42.oracle import root_q
from forge_core.texas42.players.expected import ExpectedPlayer
from forge_core.texas42.players.names import parse_player
from forge_core.texas42.players.transcript import TranscriptPlayer
from forge_core.texas42.reference import REFERENCE_MODEL
from forge_core.texas42.state import to_mover_frame
from forge_core.texas42.tokens.inferences import STAGE2_SPEC, encode_views
from forge_core.texas42.views import Views
from forge_core.texas42.web import FOLDER, LEVELS, PAGE, STRONGEST
from forge_core.texas42.web.folder import page_files
from forge_core.web.pages import DOOR, SHARED
from forge_core.web.runtime import FILES, cache_folder, runtime_files
from forge_core.web.serve import content_of, server_of, write_page

TURN = "document.querySelector('button.domino:not(:disabled)') || globalThis.texas42?.record()"
FIRST_LEGAL = "button.domino:not(:disabled)"


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
    """Replay a recorded hand: deal, calls, legality, seats, points, exact values, and all estimates."""
    assert record["deal"] == deal_from_seed(int(record["seed"]))
    if record["auction"]:
        check_auction(record)
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
            assert slot == choice_of(record["opponents"], views, keys, choices)
        lost = np.nanmax(expected.mean[0]) - expected.mean[0, slot]
        np.testing.assert_allclose(record["costs"][ply]["known"], lost, atol=1e-4)
        assert record["costs"][ply]["seen"] == max(q.tolist()) - q[slot]
        games = games.play([slot])
    assert games.over
    assert games.seen.points[0].tolist() == record["points"]


def choice_of(opponents: str, views: Views, keys: npt.NDArray[np.uint64], exact: Choices) -> int:
    """Return the slot that another seat plays on a level."""
    if opponents in ("heuristic", "network"):
        return int(choose_slots(views, open_policy(opponents))[0])
    if opponents == "strongest":
        return int(parse_player(STRONGEST).slots(views, keys)[0])  # pyright: ignore
    return int(exact.slot[0])


def check_auction(record: dict) -> None:
    """Repeat the calls of a recorded auction: legality, the calls of rule bidders, contract and score."""
    bidding = record["auction"]
    auction, marks = Auction(bidding["dealer"]), bidding["marks"]
    decl = None
    for made in bidding["calls"]:
        seat = auction.turn
        if seat != 0:
            situation = Situation(auction.calls, marks[seat % 2], marks[1 - seat % 2])
            expected = call(RuleBidder(), record["deal"][seat], situation)
            assert made == expected.call
            decl = expected.decl if expected.call else decl
        elif made:
            decl = record["decl"]
        auction = auction.call(seat, made)
    contract = auction.contract
    assert contract and (contract.bidder, contract.bid) == (record["bidder"], record["bid"])
    assert decl == record["decl"]
    is_made = contract.made(record["points"])
    assert is_made is not None
    assert list(Score(tuple(marks)).after(contract, is_made).marks) == bidding["marksAfter"]


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

    def test_a_hand_with_an_auction_and_without_hints(self, browser, address):
        browser.show_as(390, 844, is_dark=True, is_phone=True)
        browser.open(f"{address}#seed=123456789012345678901&dealer=0&marks=6-2&pace=0")
        browser.wait_for("document.querySelector('[data-call]')")
        browser.press("h")
        assert browser.evaluate("document.querySelector('#advice')") is None
        assert browser.evaluate("document.documentElement.scrollWidth") == 390
        browser.click("[data-call]:last-child")
        browser.wait_for("document.querySelector('[data-decl]')")
        browser.click("[data-decl=doubles-trump]")
        browser.wait_for(TURN)
        hints = "document.querySelectorAll('.meter').length"
        assert browser.evaluate(hints) == 0
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
        assert record["bid"] >= 84
        check_hand(record, worlds=50)
        assert browser.evaluate("document.documentElement.scrollWidth") == 390

    @pytest.mark.parametrize("opponents", ["heuristic", "network", "strongest"])
    def test_two_hands_of_a_game_against_other_players(self, browser, address, opponents):
        """Seat 0 passes; a hand that all pass is dealt again, and a decided hand is finished at once."""
        browser.open(f"{address}#seed=5&pace=0&opponents={opponents}")
        for _ in range(2):
            self.pass_until_somebody_bids(browser)
            for _ in range(8):
                browser.wait_for(f"document.querySelector('#finish') || {TURN}")
                if browser.evaluate("Boolean(document.querySelector('#finish'))"):
                    browser.click("#finish")
                    break
                held = browser.evaluate("document.querySelectorAll('button.domino').length")
                browser.click(FIRST_LEGAL)
                browser.wait_for(f"document.querySelectorAll('button.domino').length < {held}")
            browser.wait_for("texas42.record()")
            record = browser.evaluate("texas42.record()")
            assert record["opponents"] == opponents
            check_hand(record, worlds=50)
            browser.click("#next")
        score = record["auction"]["marksAfter"]
        browser.wait_for("location.hash.includes('marks=')")
        assert f"marks={score[0]}-{score[1]}" in browser.evaluate("location.hash")
        assert sum(score) > 1

    def pass_until_somebody_bids(self, browser):
        for _ in range(20):
            browser.wait_for(f"document.querySelector('[data-call]') || {TURN}")
            if not browser.evaluate("Boolean(document.querySelector('[data-call]'))"):
                return
            assert browser.evaluate("document.querySelectorAll('.back').length") == 21
            hand = browser.evaluate("location.hash")
            browser.press("p")
            # If all pass, the next auction may have begun before the page is looked at again.
            of_next_hand = f"location.hash !== {json.dumps(hand)}"
            browser.wait_for(f"!document.querySelector('[data-call]') || {TURN} || {of_next_hand}")

    def test_the_auction_advises(self, browser, address):
        """The table converges on that of forge_core's playouts, and the advice is that of the table."""
        browser.open(f"{address}#seed=3&pace=0")
        browser.wait_for("document.querySelector('#panel')?.textContent.includes('In 200 deals')")
        rows = browser.evaluate("[...document.querySelectorAll('#panel tr')].map((row) => row.innerText)")
        hand = deal_from_seed(3)[0]
        expected = play_out(hand, open_playout("network"), 200, 0).p_make[:, 0]
        shown = {row.split("\t")[0]: int(row.split("\t")[1][:-1]) / 100 for row in rows if "%" in row}
        assert len(shown) == 10
        for decl, name in enumerate(NAMES):
            label = name.replace("-", " ").replace("notrump", "no trump")
            assert abs(shown[label] - expected[decl]) < 0.17  # both have 200 deals: 3.4 standard errors
        text = browser.evaluate("document.querySelector('#advice').textContent")
        advised = browser.evaluate("document.querySelector('.advised').textContent")
        assert f"Advice: {advised}" in text

    def test_legal_calls_are_those_of_the_rules(self, browser, address):
        browser.open(address)
        browser.wait_for("globalThis.texas42")
        for high in (PASS, *range(30, 43), 84, 126):
            module = "import('./auction.mjs')"
            both = f"{module}.then((m) => [m.legalCalls({high}), m.callText({high})])"
            assert browser.evaluate(both) == [list(legal_calls(high)), call_text(high)]

    def test_a_wrong_link_is_named(self, browser, address):
        for word in ("seed=-1", "decl=hearts", "dealer=4", "marks=7-0", "opponents=weak"):
            browser.open(f"{address}#{word}")
            browser.wait_for(f"document.getElementById('status')?.textContent.includes('{word}')")


@contextmanager
def page_with(model: str) -> Iterator[str]:
    """Serve the page with a network; yield its address."""
    if missing := [name for name in FILES if not (cache_folder() / name).is_file()]:
        pytest.skip(f"{missing[0]} is not in the cache: run forge play --model once")
    server = server_of(page_files(model), 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def network_address():
    with page_with(REFERENCE_MODEL) as address:
        yield address


@pytest.fixture(scope="module")
def stage2(tmp_path_factory):
    """The folder of an untrained network that sees one hand and the plays."""
    torch.manual_seed(1)
    model = TokenTransformer(STAGE2_SPEC, ModelConfig(32, 2, 2, 64, "eq"))
    torch.nn.init.normal_(model.head.weight, std=0.2)
    folder = str(tmp_path_factory.mktemp("network") / "stage2")
    save_model(folder, model)
    return folder


def ask_network(browser: Chromium, games: Games, row: int, keys: npt.NDArray[np.uint64]) -> dict:
    """Return what the page's network says about the view of one of N games."""
    views, seen = games.views, games.seen
    view = {name: int(getattr(seen, name)[row]) for name in ("decl", "bid", "bidder")}
    for name in ("plays", "players", "points"):
        view[name] = getattr(seen, name)[row].tolist()
    view |= {"seat": int(views.seat[row]), "hand": views.hand[row].tolist()}
    view["leader"] = int(views.seat[row] - seen.step % 4) % 4
    key = str(int(mix(mix(keys[row : row + 1], seen.step), 0)[0]))
    asked = json.dumps({"view": view, "worlds": 20, "key": key})
    return browser.evaluate(f"texas42.ask('network', {asked})")


class TestNetwork:
    """The user's own network, run by onnxruntime-web from the user's cache."""

    pytestmark = in_browser

    def check(self, browser: Chromium, answers_of: Callable, worlds: int) -> None:
        """Compare 200 decisions. answers_of: from games and keys to [N, 7] answers and [N] choices."""
        games = start([deal_from_seed(seed) for seed in range(8)], range(8), 0)
        keys, n_decisions = np.arange(8, dtype=np.uint64), 0
        while games.seen.step < 26:
            answers, slots = answers_of(games, keys)
            for row in range(len(games)):
                found = ask_network(browser, games, row, keys)
                legal = games.views.legal[row]
                mean = np.array(found["mean"], dtype=float)
                assert (np.isfinite(mean) == legal).all()
                np.testing.assert_allclose(mean[legal], answers[row][legal], atol=1e-3)
                order = np.sort(answers[row][legal])
                if len(order) == 1 or order[-1] - order[-2] > 1e-3:
                    assert found["best"] == slots[row]
                assert found["worlds"] <= worlds
                n_decisions += 1
            games = games.play(slots)
        assert n_decisions >= 200

    def test_it_agrees_with_python(self, browser, network_address):
        """E[Q] by the network in 200 decisions equals that of its oracle, to a thousandth of a point."""
        browser.open(f"{network_address}#seed=1&decl=fives")
        browser.wait_for("globalThis.texas42")
        oracle, config = ModelOracle(load_model(REFERENCE_MODEL)), GameConfig(Sampling(20))

        def answers_of(games, keys):
            expected, choices = decide(oracle, games.views, keys, config)
            return expected.mean, choices.slot

        self.check(browser, answers_of, worlds=20)

    def test_a_network_of_one_hand_agrees_with_python(self, browser, stage2):
        """The answers of 200 decisions, one pass each, equal those of the player `stage2`."""
        player = parse_player(f"stage2:model={stage2}", "cpu")
        assert isinstance(player, TranscriptPlayer)

        def answers_of(games, keys):
            seen = encode_views(games.views)
            with torch.inference_mode():
                answers, _ = player.model(torch.from_numpy(seen.tokens), torch.from_numpy(seen.mask))
            return answers.numpy(), player.slots(games.views, keys)

        with page_with(stage2) as address:
            browser.open(f"{address}#seed=7&decl=sixes&pace=0")
            browser.wait_for("document.querySelector('#opinion')", 120)
            text = browser.evaluate("document.querySelector('#opinion').textContent")
            assert "stage2 would play" in text
            assert "from your hand and the plays alone" in text
            self.check(browser, answers_of, worlds=0)
            browser.click("#new")

    def test_the_page_shows_what_it_would_play(self, browser, network_address):
        browser.open(f"{network_address}#seed=7&decl=sixes&pace=0")
        browser.wait_for("document.querySelector('#opinion')", 120)
        text = browser.evaluate("document.querySelector('#opinion').textContent")
        assert "texas42-qvalue-230k would play" in text
        browser.click("#new")


def test_a_runtime_folder_without_its_files_is_named(tmp_path):
    with pytest.raises(BadInput, match=FILES[0]):
        runtime_files(str(tmp_path))


def test_without_npm_the_way_out_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match=r"npm is needed .* --onnxruntime"):
        runtime_files()


def test_a_network_is_a_part_of_the_page(tmp_path):
    """An ONNX file is taken as it is, with the runtime from a folder as npm unpacks it."""
    (tmp_path / "dist").mkdir()
    for name in FILES:
        (tmp_path / "dist" / name).write_bytes(name.encode())
    (tmp_path / "my.onnx").write_bytes(b"network")
    files = page_files(str(tmp_path / "my.onnx"), str(tmp_path), {"champion": "v3"})
    assert write_page(files, Store(str(tmp_path / "page"))) > 100_000
    assert (tmp_path / "page" / "network" / "model.onnx").read_bytes() == b"network"
    assert {file.name for file in (tmp_path / "page" / "network").iterdir()} == {*FILES, "model.onnx"}
    settings = json.loads((tmp_path / "page" / "settings.json").read_text())
    assert settings == {"network": {"name": "my.onnx", "lineage": {"champion": "v3"}}}


def test_a_network_of_one_hand_takes_the_place_of_the_projects():
    files, usual = page_files("models/texas42-plays-6k"), page_files()
    assert files["one_hand.bin"] == (FOLDER / "plays.bin").read_bytes()
    assert json.loads(bytes(files["settings.json"]))["player"]["name"] == "texas42-plays-6k"
    same = {*usual} - {"one_hand.bin", "settings.json"}
    assert {name: files[name] for name in same} == {name: usual[name] for name in same}
    with pytest.raises(BadInput, match="layers of 128 and 64 units: the page needs one with 64 and 32"):
        page_files("models/texas42-one-hand-17k")
    with pytest.raises(BadInput, match="--onnxruntime has no effect"):
        page_files("models/texas42-plays-6k", "somewhere")


def test_the_page_opens_with_the_network_of_one_hand_as_opponent(tmp_path, capsys, monkeypatch):
    links = []
    monkeypatch.setattr("forge_core.texas42.cli.play.offer_page", lambda files, link, *_: links.append(link))
    assert main(["play", "--seed", "3", "--model", "models/texas42-plays-6k"]) == 0
    assert main(["play", "--seed", "3"]) == 0
    assert links == ["#seed=3&opponents=network", "#seed=3"]


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
    for file in PAGE.files().values():
        text = content_of(file).decode(errors="ignore").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "//cdn" not in text


def test_out_writes_the_folder(tmp_path, capsys):
    assert main(["texas42", "play", "--out", str(tmp_path / "page")]) == 0
    written = {str(file.relative_to(tmp_path / "page")) for file in (tmp_path / "page").rglob("*.*")}
    assert written == set(PAGE.files())
    assert str(tmp_path / "page" / "index.html") in capsys.readouterr().out.replace("\n", "")


def test_a_port_in_use_is_named():
    server = server_of(page_files(), 0)
    try:
        with pytest.raises(BadInput, match=f"port {server.server_port} cannot be used"):
            server_of(page_files(), server.server_port)
    finally:
        server.server_close()


def test_the_strongest_player_is_that_of_the_page():
    player = parse_player(STRONGEST)
    assert isinstance(player, ExpectedPlayer)
    sampling, bonus = player.config.sampling, player.config.bonus
    assert not sampling.by_trick and not sampling.adaptive
    worlds = f"nWorlds: {sampling.n_worlds}, candidates: {sampling.candidates}, bonus: {bonus:g}"
    assert f"STRONGEST = {{ {worlds} }};" in (FOLDER / "estimate.mjs").read_text()


def test_the_levels_are_those_of_the_page():
    assert f"LEVELS = {json.dumps(LEVELS)}" in (FOLDER / "link.mjs").read_text()


@pytest.mark.parametrize(
    "options, word",
    [
        (["--decl", "sixes"], "--seed"),
        (["--port", "70000"], "70000"),
        (["--opponents", "weak"], "heuristic, network, exact, strongest"),
        (["--onnxruntime", "x"], "--model"),
    ],
)
def test_bad_options_are_named(options, word, capsys):
    assert main(["play", "--no-browser", *options]) == 2
    assert word in capsys.readouterr().err


@pytest.mark.parametrize(
    "package, folder",
    [
        ("forge_core.liuzhou.web", LIUZHOU),
        ("forge_core.texas42.web", FOLDER),
        ("forge_core.skull_king.web", SKULL_KING),
        ("forge_core.web", SHARED),
        ("forge_core.web", DOOR),
    ],
)
def test_every_file_of_a_page_is_installed(package, folder):
    root = SHARED.parents[2]
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    place = root / package.replace(".", "/")
    installed = {file for pattern in settings["package-data"][package] for file in place.glob(pattern)}
    assert set(folder.rglob("*")) <= installed
