"""Work in turns: the order of turns, results, failures, and E[Q] games that do not depend on it."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from forge_core.files import Store
from forge_core.texas42.eq import ExactOracle, GameConfig, Sampling, filling
from forge_core.texas42.eq.files import read_game
from forge_core.texas42.eq.filling import fill_games
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.turns import Turns, finish, take_turns


def count(name: str, pauses: int, log: list[str]) -> Turns[str]:
    """Note each turn, and return the name after some pauses."""
    try:
        for _ in range(pauses):
            log.append(name)
            yield
        log.append(name)
        return name.upper()
    finally:
        log.append(f"{name} ended")


def test_work_is_done_to_its_end_by_itself():
    log: list[str] = []
    assert finish(count("a", 2, log)) == "A"
    assert log == ["a", "a", "a", "a ended"]


@pytest.mark.parametrize(
    ("at_once", "order"), [(None, "aaabccc"), (1, "aaabccc"), (2, "abacacc"), (3, "abcacac"), (9, "abcacac")]
)
def test_the_next_piece_begins_when_one_ends(at_once, order):
    log: list[str] = []
    works = (count(name, pauses, log) for name, pauses in (("a", 2), ("b", 0), ("c", 2)))
    assert sorted(take_turns(works, "cpu", at_once)) == ["A", "B", "C"]
    assert "".join(turn for turn in log if len(turn) == 1) == order
    assert list(take_turns([], "cpu", at_once)) == []


def test_work_that_is_no_longer_wanted_is_closed():
    log: list[str] = []
    with closing(take_turns((count(name, 5, log) for name in "ab"), "cpu", 2)) as results:
        assert next(results) == "A"
        assert "b ended" not in log
    assert log[-1] == "b ended"


def test_a_failure_ends_all_work_and_is_raised():
    def fail() -> Turns[str]:
        yield
        raise ValueError("no card")

    log: list[str] = []
    with pytest.raises(ValueError, match="no card"):
        list(take_turns([count("a", 5, log), fail()], "cpu", 2))
    assert log == ["a", "a", "a ended"]


def test_stored_games_do_not_depend_on_who_takes_turns(tmp_path, monkeypatch):
    keys, config = [ShardKey(seed, seed % 10) for seed in range(5)], GameConfig(Sampling(3, points=False))
    found = []
    for at_once in (1, 2, 3):
        monkeypatch.setattr(filling, "take_turns", lambda works, on, n=at_once: take_turns(works, on, n))
        store = Store(str(tmp_path / str(at_once)))
        reports = list(fill_games(store, keys, ExactOracle(1), config, batch=2, device="cpu"))
        assert all(report.made for report in reports)
        found.append([read_game(store, key) for key in keys])
    for others in found[1:]:
        for mine, theirs in zip(others, found[0], strict=True):
            assert np.array_equal(mine.plays, theirs.plays)
            assert np.array_equal(mine.decisions.e_q_mean, theirs.decisions.e_q_mean, equal_nan=True)
