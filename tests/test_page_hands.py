"""Hands exported by the page of `forge play`, read as recorded games."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from forge_core.cli.main import main
from forge_core.errors import BadInput
from forge_core.texas42.web.hands import FORMAT, open_hand

GOLDEN = Path(__file__).parent / "golden" / "texas42_page_hand.json"
"""A whole hand of seed 8, fives, played by clicks on the page; numbers rounded to three digits"""


@pytest.fixture
def exported():
    return json.loads(GOLDEN.read_text())


def test_the_page_writes_the_format_that_is_read():
    page = Path(__file__).parents[1] / "forge_core/texas42/web/page"
    assert any(f'"{FORMAT}"' in file.read_text() for file in page.glob("*.mjs"))


def test_an_exported_hand_is_a_game(exported):
    record = open_hand(str(GOLDEN))
    assert (record.seed, record.decl, record.bidder, record.bid) == (8, 5, 0, 30)
    assert record.plays.tolist() == exported["plays"]
    assert record.decisions.player.tolist() == exported["players"]
    points = record.decisions.points_so_far[-1] + 0
    assert points.sum() <= 42
    for step, found in enumerate(exported["estimates"]):
        mean = np.array(found["mean"], dtype=float)
        np.testing.assert_allclose(record.decisions.e_q_mean[step], mean, atol=1e-5)
        gap = np.nanmax(mean) - mean[record.decisions.action_taken[step]]
        assert record.decisions.q_gap[step] == pytest.approx(gap, abs=1e-4)
        assert record.decisions.world_count[step] == found["count"]
    assert record.is_exact[-1] and not record.is_exact[0]
    for step in range(1, 28):
        assert record.decisions.q_gap[step] == 0 or record.decisions.player[step] == 0


def test_forge_view_shows_it(capsys):
    assert main(["view", str(GOLDEN), "--regret"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "fives are trumps · seat 0 bid 30" in shown
    assert "seat 0 against exact players" in shown


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"format": "forge texas42 hand 0"}, "its format is not"),
        ({"seed": "9"}, "its deal is not that of seed 9"),
        ({"seed": "-1"}, "seed -1"),
        ({"seed": {}}, "not exported|not a hand"),
        ({"plays": [0] * 28}, "may not play"),
        ({"plays": "abc"}, "28 plays"),
        ({"bid": 29}, "bid 29"),
        ({"bidder": None}, "not a whole number"),
        ({"opponents": "[red]"}, "its opponents are none of"),
        ({"estimates": [None] * 28}, "has no 7 numbers mean"),
        ({"estimates": 3}, "missing or malformed"),
    ],
)
def test_a_broken_hand_is_named(exported, change, reason, tmp_path):
    file = tmp_path / "hand.json"
    file.write_text(json.dumps(exported | change))
    with pytest.raises(BadInput, match=reason):
        open_hand(str(file))


@pytest.mark.parametrize(
    "name, values", [("mean", [0] * 7), ("worlds", 0), ("count", 1), ("spread", [1e9] * 7)]
)
def test_impossible_estimates_are_named(exported, name, values, tmp_path):
    exported["estimates"][20][name] = values
    file = tmp_path / "hand.json"
    file.write_text(json.dumps(exported))
    with pytest.raises(BadInput, match=r"decision 20|an estimate"):
        open_hand(str(file))


def test_a_file_that_is_no_hand_is_named(tmp_path, capsys):
    for text in ("", "[]", "[" * 100_000, "{}"):
        file = tmp_path / "other.json"
        file.write_text(text)
        assert main(["view", str(file)]) == 2
        assert "not a hand exported by the page" in " ".join(capsys.readouterr().err.split())
