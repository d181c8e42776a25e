"""`forge bid`, `investigate`, `convergence` and `bench bid`: answers and refusals."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from forge_core.errors import StoreUnusable
from forge_core.files import Store
from forge_core.stats import wilson_interval
from forge_core.texas42.bidding.playouts import OraclePlayout
from forge_core.texas42.bidding.records import read_table
from forge_core.texas42.bidding.table import play_out
from forge_core.texas42.cli import bid
from forge_core.texas42.cli.bid import read_calls, read_score
from forge_core.texas42.declarations import NAMES
from forge_core.texas42.notation import parse_hand

pytestmark = pytest.mark.slow

HAND = "6-4,5-5,4-2,3-1,2-0,1-1,0-0"
STRONG = "6-6,6-5,6-4,6-2,5-5,1-1,3-0"
QUICK = ("--hand", HAND, "--samples", "4")


@pytest.fixture
def answer(forge):
    """Run a command line with --json and return its answer."""

    def run(*arguments: str) -> dict:
        status, out, err = forge(*arguments, "--json")
        assert (status, err) == (0, "")
        return json.loads(out)

    return run


# --- bid --------------------------------------------------------------------------------------


def test_p_make_as_the_table_has_it(answer):
    found = answer("bid", *QUICK, "--seed", "3", "--playout", "oracle")
    table = play_out(parse_hand(HAND), OraclePlayout(), 4, seed=3)
    assert list(found["declarations"]) == list(NAMES)
    low, high = table.interval
    for decl, name in enumerate(NAMES):
        of_decl = found["declarations"][name]
        assert list(of_decl["p_make"]) == [str(bid) for bid in range(30, 43)]
        assert list(of_decl["p_make"].values()) == pytest.approx(table.p_make[decl], abs=1e-6)
        assert list(of_decl["ci_low"].values()) == pytest.approx(low[decl], abs=1e-6)
        assert list(of_decl["ci_high"].values()) == pytest.approx(high[decl], abs=1e-6)
        assert of_decl["n"] == 4
        assert of_decl["marks"]["84"] == pytest.approx(2 * (2 * table.p_make[decl, -1] - 1), abs=1e-6)
    assert found["dominoes"] == HAND.split(",")
    assert (found["playout"], found["sees_all"], found["seed"]) == ("oracle", True, 3)


def test_one_declaration_and_stopping_early(answer):
    found = answer("bid", "--hand", STRONG, "--decl", "sixes", "--samples", "400", "--ci-width", "0.3")
    assert list(found["declarations"]) == ["sixes"]
    assert found["declarations"]["sixes"]["n"] < found["samples"] == 400


@pytest.mark.parametrize("text", ["pass,41,42,84", "pass 41 1 mark 2 marks", "Pass, 41, 1 mark,2  marks"])
def test_calls_are_typed_as_they_are_printed(text):
    assert read_calls(text) == (0, 41, 42, 84)
    assert read_score("5-6") == read_score(" 5 to 6 ") == (5, 6)


def test_the_seat_the_bids_and_the_score_count(answer):
    advice = answer("bid", *QUICK, "--bids", "pass,31", "--seat", "2", "--score", "5-6")["advice"]
    assert (advice["calls"], advice["score"]) == ([0, 31], [5, 6])
    assert "30" not in advice["stands"]
    assert advice["recommended"]["call"] in (0, *range(32, 43), 84)
    assert answer("bid", *QUICK, "--seat", "3")["advice"]["calls"] == [0, 0, 0]
    forced = answer("bid", *QUICK, "--seat", "3", "--forced")["advice"]
    assert forced["win_when_passing"] is None
    assert forced["recommended"]["call"] >= 30


@pytest.mark.parametrize("form", [(), ("--matrix",)])
def test_a_table_for_people(forge, form):
    status, out, err = forge("bid", *QUICK, *form)
    assert (status, err) == (0, "")
    assert all(name in out for name in NAMES)
    rows = out.splitlines()[:11]
    assert max(map(len, rows)) <= 80
    assert "…" not in out
    assert "every seat sees only its own hand" in out
    assert re.search("Bid |Pass", out)


def test_rows_are_sorted_by_the_chance_to_win_that_the_advice_names(forge):
    _, out, _ = forge("bid", "--hand", STRONG, "--samples", "50")
    titles, *rows = out.splitlines()[:11]
    assert titles.split()[-2:] == ["call", "win"]
    shares = [float(row.split()[-1]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert f"from 0 to 0: {shares[0]} %" in out
    call = re.search(r"Bid (.*?), (\S+):", out)
    assert call and rows[0].split()[0] == call[2] and f" {call[1]} " in rows[0]


def test_tournaments_have_no_doubles_suit(forge, answer):
    found = answer("bid", *QUICK, "--contracts", "tournament")
    assert [name for name in NAMES if name not in found["declarations"]] == ["doubles-suit"]
    status, _, err = forge("bid", *QUICK, "--contracts", "tournament", "--decl", "doubles-suit")
    assert status == 2 and "decl doubles-suit is not played in tournaments" in err


def test_a_poster_is_written_where_it_is_asked(forge, tmp_path):
    for name, start in (("a.pdf", b"%PDF-"), ("deep/b.PNG", b"\x89PNG")):
        status, _, err = forge("bid", *QUICK, "--decl", "4", "--poster", str(tmp_path / name))
        assert (status, err) == (0, "")
        assert (tmp_path / name).read_bytes().startswith(start)


def fail(error):
    raise error


def test_a_poster_that_cannot_be_written_takes_no_result_with_it(forge, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(bid, "write_poster", lambda *_: fail(StoreUnusable("cannot write: no space")))
        status, out, err = forge("bid", *QUICK, "--decl", "4", "--json", "--poster", str(tmp_path / "a.pdf"))
    assert (status, json.loads(out)["samples"]) == (2, 4)
    assert "cannot write: no space" in err
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.pdf").mkdir()
    monkeypatch.setattr("forge_core.texas42.bidding.table.play_out", lambda *_: pytest.fail("played"))
    status, out, err = forge("bid", *QUICK, "--poster", str(tmp_path / "folder.pdf"))
    assert (status, out, err.count("\n")) == (2, "", 1) and "is a folder: add the name of a file" in err
    status, out, err = forge("bid", *QUICK, "--poster", str(tmp_path / "file/a.pdf"))
    assert (status, out, err.count("\n")) == (2, "", 1) and "a file is in the place of a folder" in err


def test_the_help_says_what_deals_tell(forge):
    """The help's table of intervals by number of deals is Wilson's at one half."""
    _, out, _ = forge("bid", "--help")
    samples = re.search(r"samples +([\d ]+)", out)
    widths = re.findall(r"±(0\.\d+)", out)
    assert samples
    for n, width in zip(samples[1].split(), widths, strict=True):
        low, high = wilson_interval(int(n) / 2, int(n))
        assert f"{(high - low) / 2:.2f}" == width


@pytest.mark.parametrize(
    ("playout", "sees_all"),
    [("oracle", True), ("policy", True), ("eq", False), ("heuristic", False), ("network", False)],
)
def test_every_answer_says_how_it_was_played(forge, answer, playout, sees_all):
    how = ("--playout", playout, *(("--worlds", "2") if playout == "eq" else ()))
    for command in (
        ("bid", *QUICK, "--decl", "4"),
        ("investigate", *QUICK, "--trump", "4", "--max-show", "0"),
        ("convergence", *QUICK),
    ):
        found = answer(*command, *how)
        assert (found["playout"], found["sees_all"]) == (playout, sees_all), command
        assert set(found["versions"]) == {"bidding", playout}
        assert ("2 worlds" in found["versions"][playout]) == (playout == "eq")
        status, out, err = forge(*command, *how)
        assert (status, err) == (0, "")
        assert f"{playout} playouts (" in out
        assert ("all hands are seen" in out) == sees_all


# --- investigate, convergence -----------------------------------------------------------------


def test_deals_that_fell_short(forge, answer):
    arguments = ("investigate", "--hand", STRONG, "--trump", "sixes", "--samples", "30", "--max-show", "1")
    found = answer(*arguments)
    assert (found["decl"], found["below"], found["samples"]) == ("sixes", 42, 30)
    assert len(found["shown"]) == 1
    assert found["shown"][0]["points"] < 42
    status, out, err = forge(*arguments)
    assert (status, err) == (0, "")
    assert "sixes are trumps" in out
    assert len(re.findall(r"seat \d, \d+", out)) == 7
    assert "an opponent held" in out


def test_nothing_fell_short(forge):
    laydown = "6-6,6-5,6-4,6-3,6-2,6-1,6-0"
    status, out, _ = forge("investigate", "--hand", laydown, "--trump", "6", "--samples", "3")
    assert status == 0
    assert "0 of 3 deals" in out


def test_convergence(forge, answer):
    found = answer("convergence", "--hand", HAND, "--samples", "20")
    assert [rung["n"] for rung in found["by_n"]] == [10, 20]
    assert found["by_n"][0]["mean_width"] > found["by_n"][1]["mean_width"]
    status, out, err = forge("convergence", "--hand", HAND, "--samples", "20")
    assert (status, err) == (0, "")
    assert "±" in out


# --- bad input: one line, exit 2 --------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("bid", "--hand", "6-4,5-5"), "a hand of 2 dominoes"),
        (("bid", "--hand", f"{HAND[:-3]}6-4"), "twice"),
        (("bid", "--hand", f"{HAND[:-3]}7-0"), "not a domino"),
        (("bid", "--hand", ""), "a hand of 0 dominoes"),
        (("bid",), "--hand"),
        (("bid", *QUICK, "--decl", "sevens"), "unknown declaration"),
        (("bid", "--hand", HAND, "--samples", "0"), "samples 0"),
        (("bid", "--hand", HAND, "--samples", "-5"), "samples"),
        (("bid", "--hand", HAND, "--samples", "many"), "samples"),
        (("bid", *QUICK, "--contracts", "house"), "contracts 'house': use all or tournament"),
        (("bid", *QUICK, "--playout", "luck"), "unknown playout 'luck'"),
        (("bid", *QUICK, "--worlds", "5"), "leave out worlds"),
        (("bid", *QUICK, "--model", "x"), "heuristic playouts use no network: leave out model"),
        (("bid", *QUICK, "--playout", "policy", "--oracle", "exact"), "leave out oracle"),
        (("bid", *QUICK, "--playout", "policy", "--model", "nowhere"), "no model"),
        (("bid", *QUICK, "--playout", "eq", "--worlds", "0"), "worlds 0: use at least 1"),
        (("bid", *QUICK, "--playout", "eq", "--oracle", "oracular"), "oracle 'oracular'"),
        (("bid", *QUICK, "--playout", "eq", "--oracle", "exact", "--model", "x"), "leave out model"),
        (("bid", *QUICK, "--playout", "eq", "--device", "abacus"), "unknown device"),
        (("investigate", *QUICK, "--trump", "4", "--device", "cuda"), "run on the CPU"),
        (("bid", *QUICK, "--ci-width", "0"), "width"),
        (("bid", *QUICK, "--ci-width", "wide"), "--ci-width"),
        (("bid", *QUICK, "--bids", "31,30"), "after a bid of 31"),
        (("bid", *QUICK, "--bids", "29"), "bid 29"),
        (("bid", *QUICK, "--bids", "pass,maybe"), "maybe"),
        (("bid", *QUICK, "--bids", "pass,pass,pass,30"), "4 earlier calls"),
        (("bid", *QUICK, "--bids", "30", "--seat", "3"), "is not next to call"),
        (("bid", *QUICK, "--seat", "4"), "seat 4"),
        (("bid", *QUICK, "--score", "7-0"), "score"),
        (("bid", *QUICK, "--score", "3"), "score"),
        (("bid", *QUICK, "--score=-1-0"), "score '-1-0': write your marks and theirs, such as 3-5"),
        (("bid", *QUICK, "--poster", "page.svg"), ".pdf or .png"),
        (("bid", *QUICK, "--poster", "page"), ".pdf or .png"),
        (("investigate", "--hand", HAND), "--trump"),
        (("investigate", "--hand", HAND, "--trump", "x"), "unknown declaration"),
        (("investigate", "--hand", HAND, "--trump", "6", "--below", "43"), "below 43"),
        (("investigate", "--hand", HAND, "--trump", "6", "--samples", "0"), "samples 0"),
        (("investigate", "--hand", HAND, "--trump", "6", "--max-show", "-1"), "max-show"),
        (("convergence", "--hand", HAND, "--samples", "0"), "samples 0"),
        (("convergence", "--hand", "6-6"), "a hand of 1 dominoes"),
        (("bench", "bid", "--device", "cuda"), "cuda"),
    ],
)
def test_bad_input_is_one_line(forge, arguments, complaint):
    status, out, err = forge(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert complaint in err


# --- bench ------------------------------------------------------------------------------------


def test_p_make_is_measured_after_it_was_found_right(answer, monkeypatch):
    from forge_core.texas42.cli import bench_bid

    monkeypatch.setattr(bench_bid, "SAMPLES", 2)
    monkeypatch.setattr(bench_bid, "N_GAMES", {"heuristic": 20, "policy": 20, "eq": 10})
    found = answer("bench", "bid", "--seeds", "3")
    assert found["subject"] == "bid"
    assert found["figures"][0]["limit"] == 40
    assert found["figures"][0]["value"] > 0
    assert "full solution" in found["held"][0]
    assert [figure["unit"] for figure in found["figures"][-2:]] == ["games/s"] * 2


def test_no_figure_of_a_table_that_is_wrong():
    from dataclasses import replace

    from forge_core.texas42.cli import bench_bid

    table = play_out(parse_hand(HAND), OraclePlayout(), 1)
    wrong = replace(table, points=tuple(points + 1 for points in table.points))
    with pytest.raises(AssertionError, match="declaration 0"):
        bench_bid.check_points(wrong)


def test_no_figure_of_a_playout_that_looks_aside():
    from forge_core.texas42.cli import bench_bid

    class Jealous:
        name, version, sees_all = "jealous", "1", False

        def points(self, hands, decls, advance=None):
            return np.full(len(hands), len(hands) % 43, dtype=np.int8)

    with pytest.raises(AssertionError, match="depend on the batch"):
        bench_bid.time_games(Jealous(), parse_hand(HAND), 0, 20)


def test_tables_of_seeds_are_stored_once(forge, tmp_path):
    asked = ("bid-tables", "--out", str(tmp_path), "--samples", "3", "--seeds")
    status, out, err = forge(*asked, "0-1", "--dry-run")
    assert (status, err) == (0, "") and "2 would be made" in out and "missing tables: 0-1" in out
    assert not list(tmp_path.iterdir())
    status, out, err = forge(*asked, "0-1", "--json")
    assert status == 0, err
    made = json.loads(out)
    assert (made["wanted"], made["made"], made["there"], made["deals"]) == (2, 2, 0, 60)
    status, out, _ = forge(*asked, "0-2")
    assert status == 0 and "1 made, 2 kept" in out
    store = Store(str(tmp_path)).join("bidding-results")
    assert [read_table(store, seed).seed for seed in range(3)] == [0, 1, 2]
    assert forge(*asked, "7", "--playout", "guess")[0] == 2
