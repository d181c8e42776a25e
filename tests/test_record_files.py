"""Record files: promises that every kind of stored file keeps.

A damaged file of ours is refused and made again; a file from another program is refused and kept,
whatever it holds and whichever command finds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from random_games import record_of

from forge_core.cli.main import main
from forge_core.errors import FileCorrupt, FileForeign, ForgeError, is_damaged
from forge_core.files import Store, fingerprint
from forge_core.files.filling import fill
from forge_core.files.inspection import Condition
from forge_core.files.records import RecordFile
from forge_core.texas42.arena import Conditions, Seating, play_match
from forge_core.texas42.arena.boards import BLOCKS, MATCHES_FOLDER, BlockKey
from forge_core.texas42.bidding.records import (
    TABLES,
    BiddingConfig,
    TableKey,
    bid_seed,
    fill_tables,
    write_table,
)
from forge_core.texas42.eq import ExactOracle, GameConfig, Sampling
from forge_core.texas42.eq.files import GAMES, write_game
from forge_core.texas42.eq.filling import fill_games
from forge_core.texas42.oracle import solve
from forge_core.texas42.oracle.shards import SHARDS, ShardConfig, ShardKey, fill_shards, make_shard
from forge_core.texas42.oracle.shards.writing import encode_shard
from forge_core.texas42.players import parse_player

GOLDEN = Path(__file__).parent / "golden" / "record_files.json"


class Quick:
    """A playout without cost: points from a hash of the deal."""

    name, version, sees_all = "quick", "1", False

    def points(self, hands, decls, advance=None):
        if advance:
            advance(len(hands))
        mixed = (hands.astype(np.int64) * np.arange(1, 29).reshape(4, 7)).sum(axis=(1, 2))
        return ((mixed + 5 * decls) % 43).astype(np.int8)


KEY = ShardKey(8, 8)  # a small deal
ROWS = ShardConfig(rows=300)
PLAYING, BIDDING = GameConfig(Sampling(1, points=False)), BiddingConfig(Quick(), samples=20)
RANDOM, HEURISTIC = map(parse_player, ("random", "heuristic"))
SEATING = Seating(RANDOM, HEURISTIC, Conditions())


def errors_of_shards(place: Store) -> list[str]:
    return [report.error for report in fill_shards(place, [KEY], ROWS, "cpu") if report.error]


def errors_of_games(place: Store) -> list[str]:
    reports = fill_games(place, [KEY], ExactOracle(), PLAYING, device="cpu")
    return [report.error for report in reports if report.error]


def errors_of_tables(place: Store) -> list[str]:
    try:
        list(fill_tables(place, [8], BIDDING, verify=True))
    except ForgeError as error:
        return [str(error)]
    return []


def errors_of_boards(place: Store) -> list[str]:
    try:
        play_match(RANDOM, HEURISTIC, [8, 9], Conditions(), Store(place.url.removesuffix(MATCHES_FOLDER)))
    except ForgeError as error:
        return [str(error)]
    return []


@dataclass(frozen=True)
class Family:
    """One kind of file, and a function that fills a place with it."""

    kind: RecordFile
    key: ShardKey | TableKey | BlockKey
    fill: Callable[[Store], list[str]]
    """What it could not do."""
    folder: str
    is_mended: bool = True
    """filling makes a damaged file again"""


FAMILIES = {
    "shards": Family(SHARDS, KEY, errors_of_shards, "shards-standard"),
    "games": Family(GAMES, KEY, errors_of_games, "eq-games"),
    "tables": Family(TABLES, TableKey(8), errors_of_tables, "bidding-results"),
    "boards": Family(
        BLOCKS, BlockKey.of(SEATING.fingerprint, 8), errors_of_boards, MATCHES_FOLDER, is_mended=False
    ),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, bytes]:
    """The file of each family."""
    root, found = Store(str(tmp_path_factory.mktemp("whole"))), {}
    for name, of in FAMILIES.items():
        assert of.fill(root.join(of.folder)) == []
        found[name] = root.join(of.folder, of.key.folder).read(of.key.filename)
    return found


@pytest.fixture(params=FAMILIES)
def family(request) -> str:
    return request.param


def parquet(table: pa.Table, **options) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


FOREIGN: dict[str, Callable[[], bytes]] = {
    "a table": lambda: parquet(pa.table({"name": ["ann", "bob"], "points": [7, 35]})),
    "a table with words in its footer": lambda: parquet(
        pa.table({"seed": [8]}).replace_schema_metadata({"maker": "someone", "version": "1"})
    ),
    "a footer too long to read": lambda: parquet(
        pa.table({"x": [1]}).replace_schema_metadata({"notes": "x" * 2_000_000})
    ),
    "no Parquet": lambda: b"seed,points\n8,35\n" * 100,
    "something encrypted": lambda: b"PARE" + bytes(range(1, 256)) * 300 + b"PARE",
    "noise": lambda: np.random.default_rng(0).bytes(100_000),
}


def in_many_parts(table: pa.Table) -> bytes:
    """Return a file whose footer is longer than a megabyte."""
    groups = 20_000 // table.num_columns
    return parquet(pa.concat_tables([table] * -(-groups // len(table))).slice(0, groups), row_group_size=1)


REWRITTEN: dict[str, Callable[[pa.Table], bytes]] = {
    "by pyarrow": lambda table: parquet(table),
    "by pyarrow, with another column": lambda table: parquet(table.append_column("n", pa.nulls(len(table)))),
    "by pandas": lambda table: parquet(
        table.replace_schema_metadata({**(table.schema.metadata or {}), "pandas": "{}"}), store_schema=False
    ),
    "in many parts": lambda table: in_many_parts(table),
    "and cut off": lambda table: parquet(table)[:-20],
    "and cut in half": lambda table: parquet(table)[: len(parquet(table)) // 2],
}

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "its end cut off": lambda data: data[:-20],
    "half of it cut off": lambda data: data[: len(data) // 2],
    "three bytes of it": lambda data: data[:3],
    "nothing": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "a footer that lies about its length": lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1",
    "a footer that does not parse": lambda data: data[:-12] + b"\xff\xff\xff\xff" + data[-8:],
}


@pytest.mark.parametrize("what", FOREIGN)
def test_the_file_of_another_maker_is_refused_and_kept(tmp_path, family, what):
    of, data = FAMILIES[family], FOREIGN[what]()
    place = Store(str(tmp_path)).join(of.folder)
    place.join(of.key.folder).write(of.key.filename, data)
    path = place.join(of.key.folder).path(of.key.filename)
    for use in (
        lambda: of.kind.read(place, of.key),
        lambda: of.kind.read_header(place, of.key),
        lambda: of.kind.write(place, of.key, b"anything"),
    ):
        with pytest.raises(
            FileForeign, match=r"another program and is never overwritten: move it away, then"
        ):
            use()
    (status,) = of.kind.inspect(place, [of.key], verify=True)
    assert status.foreign and status.condition("", {}) is Condition.FOREIGN and not is_damaged(status.error)
    assert of.kind.missing(place, [of.key], "") == [of.key]
    (complaint,) = of.fill(place)
    assert path in complaint and "another program" in complaint and "\n" not in complaint
    assert place.join(of.key.folder).read(of.key.filename) == data


@pytest.mark.slow
@pytest.mark.parametrize("how", REWRITTEN)
def test_a_file_of_ours_that_another_program_rewrote_is_kept(tmp_path, family, whole, how):
    """Another program may copy our footer along with the rows that it changed."""
    of = FAMILIES[family]
    place, data = (
        Store(str(tmp_path)).join(of.folder),
        REWRITTEN[how](pq.read_table(pa.BufferReader(whole[family]))),
    )
    folder = place.join(of.key.folder)
    folder.write(of.key.filename, data)
    assert of.kind.is_in_the_way(place, of.key)
    with pytest.raises(FileForeign, match="is never overwritten: move it away, then"):
        of.kind.write(place, of.key, whole[family])
    of.fill(place)
    assert folder.read(of.key.filename) == data


def test_the_file_of_another_family_is_foreign(tmp_path, family, whole):
    of = FAMILIES[family]
    place = Store(str(tmp_path)).join(of.folder)
    for other in set(FAMILIES) - {family}:
        place.join(of.key.folder).write(of.key.filename, whole[other])
        (complaint,) = of.fill(place)
        assert "another program" in complaint, other
        assert place.join(of.key.folder).read(of.key.filename) == whole[other]


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_file_of_ours_is_refused_and_made_again(tmp_path, family, whole, what):
    of = FAMILIES[family]
    place = Store(str(tmp_path)).join(of.folder)
    folder = place.join(of.key.folder)
    folder.write(of.key.filename, DAMAGE[what](whole[family]))
    with pytest.raises(FileCorrupt, match="; delete it and ") as caught:
        of.kind.read_header(place, of.key)
    assert is_damaged(caught.value)
    (status,) = of.kind.inspect(place, [of.key])
    assert status.condition("", {}) is Condition.CORRUPT
    complaints = of.fill(place)
    if not of.is_mended:
        (complaint,) = complaints
        assert folder.path(of.key.filename) in complaint and "delete it" in complaint
        folder.delete(of.key.filename)
        complaints = of.fill(place)
    assert complaints == []
    assert folder.read(of.key.filename) == whole[family]


def test_others_are_made_although_one_is_in_the_way(tmp_path):
    place, keys = Store(str(tmp_path)), [TableKey(seed) for seed in (1, 2, 3)]
    place.join("train").write(keys[0].filename, b"mine")
    made = []
    with pytest.raises(FileForeign):
        made.extend(fill_tables(place, [1, 2, 3], BIDDING))
    assert TABLES.missing(place, keys, BIDDING.fingerprint) == keys[:1]
    reports = list(fill_games(place.join("games"), [KEY], ExactOracle(), PLAYING, device="cpu"))
    assert [report.made for report in reports] == [True]
    place.join("games", "train").write(KEY.filename, b"mine")
    other = ShardKey(16, 6)
    reports = list(fill_games(place.join("games"), [KEY, other], ExactOracle(), PLAYING, device="cpu"))
    assert [(report.key, report.made) for report in reports] == [(other, True), (KEY, False)]


@pytest.mark.parametrize("verb", ["shards", "eq"])
def test_the_verbs_say_that_a_file_is_in_the_way(tmp_path, capsys, verb):
    folder = tmp_path / {"shards": "shards-standard", "eq": "eq-games"}[verb] / "train"
    folder.mkdir(parents=True)
    data = FOREIGN["a table"]()
    (folder / KEY.filename).write_bytes(data)
    options = {"shards": ["--rows", "300"], "eq": ["--worlds", "1"]}[verb]
    line = [verb, "--seeds", "8,16", "--out", str(tmp_path), "--device", "cpu", *options]
    assert main([*line, "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (len(plan["missing"]), plan["replaced"]) == (2, 0)
    assert plan["foreign"] == [f"train/{KEY.filename}"]
    assert main([*line, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "0 of 2" in said and "1 would be" in said and "another program" in said
    assert main([*line, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["made"], answer["replaced"], list(answer["failed"])) == (1, 0, [KEY.filename])
    assert "another program" in answer["failed"][KEY.filename]
    assert (folder / KEY.filename).read_bytes() == data


# --- filling ----------------------------------------------------------------------------------


def test_who_stops_listening_stops_the_making(tmp_path):
    place, keys = Store(str(tmp_path)), [TableKey(seed) for seed in range(5)]
    produced: list[int] = []

    def produce(keys) -> Iterator[tuple[TableKey, int]]:
        for key in keys:
            produced.append(key.seed)
            yield key, key.seed

    outcomes = fill(TABLES, place, keys, "", produce, lambda key, seed: seed)
    assert next(outcomes).made == 0
    outcomes.close()
    assert produced == [0]


def test_a_file_that_could_not_be_made_leaves_the_others(tmp_path):
    place, keys = Store(str(tmp_path)), [TableKey(seed) for seed in range(4)]

    def produce(keys) -> Iterator[tuple[TableKey, int | Exception]]:
        for key in keys:
            yield key, RuntimeError("out of luck") if key.seed == 1 else key.seed

    def finish(key: TableKey, seed: int) -> int:
        if seed == 2:
            raise ValueError("no such thing")
        return seed

    for workers in (0, 2):
        found = {
            outcome.key.seed: outcome
            for outcome in fill(TABLES, place, keys, "", produce, finish, workers=workers)
        }
        assert {seed: outcome.made for seed, outcome in found.items()} == {0: 0, 1: None, 2: None, 3: 3}
        assert (
            found[1].reason == "RuntimeError: out of luck" and found[2].reason == "ValueError: no such thing"
        )


# --- what is in the files ---------------------------------------------------------------------


def layout(data: bytes) -> dict:
    """Return the layout of a file: columns, encodings and the keys of its footer."""
    file = pq.ParquetFile(pa.BufferReader(data))
    group = file.metadata.row_group(0)
    columns = [[field.name, str(field.type)] for field in file.schema_arrow]
    chunks = [group.column(place) for place in range(group.num_columns)]
    return {
        "columns": columns if len(columns) < 50 else fingerprint(columns),
        "compression": sorted({chunk.compression for chunk in chunks}),
        "encodings": sorted({encoding for chunk in chunks for encoding in chunk.encodings}),
        "dictionaries": sorted({chunk.path_in_schema for chunk in chunks if chunk.has_dictionary_page}),
        "statistics": any(chunk.is_stats_set for chunk in chunks),
        "rows": file.metadata.num_rows,
        "footer": {name.decode(): text.decode() for name, text in file.metadata.metadata.items()},
    }


def small_files(root: Store) -> dict[str, bytes]:
    """One file of each family, invented where a real one would take long to make."""
    write_game(root.join("games"), record_of(3))
    table = bid_seed(5, BIDDING)
    write_table(root.join("tables"), table, BIDDING)
    play_match(RANDOM, HEURISTIC, [20, 21], Conditions(), root)
    shard = make_shard(solve(KEY.deal(), KEY.decl, device="cpu"), KEY, ROWS)
    return {
        "shard": encode_shard(shard),
        "game": root.join("games", "train").read("seed_00000003_decl_3.parquet"),
        "table": root.join("tables", "train").read("seed_00000005.parquet"),
        "board": SEATING.folder(root).read("seeds_00000000_00000049.parquet"),
    }


def test_files_are_laid_out_as_ever(tmp_path):
    """The layout equals tests/golden/record_files.json, written before record files shared one module."""
    found = {name: layout(data) for name, data in small_files(Store(str(tmp_path))).items()}
    assert found == json.loads(GOLDEN.read_text())
