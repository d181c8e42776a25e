"""Self-play games of Liuzhou on disk: whole, verified by the rules, filled without playing again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import numpy as np
import pytest
from liuzhou_records import SETTINGS, random_games, store_games

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.files.inspection import Condition
from forge_core.liuzhou import files
from forge_core.liuzhou.files import (
    FOLDER,
    GAMES,
    GAMES_PER_FILE,
    Games,
    GamesKey,
    digest_of,
    find_fault,
    keys_of,
    parse_generation,
    read_games,
    write_games,
)
from forge_core.liuzhou.generations import fill_generation, join, read_catalog, read_generation, take_stock
from forge_core.liuzhou.settings.generation import generation_name
from forge_core.liuzhou.stored import choose_window

KEY = GamesKey(7, GAMES_PER_FILE)


@pytest.fixture(scope="module")
def games() -> Games:
    """Never changed."""
    return random_games(KEY)


@pytest.fixture
def root(tmp_path) -> Store:
    return Store(str(tmp_path / "store"))


def same(one: Games, other: Games) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Games)
    )


def test_games_read_back_to_the_last_bit_in_few_bytes(root, games):
    nbytes = write_games(root, KEY, games, 64, SETTINGS)
    assert same(read_games(root, KEY), games)
    assert nbytes / len(games) < 50
    header = GAMES.read_header(root.join(FOLDER), KEY)
    assert (header.generation, header.first, header.positions, header.of) == (7, 32, len(games), 64)
    assert header.provenance.version == "s0" and header.settings == SETTINGS
    assert header.digest == digest_of(games) != digest_of(changed(games, "value", 0, 0.5))
    first = root.join(FOLDER, "g007").read(KEY.filename)
    write_games(root, KEY, games, 64, SETTINGS)
    assert root.join(FOLDER, "g007").read(KEY.filename) == first, "equal games, equal files"


def test_keys_are_names_of_files():
    assert (KEY.folder, KEY.filename) == ("g007", "games_000032_000063.parquet")
    assert GamesKey.parse(KEY.filename, KEY.folder) == KEY
    assert [key.first for key in keys_of(7, 33)] == [0, 32], "the last file is played whole"
    assert parse_generation("g199") == 199 and generation_name(3) == "g003"
    for name, folder in (
        ("games_000001_000032.parquet", "g007"),
        ("games.parquet", "g007"),
        (KEY.filename, "h7"),
    ):
        with pytest.raises(BadInput):
            GamesKey.parse(name, folder)
    with pytest.raises(BadInput, match="generation 1000"):
        keys_of(1000, 1)
    with pytest.raises(BadInput, match="0 games"):
        keys_of(0, 0)


def changed(games: Games, name: str, place, value) -> Games:
    column = getattr(games, name).copy()
    column[place] = value
    return replace(games, **{name: column})


@pytest.mark.parametrize(
    ("name", "place", "value", "reason"),
    [
        ("action", 5, 219, "an action is against the rules"),
        ("action", 5, 255, "an action is against the rules"),
        ("rows", (5, 0), 1 << 36, "a position is malformed"),
        ("rows", (5, 3), 1, "a position does not follow"),
        ("result", slice(None), 2, "a result is not"),
        ("difference", -1, 18, "a difference in stones"),
        ("value", 3, np.nan, "a value is not a number"),
        ("game", 0, 31, "its games are not 32..63"),
        ("policy", (0, 0), 3.0, "do not sum to 1"),
        ("policy", (0, 0), -1.0, "negative"),
        ("policy", (0, 0), np.nan, "negative"),
        ("policy", (0, 63), 1.0, "shares of illegal actions"),
    ],
)
def test_games_that_cannot_be_are_neither_written_nor_read(
    root, games, monkeypatch, name, place, value, reason
):
    wrong = changed(games, name, place, value)
    assert reason in (find_fault(wrong, KEY) or "")
    with pytest.raises(BadInput, match=reason):
        write_games(root, KEY, wrong, 32, SETTINGS)
    if place in ((5, 0), (0, 63)):  # no file can hold these
        return
    with monkeypatch.context() as patched:
        patched.setattr(files, "find_fault", lambda games, key: None)
        write_games(root, KEY, wrong, 32, SETTINGS)
    with pytest.raises(FileCorrupt, match="delete it and make it again: materialize liuzhou_self_play"):
        read_games(root, KEY)


def test_a_game_that_is_cut_off_is_refused(games):
    assert "cut off" in (find_fault(games.take(slice(0, -1)), KEY) or "")


def player(asked: list[GamesKey], broken: frozenset[int] = frozenset()):
    """Plays at random; the games of files whose first is in `broken` fail."""

    def play(keys: Sequence[GamesKey]) -> Iterator[tuple[GamesKey, Games]]:
        for key in keys:
            asked.append(key)
            games = random_games(key)
            yield key, changed(games, "value", 0, np.nan) if key.first in broken else games

    return play


def test_a_killed_generation_goes_on_from_what_it_has(root):
    asked: list[GamesKey] = []
    reports = fill_generation(root, 3, 96, SETTINGS, player(asked))
    first = next(reports)
    reports.close()  # as a killed run does
    assert first.made and first.nbytes and [entry.key.first for entry in read_catalog(root).entries] == [0]
    asked.clear()
    again = list(fill_generation(root, 3, 96, SETTINGS, player(asked)))
    assert [key.first for key in asked] == [32, 64] and [report.made for report in again] == [
        False,
        True,
        True,
    ]
    other = list(fill_generation(root, 3, 32, SETTINGS | {"sims": 9}, player(asked)))
    assert [report.replaced for report in other] == [True]
    path = root.join(FOLDER, "g003")
    path.write(KEY.filename, path.read(KEY.filename)[:-40])
    (mended, kept) = sorted(
        fill_generation(root, 3, 64, SETTINGS | {"sims": 9}, player(asked)),
        key=lambda report: not report.made,
    )
    assert mended.key.first == 32 and mended.replaced and not kept.made and kept.nbytes


def test_a_file_that_fails_leaves_the_others(root):
    found = list(fill_generation(root, 0, 64, SETTINGS, player([], frozenset([0]))))
    assert [report.made for report in found] == [False, True] and "a value is not a number" in found[0].error


def test_a_catalog_lists_generations_and_faults(root):
    positions = [store_games(root, generation, files=1 + generation % 2) for generation in (0, 1, 2)]
    root.join(FOLDER, "g001").write("notes.txt", b"mine")
    catalog = read_catalog(root)
    assert catalog.generations == [0, 1, 2] and [fault.path for fault in catalog.faults] == [
        "liuzhou-games/g001/notes.txt"
    ]
    assert catalog.window(1).generations == [2] and catalog.window(10**9).generations == [0, 1, 2]
    assert catalog.window(positions[2] + 1).generations == [1, 2] and catalog.window(1, 0).generations == [0]
    assert catalog.window(1).version != catalog.version == read_catalog(root).version
    assert choose_window(root, 10**9, 1).generations == [0, 1]
    with pytest.raises(BadInput, match=r"no games of g007: .* --generation 7, or choose another last"):
        choose_window(root, 10**9, 7)
    stock = take_stock(root, whole=True)
    (holding,) = stock.holdings
    assert (holding.files, holding.rows, holding.seeds) == (4, sum(positions), "generations 0-2")
    assert len(stock.faults) == 1
    assert len(read_generation(root, 1)) == positions[1]
    with pytest.raises(BadInput, match="no games of g009"):
        read_generation(root, 9)
    assert len(join([random_games(KEY), random_games(GamesKey(7, 0))])) > 0


def test_a_window_leaves_out_generations_that_were_never_played(root):
    for generation in (0, 2):
        store_games(root, generation)
    assert choose_window(root, 1).generations == [2] and choose_window(root, 10**9, 0).generations == [0]
    assert choose_window(root, 10**9).generations == choose_window(root, 10**9, 2).generations == [0, 2]
    with pytest.raises(BadInput, match=r"no games of g001: .* --generation 1, or choose another last"):
        choose_window(root, 10**9, 1)


def test_files_are_inspected_as_those_of_other_games(root):
    store_games(root, 0)
    (status,) = GAMES.inspect(root.join(FOLDER), keys_of(0, 1), verify=True)
    assert status.condition("s0", status.made.settings) is Condition.SOUND
    assert status.condition("s1", status.made.settings) is Condition.STALE
