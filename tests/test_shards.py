"""Shards: written rows read back, damage is refused, missing shards are made."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_core.cli.main import main
from forge_core.errors import BadInput, DeviceUnavailable, FileCorrupt, FileForeign, StoreUnusable
from forge_core.files import Store
from forge_core.files.parquet import to_parquet
from forge_core.splits import Split
from forge_core.texas42.deals import check_deal, deal_from_seed, deal_with_fixed_hand, marginalized_deal
from forge_core.texas42.oracle import hardness, solve
from forge_core.texas42.oracle.shards import (
    DEFAULT_ROWS,
    FOREIGN,
    SHARDS,
    ShardConfig,
    ShardKey,
    fill_shards,
    filling,
    foreign,
    make_shard,
    missing_shards,
    read_header,
    read_shard,
    records,
    seed_keys,
    write_shard,
    writing,
)
from forge_core.texas42.oracle.shards.writing import encode_shard
from forge_core.texas42.settings.shards import read_rows
from forge_core.texas42.state import ILLEGAL, initial_state, unpack

FEW = ShardConfig(rows=300)
COLUMNS = ("state", "value", "q", "ply", "weight")


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path)).join("shards-standard")


@pytest.fixture(scope="session")
def key():
    return ShardKey(1, 1)


@pytest.fixture(scope="session")
def shard(small_solution, key):
    """A shard of 2,000 rows of the smallest golden deal."""
    assert small_solution.hands.tolist() == key.deal()
    return make_shard(small_solution, key, ShardConfig(rows=2000))


def same_rows(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def put(store, key, data):
    store.join(key.split).write(key.filename, data)


# --- names and settings ------------------------------------------------------------------


def test_file_names():
    assert ShardKey(42, 6).filename == "seed_00000042_decl_6.parquet"
    assert ShardKey(42, 6, opponent=1).filename == "seed_00000042_opp1_decl_6.parquet"


@given(st.integers(0, 10**12), st.integers(0, 9), st.none() | st.integers(0, 10**6))
def test_a_file_name_says_the_key(seed, decl, opponent):
    key = ShardKey(seed, decl, opponent)
    assert ShardKey.parse(key.filename) == key


@pytest.mark.parametrize(
    "name",
    [
        "",
        "seed_42_decl_6.parquet",
        "seed_000000042_decl_6.parquet",
        "seed_00000042_decl_10.parquet",
        "seed_00000042_opp01_decl_6.parquet",
        "seed_00000042_decl_6.parquet.tmp",
        "val/seed_00000042_decl_6.parquet",
        "seed_0000004٢_decl_6.parquet",
    ],
)
def test_what_is_no_file_name(name):
    with pytest.raises(BadInput, match="not the name of a shard"):
        ShardKey.parse(name)


@pytest.mark.parametrize("bad", [(-1, 0), (0, 10), (0, 0, -1), (True, 0)])
def test_what_is_no_key(bad):
    with pytest.raises(BadInput):
        ShardKey(*bad)


def test_deals_and_splits_of_keys():
    assert ShardKey(3, 0).deal() == deal_from_seed(3)
    assert ShardKey(3, 0, 2).deal() == marginalized_deal(3, 2)
    assert [ShardKey(seed, 0, 1).split for seed in (899, 900, 950)] == [Split.TRAIN, Split.VAL, Split.TEST]


def test_keys_of_seeds():
    assert seed_keys(range(18, 21), "seed") == [ShardKey(18, 8), ShardKey(19, 9), ShardKey(20, 0)]
    assert seed_keys([5], "all") == [ShardKey(5, decl) for decl in range(10)]
    assert seed_keys([5], 9, opponents=2) == [ShardKey(5, 9, 0), ShardKey(5, 9, 1)]
    for bad in ([5], "none"), ([5], 10), ([5], "seed", 0), ([-5], "seed"):
        with pytest.raises(BadInput):
            seed_keys(*bad)


def test_how_many_rows():
    assert read_rows("50000") == DEFAULT_ROWS == ShardConfig().rows
    assert read_rows(" ALL ") == "all"
    for bad in ("0", "27", "-1", "many", "1.5", ""):
        with pytest.raises(BadInput, match="rows"):
            ShardConfig(read_rows(bad))
    with pytest.raises(BadInput, match="one per ply"):
        ShardConfig(rows=27)
    with pytest.raises(BadInput, match="sample_seed"):
        ShardConfig(sample_seed=0.5)  # pyright: ignore


def test_a_fingerprint_is_of_what_decides_the_rows(monkeypatch):
    plain = ShardConfig().fingerprint
    assert ShardConfig(rows=49_999).fingerprint != plain
    assert ShardConfig(sample_seed=1).fingerprint != plain
    assert ShardConfig("all", 1).fingerprint == ShardConfig("all").fingerprint != plain
    for version in ("ORACLE_VERSION", "SHARDS_VERSION"):
        with monkeypatch.context() as later:
            later.setattr(records, version, "x9")
            assert ShardConfig().fingerprint != plain


# --- what is written ---------------------------------------------------------------------


def test_a_shard_comes_back_as_it_was_written(store, shard, key, golden_deals):
    golden = next(deal for deal in golden_deals if (deal["seed"], deal["decl"]) == (1, 1))
    nbytes = write_shard(store, shard)
    read = read_shard(store, key)
    assert store.join("train").names() == [key.filename]
    assert store.join("train").size(key.filename) == nbytes
    assert read.header == shard.header == read_header(store, key.filename)
    assert same_rows(read, shard)
    assert [getattr(read, name).dtype for name in COLUMNS] == [
        np.int64,
        np.int8,
        np.int8,
        np.uint8,
        np.float32,
    ]
    assert read.header.hands == golden["hands"]
    assert read.header.root_value == golden["root_V"]
    assert read.header.states_per_ply == golden["level_sizes_by_ply"]
    assert read.header.rows == 2000 and not read.header.is_foreign
    assert read.state[read.ply == 0].tolist() == [initial_state()]


def test_a_shard_is_plain_parquet(store, shard, key):
    write_shard(store, shard)
    file = pq.ParquetFile(store.join("train").path(key.filename))
    names = ["state", "V", *(f"q{slot}" for slot in range(7)), "ply", "weight"]
    types = [pa.int64(), *[pa.int8()] * 8, pa.uint8(), pa.float32()]
    assert file.schema_arrow.equals(pa.schema(list(zip(names, types, strict=True))))
    np.testing.assert_array_equal(file.read()["q3"].to_numpy(), shard.q[:, 3])
    said = file.metadata.metadata
    assert (said[b"seed"], said[b"decl"], said[b"opponent"], said[b"rows_asked"]) == (
        b"1",
        b"1",
        b"null",
        b"2000",
    )
    assert said[b"decl_id"] == said[b"decl"]  # readers of the published format take 0 if it is absent
    columns = [file.metadata.row_group(0).column(place) for place in range(11)]
    assert {column.compression for column in columns} == {"ZSTD"}
    assert "DELTA_BINARY_PACKED" in columns[0].encodings
    assert not any("DICTIONARY" in encoding for column in columns for encoding in column.encodings)


def test_equal_shards_are_equal_files(tmp_path, small_solution, key):
    texts = []
    for place, config in enumerate((FEW, FEW, replace(FEW, sample_seed=1))):
        store = Store(str(tmp_path / str(place)))
        write_shard(store, make_shard(small_solution, key, config))
        texts.append(store.join("train").read(key.filename))
    assert texts[0] == texts[1] != texts[2]


def test_each_deal_has_a_draw_of_its_own(small_solution):
    """One solution under several keys: only the stream of the sample differs."""
    draws = [
        make_shard(small_solution, key, FEW).state
        for key in (ShardKey(1, 1), ShardKey(1, 2), ShardKey(1, 1, 0))
    ]
    assert not np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@pytest.mark.slow
def test_all_rows_include_the_terminal_positions(store, small_solution, key):
    write_shard(store, make_shard(small_solution, key, ShardConfig("all")))
    shard = read_shard(store, key)
    assert np.bincount(shard.ply).tolist() == small_solution.states_per_ply
    assert (shard.weight == 1).all()
    end = shard.ply == 28
    assert (shard.value[end] == 0).all() and (shard.q[end] == ILLEGAL).all()
    assert store.join("train").size(key.filename) < 4 * shard.header.rows


def test_a_sample_weighs_what_it_was_drawn_from(shard):
    total = np.bincount(shard.ply, weights=shard.weight, minlength=29)
    np.testing.assert_allclose(total[:28], shard.header.states_per_ply[:28], rtol=1e-6)
    assert (shard.ply < 28).all()


# --- what is refused ---------------------------------------------------------------------


def refused(store, key, *, header_too=False):
    """Return the reader's complaint, and assert that the reader of footers agrees where it can know."""
    with pytest.raises(FileCorrupt) as caught:
        read_shard(store, key)
    if header_too:
        with pytest.raises(FileCorrupt):
            read_header(store, key.filename)
        assert missing_shards(store, [key], ShardConfig(rows=2000)) == [key]
    error = caught.value
    assert error.path == store.join(key.split).path(key.filename)
    assert "forge shards --seeds 1 --decl ones" in error.remedy
    return error.reason


def test_a_shard_that_is_not_there(store, key):
    with pytest.raises(
        FileCorrupt, match=r"no such shard; make it: forge shards --seeds 1 --decl ones --out"
    ):
        read_shard(store, key)


def test_the_command_that_makes_a_shard_anew(tmp_path):
    root = Store(str(tmp_path))
    with pytest.raises(
        FileCorrupt,
        match=rf"--seeds 905 --decl notrump --marginalized --opponents 3 --out {tmp_path} with the --rows",
    ):
        read_shard(root.join("shards-marginalized"), ShardKey(905, 9, 2))
    golden, key = root.join("shards-golden"), ShardKey(905, 9)
    with pytest.raises(FileCorrupt, match=r"no such shard; make it$"):  # no verb does
        read_shard(golden, key)
    with pytest.raises(FileCorrupt, match=r"no such shard; make it: begin at 905$"):
        SHARDS.remade_by(lambda key: f"begin at {key.seed}").read(golden, key)


def damage_rows(store, key):
    """Change one byte of the rows; the footer stays valid."""
    folder = store.join(key.split)
    data = bytearray(folder.read(key.filename))
    data[100] ^= 0xFF
    folder.write(key.filename, bytes(data))


def test_damaged_rows_are_made_again_when_whole_files_are_verified(store, shard, key):
    config = ShardConfig(rows=2000)
    write_shard(store, shard)
    damage_rows(store, key)
    assert missing_shards(store, [key], config) == []  # their footers are sound
    assert missing_shards(store, [key], config, verify=True) == [key]
    with pytest.raises(FileCorrupt, match="--rows 2000 --sample-seed 0"):  # the command that makes the same
        read_shard(store, key)
    (report,) = fill_shards(store, [key], config, device="cpu", verify=True)
    assert report.made
    assert not missing_shards(store, [key], config, verify=True)


def test_what_replaces_sound_rows_says_so(store, shard, key):
    write_shard(store, shard)
    (report,) = fill_shards(store, [key], ShardConfig(rows=300), device="cpu")
    assert report.made
    assert report.replaced
    (report,) = fill_shards(store, [key], ShardConfig(rows=300), device="cpu")
    assert not report.replaced


@pytest.mark.parametrize(("seed", "opponent"), [(10**18, None), (10**400, None), (0, 10**9)])
def test_keys_that_no_file_name_could_hold_are_refused(seed, opponent):
    with pytest.raises(BadInput):
        ShardKey(seed, 0, opponent)
    key = ShardKey(10**18 - 1, 0, 10**9 - 1)
    assert ShardKey.parse(key.filename) == key


def tampered(shard, name, change):
    array = getattr(shard, name).copy()
    change(array)
    return replace(shard, **{name: array})


def at(place, value):
    def change(array):
        array[place] = value

    return change


def swap_rows(array):
    array[[5, 6]] = array[[6, 5]]


def forget_a_hand(array):
    array[100] &= ~np.int64(0x7F)


def all_up_by_two(array):
    array[array != ILLEGAL] += 2


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("state", swap_rows, "not strictly ascending"),
        ("state", at(slice(5, 7), 5), "not strictly ascending"),
        ("state", forget_a_hand, "ascending|are inconsistent"),
        ("state", at(-1, 1 << 41), "are inconsistent in state 2199023255552"),
        ("value", at(7, 43), r"V is outside -42\.\.42"),
        ("value", at(7, -128), r"V is outside"),
        ("value", all_up_by_two, "V is (outside|not the best legal Q)"),
        ("q", at((7, slice(None)), 43), "the legal slots of Q differ"),
        ("q", at((7, slice(None)), ILLEGAL), "the legal slots of Q differ"),
        ("q", lambda q: np.place(q, q != ILLEGAL, 50), r"Q is outside"),
        ("q", lambda q: np.place(q, q != ILLEGAL, 0), "V is not the best"),
        ("q", lambda q: np.negative(q, where=q != ILLEGAL, out=q), "V is not the best"),
        ("ply", at(7, 29), "its plies do not match"),
        ("weight", at(7, np.nan), "weight is below 1"),
        ("weight", at(7, -1), "weight is below 1"),
        ("weight", lambda weight: np.multiply(weight, 1.0001, out=weight), "weights do not sum"),
    ],
)
def test_rows_that_cannot_be(store, shard, key, name, change, reason):
    write_shard(store, tampered(shard, name, change))
    assert re.search(reason, refused(store, key))
    assert read_header(store, key.filename) == shard.header  # the footer alone cannot know


def test_values_in_the_frame_of_the_mover(store, shard, key):
    """Values with the wrong sign for team 1, the mistake that the frame invites, are refused."""
    team_1 = unpack(shard.state).mover % 2 == 1
    q = shard.q.copy()
    q[team_1] = np.where(q[team_1] == ILLEGAL, ILLEGAL, -q[team_1])
    write_shard(store, replace(shard, q=q, value=np.where(team_1, -shard.value, shard.value).astype(np.int8)))
    assert "V is not the best legal Q of the mover" in refused(store, key)


def test_the_hands_of_another_deal(store, shard, key):
    write_shard(store, replace(shard, header=replace(shard.header, hands=deal_from_seed(2))))
    assert "the legal slots of Q differ" in refused(store, key)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"schema_version": 2}, "schema has version 2, but this code reads version 1"),
        ({"root_value": 37}, "root value 37"),
        ({"root_value": 1e2}, "whole number"),
        ({"decl": True}, "whole number"),
        ({"sample_seed": "0"}, "whole number"),
        ({"hands": [[0] * 7] * 4}, "repeats a domino"),
        (
            {"hands": [list(range(6, -1, -1)), *[list(range(n, n + 7)) for n in (7, 14, 21)]]},
            "ascending order",
        ),
        ({"hands": None}, "not a list"),
        ({"hands": [1, 2, 3, 4]}, ""),
        ({"states_per_ply": [1] * 28}, "states per ply"),
        ({"states_per_ply": [1] * 28 + [5]}, "more than a deal can have"),
        ({"states_per_ply": [1, 7, 10**9, *[7] * 26]}, "more than a deal can have"),
        ({"states_per_ply": [1, 7, 0, *[7] * 26]}, "states per ply"),
        ({"states_per_ply": {}}, "states per ply"),
        ({"rows": 1999}, "1,999 rows, but its settings give 2,000"),
        ({"rows_asked": 1999}, "fingerprint"),
        ({"rows_asked": "some"}, "rows"),
        ({"sample_seed": 5}, "fingerprint"),
        ({"fingerprint": FOREIGN}, "fingerprint"),
        ({"oracle_version": None}, "fingerprint"),
    ],
)
def test_headers_that_cannot_be(store, shard, key, changes, reason):
    data = encode_shard(replace(shard, header=replace(shard.header, **changes)))
    put(store, key, data)
    assert reason in refused(store, key, header_too=True)


def test_a_root_value_that_is_another_states(store, shard, key):
    write_shard(store, replace(shard, header=replace(shard.header, root_value=shard.header.root_value - 2)))
    assert "root value is not V of the initial state" in refused(store, key)


@pytest.mark.parametrize("other", [ShardKey(1, 2), ShardKey(2, 1), ShardKey(1, 1, 0), ShardKey(901, 1)])
def test_a_file_under_the_name_of_another(store, shard, other):
    put(store, other, encode_shard(shard))
    for read in (read_shard, read_header):
        with pytest.raises(FileCorrupt, match=r"its header belongs to seed_00000001_decl_1\.parquet"):
            read(store, other)


def table_of(shard):
    q_columns = {f"q{slot}": shard.q[:, slot].copy() for slot in range(7)}
    return pa.table(
        {"state": shard.state, "V": shard.value, **q_columns, "ply": shard.ply, "weight": shard.weight}
    )


def parquet(table, metadata=None, **options):
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(metadata), sink, **options)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table.drop_columns(["weight"]), "columns or their types"),
        (lambda table: table.append_column("more", table["V"]), "columns or their types"),
        (lambda table: table.set_column(1, "V", table["V"].cast(pa.int32())), "columns or their types"),
        (lambda table: table.set_column(1, "V", pa.nulls(2000, pa.int8())), "empty values"),
        (lambda table: table.slice(1), "1,999 rows, but its header says 2,000"),
    ],
)
def test_columns_that_do_not_belong(store, shard, key, change, reason):
    put(store, key, parquet(change(table_of(shard)), shard.header.to_footer()))
    assert reason in refused(store, key)


def test_a_header_that_was_changed_or_is_incomplete(store, shard, key):
    text = shard.header.to_footer()
    counts = text["states_per_ply"]
    for name, value, reason in [
        ("states_per_ply", counts.replace("1475439", "1475440"), "has been altered"),
        ("checksum", "0" * 16, "has been altered"),
        ("hands", "[" * 100_000, "cannot be parsed"),
        ("hands", "\xff", "cannot be parsed"),
        ("rows", "9" * 6000, "cannot be parsed"),
    ]:
        assert text[name] != value
        put(store, key, parquet(table_of(shard), text | {name: value}))
        assert reason in refused(store, key, header_too=True)
    put(store, key, to_parquet(table_of(shard), {k: v for k, v in text.items() if k != "decl_id"}))
    assert read_shard(store, key).header == shard.header  # as earlier versions wrote it
    for name in text.keys() - {"schema_version", "decl_id"}:
        put(store, key, parquet(table_of(shard), {k: v for k, v in text.items() if k != name}))
        assert refused(store, key, header_too=True) in (
            f"its header lacks {name}",
            "its header has been altered",
        )
    put(store, key, parquet(table_of(shard)))  # without any header, as other programs write it
    bare = read_shard(store, key)
    assert bare.header.oracle_version == FOREIGN
    assert np.array_equal(bare.state, shard.state) and np.array_equal(bare.q, shard.q)


def test_headers_made_to_fill_the_memory(store, shard, key):
    text = shard.header.to_footer()
    put(store, key, parquet(table_of(shard), text | {"more": "x" * 2_000_000}))
    refused(store, key, header_too=True)
    whole = encode_shard(shard)
    put(store, key, whole[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(FileCorrupt, match="footer claims 2,147,483,655 bytes"):
        read_header(store, key)
    refused(store, key, header_too=True)
    zeros = pa.table(
        {"state": np.zeros(10**6, np.int64)} | {n: np.zeros(10**6, np.int8) for n in PLAIN_NAMES[1:]}
    )
    put(store, key, parquet(zeros, {"seed": "1", "decl": "1"}, compression="zstd"))
    assert "1,000,000 rows do not fit" in refused(store, key)


@settings(max_examples=60)
@given(data=st.data())
def test_damage_is_noticed(tmp_path_factory, small_solution, key, data):
    """A file cut anywhere, or with any byte changed, is refused unless it reads as before."""
    shard = make_shard(small_solution, key, FEW)
    whole = encode_shard(shard)
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= data.draw(st.integers(1, 255))
    store = Store(str(tmp_path_factory.getbasetemp() / "damaged"))
    put(store, key, whole[:place])
    for read in (read_shard, read_header):
        with pytest.raises(FileCorrupt):
            read(store, key)
    put(store, key, bytes(damaged))
    try:
        read = read_shard(store, key)
    except FileCorrupt:
        return
    assert read.header == shard.header and same_rows(read, shard)


def test_labels_of_an_older_oracle(store, small_solution, key, monkeypatch):
    with monkeypatch.context() as earlier:
        for module in (records, writing):
            earlier.setattr(module, "ORACLE_VERSION", "o0")
        write_shard(store, make_shard(small_solution, key, FEW))
    assert read_header(store, key.filename).oracle_version == "o0"
    assert "values come from oracle version o0" in refused(store, key)
    assert missing_shards(store, [key], FEW) == [key]


# --- plain shards of other programs ------------------------------------------------------

PLAIN_NAMES = ["state", "V", *(f"q{slot}" for slot in range(7))]


def plain(state, value, q, key, **metadata):
    """Write a shard as another program would: nine columns, default encodings, only seed and declaration."""
    columns = {"state": state, "V": value, **{f"q{slot}": q[:, slot].copy() for slot in range(7)}}
    said = {"seed": str(key.seed), "decl_id": str(key.decl)} | metadata
    return parquet(pa.table(columns), said, compression="snappy")


def test_plain_shards_of_published_values(store, golden_deals, golden_values):
    for golden in golden_deals:
        key = ShardKey(golden["seed"], golden["decl"])
        rows = golden_values["pair"] == golden["pair"]
        state, value, q = (golden_values[name][rows] for name in ("state", "V", "q"))
        put(store, key, plain(state, value, q.astype(np.int8), key))
        read = read_shard(store, key)
        order = np.argsort(state)
        np.testing.assert_array_equal(read.state, state[order])
        np.testing.assert_array_equal(read.value, value[order])
        np.testing.assert_array_equal(read.q, q[order])
        np.testing.assert_array_equal(read.ply, unpack(read.state).ply)
        assert (read.weight == 1).all()
        assert read.header.is_foreign and read.header == read_header(store, key.filename)
        assert read.header.hands == golden["hands"]
        assert read.header.root_value == golden["root_V"]
        assert read.header.states_per_ply == golden["level_sizes_by_ply"]


def test_a_plain_marginalised_shard_has_the_deal_of_its_maker(store):
    key = ShardKey(1, 1, opponent=2)
    hands = deal_with_fixed_hand(deal_from_seed(1)[0], 2)
    theirs = make_shard(solve(hands, 1, device="cpu"), key, FEW)
    put(store, key, plain(theirs.state, theirs.value, theirs.q, key, decl="1"))
    assert read_shard(store, key).header.hands == hands != key.deal()
    ours = make_shard(solve(key.deal(), 1, device="cpu"), key, FEW)
    put(store, key, plain(ours.state, ours.value, ours.q, key))
    with pytest.raises(FileCorrupt, match=r"cannot occur|disagree"):
        read_shard(store, key)


def test_plain_shards_that_are_wrong(store, shard, small_solution, key):
    state, value, q = shard.state, shard.value, shard.q
    shifted = np.where(q == ILLEGAL, q, np.clip(q - 2, -42, 42)).astype(np.int8)
    doubled = np.r_[state[:-1], state[0]]
    for data, reason in [
        (plain(state, np.clip(value - 2, -42, 42).astype(np.int8), shifted, key), "disagree with the solver"),
        (plain(state, value, -q, key), "disagree with the solver"),
        (plain(doubled, np.r_[value[:-1], value[0]], np.r_[q[:-1], q[:1]], key), "not strictly ascending"),
        (plain(state, value, q, key, seed="2"), "its metadata has"),
        (plain(state, value, q, key, decl_id="2"), "its metadata has"),
        (plain(state + (1 << 41), value, q, key), "malformed"),
        (plain(state[:0], value[:0], q[:0], key), "0 rows"),
        (plain(state, value, q, key, decl="2"), "its metadata has decl 2, but its name has 1"),
    ]:
        put(store, key, data)
        with pytest.raises(FileCorrupt) as caught:
            read_shard(store, key)
        assert reason in caught.value.reason
        assert "remove it, or download it again" in caught.value.remedy
    other = make_shard(solve(deal_from_seed(2), 1, device="cpu"), key, FEW)
    put(store, key, plain(other.state, other.value, other.q, key))
    with pytest.raises(FileCorrupt, match=r"cannot occur|disagree"):
        read_shard(store, key)


WRITERS = {
    "nine columns": lambda table: table,
    "the index of a pandas frame": lambda table: table.append_column(
        "__index_level_0__", pa.array(range(len(table)))
    ),
    "a column of text": lambda table: table.append_column("note", pa.array(["", "x"] * (len(table) // 2))),
    "another order": lambda table: table.select(table.column_names[::-1]),
    "V as int16": lambda table: table.set_column(1, "V", table["V"].cast(pa.int16())),
    "64 bits throughout": lambda table: table.cast(pa.schema([(name, pa.int64()) for name in PLAIN_NAMES])),
    "states as uint64": lambda table: table.set_column(0, "state", table["state"].cast(pa.uint64())),
    "nothing in the footer": lambda table: table,
    "many row groups": lambda table: table.slice(0, 1100),
    "columns of another kind": lambda table: table.set_column(1, "V", table["V"].cast(pa.float32())),
}


@pytest.mark.slow
@pytest.mark.parametrize("written", WRITERS)
def test_a_plain_shard_is_never_overwritten(store, shard, key, written):
    """Other orders, widths, further columns, small row groups and footers without entries are read."""
    table = pa.table({name: table_of(shard)[name] for name in PLAIN_NAMES})
    metadata = {} if written == "nothing in the footer" else {"seed": "1", "decl_id": "1"}
    per_group = 1 if written == "many row groups" else None
    data = parquet(WRITERS[written](table), metadata, row_group_size=per_group)
    put(store, key, data)
    if written == "columns of another kind":
        with pytest.raises(FileForeign):
            read_shard(store, key)
    else:
        read = read_shard(store, key)
        assert read.header == read_header(store, key)
        assert read.header.is_foreign and read.q.dtype == read.value.dtype == np.int8
        rows = len(read.state)
        assert all(np.array_equal(getattr(read, name), getattr(shard, name)[:rows]) for name in COLUMNS[:3])
    assert missing_shards(store, [key], FEW) == [key]
    (report,) = fill_shards(store, [key], FEW, device="cpu")
    assert not report.made and report.error and "another program" in report.error
    assert store.join("train").read(key.filename) == data


@pytest.mark.parametrize("queries_cost", [16, 10**9], ids=["by queries", "by all labels"])
def test_every_row_of_a_plain_shard_is_checked(store, shard, key, monkeypatch, queries_cost):
    monkeypatch.setattr(foreign, "_QUERIES_COST", queries_cost)
    state, value, q = shard.state, shard.value, shard.q
    put(store, key, plain(state, value, q, key))
    read = read_shard(store, key)
    assert all(np.array_equal(getattr(read, name), getattr(shard, name)) for name in COLUMNS[:4])
    of_team_0 = unpack(state).mover % 2 == 0
    worse = (q != ILLEGAL) & (q < value[:, None]) & (q > -40) & of_team_0[:, None]
    for row, slot in np.argwhere(worse)[[100, -1]]:
        altered = q.copy()
        altered[row, slot] -= 2  # V is still the best Q
        put(store, key, plain(state, value, altered, key))
        with pytest.raises(FileForeign, match="1 of 2,000 rows disagree with the solver"):
            read_shard(store, key)
    strange = state.copy()
    strange[-1] += 1
    put(store, key, plain(strange, value, q, key))
    with pytest.raises(FileForeign, match=f"state {strange[-1]} (cannot occur|is malformed)"):
        read_shard(store, key)


def test_doctor_names_a_plain_shard_with_an_altered_row(store, shard, key, capsys):
    q = shard.q.copy()
    row = int(np.argmax((unpack(shard.state).mover % 2 == 0) & ((q != ILLEGAL).sum(axis=1) > 3)))
    q[row, np.argmin(np.where(q[row] == ILLEGAL, 127, q[row]))] -= 2
    put(store, key, plain(shard.state, shard.value, q, key))
    root = store.url.removesuffix("/shards-standard")
    assert main(["doctor", "--store", root, "--json"]) == 0
    capsys.readouterr()
    assert main(["doctor", "--store", root, "--verify", "--json"]) == 1
    faults = json.loads(capsys.readouterr().out)["store"]["faults"]
    assert "1 of 2,000 rows disagree" in faults[f"shards-standard/train/{key.filename}"]


def test_two_declarations_in_one_header(store, shard, key):
    put(store, key, to_parquet(table_of(shard), shard.header.to_footer() | {"decl_id": "0"}))
    assert "two different declarations" in refused(store, key, header_too=True)


def test_numbers_of_a_plain_shard_that_do_not_fit(store, shard, key):
    table = table_of(shard).select(PLAIN_NAMES)
    wide = table["q3"].cast(pa.int16()).to_numpy().copy()
    wide[5] = 300
    table = table.set_column(5, "q3", pa.array(wide))
    put(store, key, parquet(table, {"seed": "1", "decl_id": "1"}))
    with pytest.raises(FileForeign, match=r"column q3 has numbers outside -128\.\.127"):
        read_shard(store, key)


@pytest.mark.parametrize(
    "data", [b"", b"PAR1", b"\x80\x04\x95", b"PAR1" + bytes(100) + b"PAR1", bytes(100_000)]
)
def test_what_is_no_parquet(store, key, data):
    put(store, key, data)
    refused(store, key, header_too=True)


# --- filling -----------------------------------------------------------------------------

KEYS = [*seed_keys(range(3), "seed"), ShardKey(900, 4), ShardKey(950, 5)]


def files_of(store):
    return {
        (split, name): store.join(split).read(name) for split in Split for name in store.join(split).names()
    }


def mend(store, keys, config=FEW, **options):
    return {report.key: report for report in fill_shards(store, keys, config, device="cpu", **options)}


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """A store with the shards of KEYS; not to be changed."""
    store = Store(str(tmp_path_factory.mktemp("filled"))).join("shards-standard")
    reports = mend(store, KEYS)
    assert [report.error for report in reports.values()] == [None] * len(KEYS)
    return store, reports


def test_filling_makes_every_shard_in_its_split(filled):
    store, reports = filled
    assert set(reports) == set(KEYS)
    assert set(files_of(store)) == {(key.split, key.filename) for key in KEYS}
    for key, report in reports.items():
        shard = read_shard(store, key)
        assert check_deal(key.deal()).tolist() == shard.header.hands
        assert report.made and report.device == "cpu" and report.seconds > 0
        assert report.rows == len(shard.state) == 300
        assert report.root_value == shard.header.root_value
        assert report.states == sum(shard.header.states_per_ply)
        assert report.nbytes == store.join(key.split).size(key.filename)


@pytest.mark.parametrize("url", [None, "memory://filled-again"])
def test_how_it_was_filled_does_not_matter(filled, tmp_path, url):
    store, _ = filled
    other = Store(url or str(tmp_path))
    mend(other, KEYS[::-1], workers=3)
    assert files_of(other) == files_of(store)


def test_what_is_there_is_not_made_again(filled, monkeypatch):
    store, first = filled
    monkeypatch.setattr(filling, "solve_many", lambda *_, **__: pytest.fail("nothing is to be solved"))
    assert missing_shards(store, KEYS, FEW) == []
    for key, report in mend(store, KEYS).items():
        assert report == replace(first[key], made=False, seconds=0.0, device="")


def test_gaps_and_only_gaps_are_filled(filled, store):
    source, _ = filled
    whole = files_of(source)
    for (split, name), data in whole.items():
        store.join(split).write(name, data)
    gone, cut, stale = KEYS[0], KEYS[3], KEYS[4]
    store.join(gone.split).delete(gone.filename)
    put(store, cut, whole[cut.split, cut.filename][:-1])
    mend(store, [stale], ShardConfig(rows=301))  # of another fingerprint
    untouched = {key: os.stat(store.join(key.split).path(key.filename)).st_mtime_ns for key in KEYS[1:3]}
    assert missing_shards(store, KEYS, FEW) == [gone, cut, stale]
    assert {key for key, report in mend(store, KEYS).items() if report.made} == {gone, cut, stale}
    assert files_of(store) == whole
    for key, before in untouched.items():
        assert os.stat(store.join(key.split).path(key.filename)).st_mtime_ns == before


def test_more_opponents_make_only_the_new_deals(store):
    mend(store, seed_keys([1], 1, opponents=2))
    reports = mend(store, seed_keys([1], 1, opponents=3))
    assert {key.opponent: report.made for key, report in reports.items()} == {0: False, 1: False, 2: True}
    hands = [read_shard(store, key).header.hands for key in reports]
    assert [deal[0] for deal in hands] == [deal_from_seed(1)[0]] * 3
    assert hands[0][1:] != hands[1][1:] != hands[2][1:]


def test_hard_deals_come_first(store):
    made = [report.key for report in fill_shards(store, KEYS, FEW, device="cpu", workers=1)]
    assert made == sorted(made, key=lambda key: -hardness(check_deal(key.deal()), key.decl))


def test_a_key_given_twice_is_made_once(store):
    assert len(list(fill_shards(store, KEYS[1:2] * 3, FEW, device="cpu"))) == 1


def test_bad_requests_are_refused_before_anything_is_made(store):
    with pytest.raises(BadInput, match="0 workers"):
        fill_shards(store, KEYS, FEW, workers=0)
    with pytest.raises(BadInput, match="unknown device"):
        fill_shards(store, KEYS, FEW, device="tpu")
    with pytest.raises(DeviceUnavailable):
        fill_shards(store, KEYS, FEW, device="cuda:99")


def failing(function, victim, error):
    """Return a function that fails for the victim's deal."""
    deal = victim.deal()

    def wrapper(hands, *arguments, **options):
        if np.array_equal(getattr(hands, "hands", hands), deal):
            raise error
        return function(hands, *arguments, **options)

    return wrapper


@pytest.mark.parametrize("step", ["solve", "label"])
def test_a_deal_that_fails_is_reported_and_the_others_are_made(store, monkeypatch, step):
    from forge_core.texas42.oracle import solver

    victim, error = KEYS[1], RuntimeError("out of luck")
    if step == "solve":
        monkeypatch.setattr(filling, "solve", failing(filling.solve, victim, error))
        monkeypatch.setattr(solver, "_solve_one", failing(solver._solve_one, victim, error))
    else:
        monkeypatch.setattr(filling, "make_shard", failing(filling.make_shard, victim, error))
    reports = mend(store, KEYS)
    assert set(reports) == set(KEYS)
    assert reports[victim].error == "RuntimeError: out of luck" and not reports[victim].made
    assert {key for key, report in reports.items() if report.made} == {*KEYS} - {victim}
    assert missing_shards(store, KEYS, FEW) == [victim]


def test_a_deal_that_failed_for_another_is_solved_alone(store, monkeypatch):
    """On a GPU a whole batch fails together."""
    many = filling.solve_many

    def only_few(hands, decls, **options):
        if len(hands) > 2:
            raise RuntimeError("the batch does not fit")
        return many(hands, decls, **options)

    monkeypatch.setattr(filling, "solve_many", only_few)
    assert all(report.made for report in mend(store, KEYS).values())


def test_a_store_that_cannot_be_written_ends_the_work_early(store, monkeypatch):
    def refuse(self, name, data):
        raise StoreUnusable(f"cannot write {self.path(name)}: no space; free some")

    solved = []
    alone = filling._make_one
    monkeypatch.setattr(filling, "_make_one", lambda *given: solved.append(given) or alone(*given))
    monkeypatch.setattr(Store, "write", refuse)
    keys = seed_keys(range(12), "seed")
    reports = mend(store, keys, workers=1)
    assert set(reports) == set(keys)
    assert all(report.error and "no space" in report.error for report in reports.values())
    assert sum("not tried" in (report.error or "") for report in reports.values()) == len(keys) - 3
    assert len(solved) < len(keys)


def test_closing_finishes_what_is_being_written(store, monkeypatch):
    """Stopping early leaves complete files and no temporary ones."""
    keys, sync, syncing = seed_keys(range(8), "seed"), os.fsync, threading.Event()

    def slow_sync(descriptor):
        syncing.set()
        time.sleep(0.3)
        sync(descriptor)

    reports = fill_shards(store, keys, FEW, device="cpu", workers=1)
    monkeypatch.setattr(os, "fsync", slow_sync)
    next(reports)
    syncing.clear()
    syncing.wait(10)
    reports.close()
    names = store.join("train").names()
    assert sorted(os.listdir(store.join("train").url)) == names
    assert 2 <= len(names) < len(keys)
    for name in names:
        read_shard(store, name)


def test_ctrl_c_leaves_whole_shards_and_the_rest_for_the_next_time(tmp_path):
    script = f"""
        from forge_core.files import Store
        from forge_core.texas42.oracle.shards import ShardConfig, fill_shards, seed_keys
        keys = seed_keys(range(200), "seed")
        for report in fill_shards(Store({str(tmp_path)!r}), keys, ShardConfig(), device="cpu", workers=2):
            print(report.error, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "None\n"
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert complaint.rstrip().endswith("KeyboardInterrupt")
    store = Store(str(tmp_path))
    names = store.join("train").names()
    assert sorted(os.listdir(store.join("train").url)) == names
    assert 1 <= len(names) < 150
    made = [read_shard(store, name).header.key for name in names]
    keys = seed_keys(range(200), "seed")
    assert missing_shards(store, keys, ShardConfig()) == [key for key in keys if key not in made]


def test_what_killed_writers_left_is_swept(store):
    folder = store.join("train")
    os.makedirs(folder.url)
    left = f"{folder.url}/.{KEYS[0].filename}.host.1.0123abcd.tmp"
    open(left, "wb").close()
    os.utime(left, (0, 0))
    mend(store, KEYS[1:2])
    assert os.listdir(folder.url) == [KEYS[1].filename]


def test_random_declarations_are_drawn_for_each_seed():
    keys = seed_keys(range(200), "random")
    assert [key.seed for key in keys] == list(range(200))
    assert {key.decl for key in keys} == set(range(10))
    assert keys[7:9] == seed_keys([7, 8], "random")
    assert [key.decl for key in keys[:8]] == [1, 8, 7, 2, 0, 2, 9, 3]
