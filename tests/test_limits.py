"""`--limit` of the verbs that fill a store: some of the missing files now, the next ones later."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow


def names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.rglob("*.parquet"))


def test_some_shards_are_made_and_then_the_next_ones(forge, tmp_path):
    asked = ("shards", "--seeds", "0-3", "--rows", "280", "--device", "cpu", "--out", str(tmp_path))
    status, out, err = forge(*asked, "--limit", "3", "--dry-run")
    assert (status, err) == (0, "")
    assert "4 would be made" in out and "with --limit 3, only the first 3 of them" in out
    status, out, err = forge(*asked, "--limit", "3")
    assert (status, err) == (0, "")
    assert "3 made, 0 kept" in out and "shards left beyond --limit: 1; run the same command again" in out
    made = names(tmp_path)
    assert made == ["seed_00000000_decl_0", "seed_00000001_decl_1", "seed_00000002_decl_2"]
    status, out, err = forge(*asked, "--limit", "3")
    assert status == 0 and "1 made, 3 kept" in out and "left" not in out
    status, out, err = forge(*asked, "--limit", "3", "--json")
    found = json.loads(out)
    assert (found["made"], found["there"], found["stopped"]) == (0, 4, False)


def test_files_of_other_programs_are_not_counted(forge, tmp_path):
    """They are never overwritten, and would otherwise be the first missing ones each time."""
    train = tmp_path / "shards-standard/train"
    train.mkdir(parents=True)
    foreign = train / "seed_00000000_decl_0.parquet"
    pq.write_table(pa.table({"x": [1, 2]}), foreign)
    before = foreign.read_bytes()
    asked = ("shards", "--seeds", "0-2", "--rows", "280", "--device", "cpu", "--out", str(tmp_path))
    assert forge(*asked, "--limit", "1")[0] == 0
    assert names(tmp_path) == ["seed_00000000_decl_0", "seed_00000001_decl_1"]
    assert foreign.read_bytes() == before


def test_some_games_and_some_tables(forge, tmp_path):
    for verb, more, noun in (
        ("eq", ("--worlds", "1"), "game"),
        ("bid-tables", ("--samples", "2"), "table"),
    ):
        asked = (verb, "--seeds", "0-1", "--out", str(tmp_path / noun), *more)
        status, out, err = forge(*asked, "--limit", "1")
        assert (status, err) == (0, ""), err
        assert f"{noun}s left beyond --limit: 1" in out
        assert len(names(tmp_path / noun)) == 1
        assert forge(*asked, "--limit", "1")[0] == 0
        assert len(names(tmp_path / noun)) == 2


@pytest.mark.parametrize("text", ["0", "-1", "many"])
def test_a_limit_is_a_number_of_files(forge, tmp_path, text):
    status, _, err = forge("shards", "--seeds", "0", "--out", str(tmp_path), "--limit", text)
    assert status == 2 and "limit" in err and not list(tmp_path.iterdir())
