"""`forge skull-king`: the answers of each verb, a game at the terminal, and refusals."""

from __future__ import annotations

import html.parser
import json
import math
import signal
import subprocess
import sys

import numpy as np
import pytest

from forge_core.skull_king.advice.record import BidAdvice
from forge_core.skull_king.film import RoundFilm, film_text
from forge_core.skull_king.reference import REFERENCE

VERBS = ("play", "deal", "film", "bid", "evaluate", "yardstick")
HEAVY = ("numpy", "numba", "llvmlite", "torch", "pyarrow", "fsspec", "matplotlib", "dagster")


@pytest.fixture
def answer(forge):
    """Run a verb with --json and return its answer."""

    def run(*arguments: str) -> dict:
        status, out, err = forge("skull-king", *arguments, "--json")
        assert (status, err) == (0, "")
        return json.loads(out)

    return run


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from forge_core.cli.main import main\n"
        f"for verb in {VERBS}: assert main(['skull-king', verb, '--help']) == 0\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"forge skull-king {verb}" in done.stdout for verb in VERBS)


def test_the_game_stands_among_the_others(forge):
    assert "skull-king" in forge("--help")[1]
    status, out, _ = forge("skull-king")
    assert status == 0 and all(verb in out for verb in VERBS)
    assert "skull-king" in forge("bench", "--help")[1]


def test_a_deal(answer, forge):
    found = answer("deal", "--seed", "7", "--round", "6")
    assert [len(hand) for hand in found["hands"]] == [6] * 4 and found["split"] == "train"
    assert len({card for hand in found["hands"] for card in hand}) == 24
    _, out, _ = forge("skull-king", "deal", "--seed", "7", "--round", "6")
    assert out.splitlines()[0] == "seed 7 · train · round 6, 6 cards, S leads"
    assert "N  Harry R4 R12 M7 C9 E" in out
    assert out.splitlines()[-1].endswith("E is an Escape.")
    assert "ghost, in order" in forge("skull-king", "deal", "--seats", "2")[1]


def test_advice_for_a_hand(answer, forge):
    hand = ("bid", "--hand", "King R14 R13 R12 R11", "--worlds", "60")
    found = answer(*hand, "--place", "2")
    assert found["bid"] in (4, 5) and len(found["bids"]) == 6
    assert all(abs(sum(bid["tricks"]) - 1) < 1e-9 for bid in found["bids"])
    assert found["rollouts_others"] == "hard"
    _, out, _ = forge("skull-king", *hand)
    assert out.count("<- bid") == 1 and "played by captain here and hard elsewhere" in out
    assert answer(*hand[:-1], "0", "--me", "hard")["bid"] == 4


def test_a_network_states_what_it_expects_of_bids(answer, forge):
    hand = ("bid", "--hand", "King R14 R13 R12 R11", "--policy", REFERENCE)
    found = answer(*hand)
    assert found["bid"] in (4, 5) and found["player"] == "network" and "search" not in found
    assert all(abs(sum(bid["tricks"]) - 1) < 1e-5 and len(bid["tricks"]) == 6 for bid in found["bids"])
    both = answer(*hand, "--worlds", "20")
    assert both["bids"] == found["bids"] and both["search"]["rollouts_me"] == "captain"
    _, out, _ = forge("skull-king", *hand, "--worlds", "20")
    assert out.count("<- bid") == 2 and "expects this of its own bids" in out and "20 deals" in out


@pytest.mark.parametrize(
    "arguments, error",
    [
        (("bid", "--hand", "R15"), "'R15' is not a card"),
        (("bid", "--hand", "R1 R1"), "R1 occurs twice"),
        (("bid", "--hand", "R1", "--place", "5"), "--place 5: there are 4 seats"),
        (("bid", "--hand", "Loot", "--seats", "2"), "Loot is not in the deck"),
        (("bid", "--hand", "R1", "--others", "nobody"), "others='nobody'"),
        (("bid", "--hand", "R1", "--me", "x", "--worlds", "0"), "--me 'x'"),
        (("bid", "--hand", "R1", "--policy", "nowhere"), "nowhere contains no model"),
        (("bid", "--hand", "R1", "--policy", "models/texas42-qvalue-230k"), "architecture token-transformer"),
        (("bid", "--hand", "R1", "--policy", REFERENCE, "--seats", "3"), "plays with seats=4, not 3: choose"),
        (("film", "--html", "film.txt"), "write a path that ends in .html"),
        (("deal", "--round", "11"), "--round 11: use 1..10"),
        (("deal", "--seats", "9"), "9 seats: use 2..8"),
        (("film", "--others", "hard hard"), "names 2 players: name 1, or 3"),
        (("evaluate", "nobody"), "unknown player 'nobody'"),
        (("evaluate", "champion"), "copy it with forge-pipeline fetch champion"),
        (("film", "--player", "network:model=challenger"), "forge-pipeline fetch challenger"),
        (("evaluate", "hard", "--deals", "1"), "--deals 1"),
    ],
)
def test_bad_input_is_one_sentence(forge, arguments, error):
    status, out, err = forge("skull-king", *arguments)
    assert (status, out) == (2, "") and error in err and len(err.strip().splitlines()) == 1


def test_a_film_marks_the_bid_that_was_made_and_the_best_one():
    advice = tuple(BidAdvice(bid, points, (0.5, 0.5)) for bid, points in enumerate((-2.4, -2.6)))
    film = RoundFilm(2, 1, 1, 0, (1,), advice, (1, 0), [], (0, 0))
    best, made = film_text(film).splitlines()[1].split("bid 1:")
    assert best.rstrip().endswith("hit .50 <- best") and made.endswith("hit .50 <- bid")
    film.bids = (0, 0)
    assert film_text(film).count("<- bid, best") == film_text(film).count("<-") == 1


def test_a_film(answer, forge):
    arguments = ("film", "--seed", "3", "--worlds", "5")
    _, out, _ = forge("skull-king", *arguments)
    lines = out.splitlines()
    assert lines[0].startswith("round 6: 6 cards, W leads. N holds ") and lines[-1].startswith("N is captain")
    assert "E is an Escape" in lines[-2] and "N 1/2: North has won" in lines[-2]
    assert "sum 5 of 6" in out and out.count("*") >= 4
    assert "over 5 worlds, finished by captain and hard" in out
    found = answer(*arguments, "--game", "--worlds", "0")
    assert len(found["rounds"]) == 10
    assert found["points"] == [sum(r["points"][seat] for r in found["rounds"]) for seat in range(4)]
    _, out, _ = forge(
        "skull-king", *arguments, "--seats", "2", "--abilities", "--round", "9", "--worlds", "0"
    )
    assert "ghost" in out


def test_a_film_as_a_page(answer, forge, tmp_path):
    """The page holds every card as text, the bids with their histograms, and no address of another file."""
    path = tmp_path / "film.html"
    arguments = ("film", "--seed", "3", "--player", REFERENCE, "--html", str(path))
    status, out, err = forge("skull-king", *arguments)
    assert (status, err) == (0, "") and out.startswith(str(path))
    page, text = path.read_text(), forge("skull-king", *arguments[:-2])[1]
    assert page.startswith("<!doctype html>")
    assert not any(word in page for word in ("http", "src=", "<script"))
    assert Tags().find_faults(page) == []
    held = text.splitlines()[0].rpartition("holds ")[2].split()
    assert all(f">{card}<" in page for card in held) and page.count('class="bars"') == len(held) + 1
    assert "% v" in text and "← bid" in page and page.count("★") == text.count("*"), "each in its legend"
    found = answer(*arguments, "--game")
    assert found["bytes"] == path.stat().st_size and path.read_text().count("<h2") == 10
    assert [len(each["advice"]) for each in found["rounds"]] == list(range(2, 12))
    pirates = (*arguments[:3], "--seats", "2", "--abilities", "--worlds", "0", "--game", "--html", str(path))
    assert forge("skull-king", *pirates)[0] == 0 and ": discards " in path.read_text()


class Tags(html.parser.HTMLParser):
    """The elements of a page, which must be closed in the reverse order of their opening."""

    def find_faults(self, page: str) -> list[str]:
        self.opened, self.wrong = [], []
        self.feed(page)
        return self.wrong + self.opened

    def handle_starttag(self, tag, attrs):
        if tag != "meta":
            self.opened.append(tag)

    def handle_endtag(self, tag):
        if self.opened.pop() != tag:
            self.wrong.append(tag)


def test_an_evaluation(answer, forge):
    found = answer("evaluate", "captain", "--deals", "30", "--against", "hard hard easy")
    assert found["games"] == 120 and found["others"] == ["hard", "hard", "easy"]
    assert found["score"]["low"] < found["score"]["mean"] < found["score"]["high"]
    final = answer("evaluate", "captain", "--deals", "30", "--final")
    assert final["final"] and final["score"] != found["score"]
    _, out, _ = forge("skull-king", "evaluate", "search:2", "--deals", "2", "--seats", "3")
    assert "search:2 against 2 hard" in out and "Rollouts: captain here, hard elsewhere" in out


def test_the_yardstick(answer, forge):
    found = answer("yardstick", "--deals", "40")
    names = [(each["player"], each["others"][0]) for each in found["tables"]]
    assert names[:2] == [("hard", "hard"), ("captain", "hard")] and len(names) == 7
    assert "captain against 3 captain" in forge("skull-king", "yardstick", "--deals", "10")[1]


def test_a_game_at_the_terminal(forge, type_in):
    type_in("help", "bid 9", "0", "legal", "x", "advice", "table", "quit")
    status, out, _ = forge("skull-king", "play", "--seed", "1")
    assert status == 0 and "you left the game" in out
    assert "is not legal here" in out and "'x' is not an action" in out and "points" in out
    type_in("0")
    assert forge("skull-king", "play")[0] == 0  # the input ends


def test_a_whole_game_at_the_terminal(forge, monkeypatch):
    """Type the first legal action each time."""
    from forge_core.skull_king.cli import play as verb
    from forge_core.skull_king.cli.play import Table

    monkeypatch.setattr(Table, "ask_you", lambda table: table.read(table.list_legal().split(", ")[0]))
    status, out, _ = forge("skull-king", "play", "--others", "easy", "--seats", "3")
    assert status == 0 and "the game is over" in out and "round 10:" in out
    assert verb.HUMAN == 0


@pytest.mark.slow
def test_the_benchmark_compares_before_it_measures(monkeypatch):
    from forge_core.skull_king import parity
    from forge_core.skull_king.cli import benchmark

    for name, value in (
        ("BATCHES", (16,)),
        ("DECISIONS", 100),
        ("MODEL_BATCHES", (4,)),
        ("TENSOR_BATCHES_CPU", (8,)),
        ("TENSOR_STEPS", 2),
        ("TIMED_PLAYERS", ("hard",)),
        ("REPEATS", 1),
        ("core_count", lambda: 2),
        ("check_tensors", lambda device: parity.check_tensors(device, 4)),
        ("of_games", list),
    ):
        monkeypatch.setattr(benchmark, name, value)
    found = benchmark.measure([0], "cpu")
    values = {figure.name: figure.value for figure in found.figures}
    assert len(found.held) == 3 and len(values) == len(found.figures) == 19
    missing = {name for name, value in values.items() if math.isnan(value)}
    assert missing == {f"GPU {of}, tensors, N = 8" for of in ("busy", "power", "memory")}
    assert all(value > 0 for name, value in values.items() if name not in missing)
    assert not any(figure.is_over for figure in found.figures)
    records = json.loads(json.dumps(found.to_dict(), allow_nan=False))["figures"]
    assert {each["name"] for each in records if each["value"] is None} == missing
    monkeypatch.setattr(parity, "deal_round", lambda key, *more: _deal(key + 1, *more))
    with pytest.raises(AssertionError, match="differ"):
        parity.check_kernels([0])


def _deal(*arguments):
    from forge_core.skull_king.deals import deal_round

    return deal_round(*arguments)


def test_groups_of_tables_change_no_game():
    """Tables that are played a group at a time equal the same tables by single steps of the environment."""
    from forge_core.skull_king.bots import RANDOM
    from forge_core.skull_king.bots.rules import act
    from forge_core.skull_king.cli.benchmark import CACHED_TABLES, play_tables
    from forge_core.skull_king.env import SkullKing
    from forge_core.skull_king.state import layout as at
    from forge_core.streams import mix

    n = CACHED_TABLES + 5
    grouped, single = (SkullKing(n, device="cpu") for _ in range(2))
    bid, play, _ = grouped.observe()
    play_tables(
        grouped.rows, 0, n, RANDOM, grouped.options, 60, True, grouped.episodes, grouped.base, grouped.bounds,
        bid, play,
    )  # fmt: skip
    buffer = np.empty(16, np.int64)
    for number in range(60):
        keys = mix(np.uint64(number), np.arange(n))
        single.step(
            np.array([act(single.rows[i], RANDOM, single.options, keys[i], buffer) for i in range(n)])
        )
    assert np.array_equal(grouped.rows, single.rows) and grouped.rows[:, at.ROUND].min() > 2


@pytest.mark.slow
def test_the_shares_of_training_sum_to_all_of_it(monkeypatch):
    from forge_core.skull_king.cli import bench_train
    from forge_core.skull_king.settings.learning import LearningSettings

    small = LearningSettings(size="8x1", tables=8, batch=64, minibatch=32)
    monkeypatch.setattr(bench_train, "RECIPES", dict.fromkeys(bench_train.TIMED, small))
    monkeypatch.setattr(bench_train, "ITERATIONS", 1)
    figures = bench_train.measure([0], "cpu").figures
    shares = [figure.value for figure in figures if figure.unit == "%" and "GPU" not in figure.name]
    assert len(figures) == 3 * 10 and len(shares) == 15
    assert all(share > 0 for share in shares) and abs(sum(shares) - 300) < 1e-6


# --- Ctrl-C -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("deals", ["100", "1000"], ids=["one batch", "batches in threads"])
def test_ctrl_c_stops_games_by_searches(deals):
    """They are played in kernels, which hold signals back; the games would take minutes."""
    script = (
        "import sys; from forge_core.skull_king import arena; from forge_core.cli.main import main\n"
        "play_on = arena.play_on\n"
        "def begun(*given):\n"
        "    is_done, arena.play_on = play_on(*given), play_on\n"
        "    print('playing', flush=True); return is_done\n"
        "arena.play_on = begun; sys.exit(main())"
    )
    verb = ("skull-king", "evaluate", "search:100", "--deals", deals)
    forge = subprocess.Popen(
        [sys.executable, "-c", script, *verb], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert forge.stdout and "playing" in forge.stdout.readline()  # two threads may write it
    forge.send_signal(signal.SIGINT)
    _, err = forge.communicate(timeout=60)
    assert forge.returncode == 130
    assert err == "forge: stopped; nothing was kept: play fewer deals with --deals\n"
