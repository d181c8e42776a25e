"""`forge match`: its answers, the files it keeps, and refusals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow


def test_two_players_and_who_is_better(forge):
    status, out, err = forge("match", "random", "heuristic", "--deals", "60")
    assert (status, err) == (0, "")
    assert re.search(r"1 +heuristic +\+\d+\.\d\d ± \d", out)
    assert re.search(r"1 : 2 +\+\d", out)
    assert "declares what suits the hand" in out


def test_an_answer_for_programs(forge):
    arguments = (
        "match",
        "random",
        "heuristic",
        "--seeds",
        "0-39",
        "--decl",
        "fives",
        "--bid",
        "31",
        "--json",
    )
    status, out, err = forge(*arguments)
    assert (status, err) == (0, "")
    answer = json.loads(out)
    assert answer["conditions"] == {"declare": 5, "bid": 31, "seed": 0}
    assert (answer["seeds"], answer["device"]) == ("0-39", "cpu")
    (found,) = answer["matches"]
    assert (found["a"], found["b"], found["deals"], found["better"]) == ("random", "heuristic", 40, None)
    assert found["marks_a"] + found["marks_b"] == 80
    assert found["swing"]["low"] < found["swing"]["mean"] < found["swing"]["high"] < 0
    assert [standing["name"] for standing in answer["standings"]] == ["heuristic", "random"]
    again = json.loads(forge(*arguments)[1])
    assert again | {"seconds": 0} == answer | {"seconds": 0}


def test_contracts_of_an_auction(forge):
    arguments = ("match", "random", "heuristic", "--deals", "30", "--decl", "auction")
    assert "come from an auction" in forge(*arguments)[1]
    answer = json.loads(forge(*arguments, "--json")[1])
    assert answer["conditions"]["bidder"]["bidder"] == "rule"
    (found,) = answer["matches"]
    assert found["marks_a"] + found["marks_b"] >= 60


def test_all_against_all_with_a_test_a_store_and_a_picture(forge, tmp_path):
    arguments = ("match", "random", "heuristic", "clairvoyant", "--deals", "100", "--sprt", "--margin", "2")
    kept = ("--out", str(tmp_path / "store"), "--plots", str(tmp_path))
    status, out, err = forge(*arguments, *kept)
    assert (status, err) == (0, "")
    assert "1 is better" in out
    assert "early stop" in out
    assert (tmp_path / "match.png").read_bytes().startswith(b"\x89PNG")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.parquet")}
    assert len(files) >= 6
    assert forge(*arguments, *kept)[1].split("early stop")[0] == out.split("early stop")[0]
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_a_picture_that_cannot_be_written_takes_no_result_with_it(forge, tmp_path, monkeypatch):
    arguments = ("match", "random", "heuristic", "--deals", "10", "--json", "--plots")
    (tmp_path / "match.png").mkdir()
    status, out, err = forge(*arguments, str(tmp_path))
    assert (status, len(json.loads(out)["matches"]), err.count("\n")) == (2, 1, 1)
    assert f"cannot write {tmp_path}/match.png" in err
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("forge_core.texas42.cli.match.play", lambda *_: pytest.fail("played"))
    status, out, err = forge(*arguments, str(tmp_path / "file"))
    assert (status, out, err.count("\n")) == (2, "", 1) and "a file is in the place of a folder" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("random",), "at least two"),
        (("random", "heuristics"), "unknown player 'heuristics'"),
        (("random", "eq:worlds=x"), "use a whole number"),
        (("random", "heuristic", "--deals", "0"), "use 1 to 1,000,000"),
        (("random", "heuristic", "--deals", "1"), "at least two"),
        (("random", "heuristic", "--batch", "0"), "batch 0"),
        (("random", "heuristic", "--deals", "5", "--seeds", "0-4"), "deals and seeds exclude each other"),
        (("random", "heuristic", "--seeds", "940-950"), "sealed"),
        (("random", "heuristic", "--bid", "29"), "bid 29"),
        (("random", "heuristic", "--decl", "auction", "--bid", "31"), "an auction determines the bid"),
        (("random", "heuristic", "--decl", "sevens"), "unknown declaration"),
        (("random", "heuristic", "--margin", "1"), "set sprt too"),
        (("random", "heuristic", "--by", "contracts"), "set sprt too"),
        (("random", "heuristic", "--sprt", "--by", "luck"), "points or contracts"),
        (("random", "heuristic", "--sprt", "--margin", "0"), "use more than 0"),
        (("random", "heuristic", "--sprt", "--margin", "nan"), "use more than 0"),
        (("random", "heuristic", "--out", "memory://x"), "gone when this command ends"),
        (("random", "heuristic", "--out", ""), "empty"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(forge, arguments, message):
    status, out, err = forge("match", *arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


def test_ctrl_c_says_how_to_go_on(tmp_path):
    script = "import sys; from forge_core.cli.main import main; sys.exit(main())"
    players = ("eq:worlds=5,oracle=exact", "random")
    command = ("match", *players, "--deals", "5000", "--batch", "1", "--out", str(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-c", script, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == (
        "forge: stopped; finished games are stored: run the same command again to continue"
    )
    assert list(tmp_path.rglob("*.parquet"))
    assert not list(tmp_path.rglob("*.tmp"))
