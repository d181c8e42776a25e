"""Recorded games: written games read back, damaged ones are refused, faults are named."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_games import SETTINGS, changed, record_of

from forge_core.cli.main import main
from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import ExactOracle, GameConfig, Sampling, play_games
from forge_core.texas42.eq.export import to_tensors
from forge_core.texas42.eq.faults import check_game
from forge_core.texas42.eq.files import (
    find_games,
    missing_games,
    open_game,
    read_game,
    read_header,
    write_game,
)
from forge_core.texas42.eq.filling import fill_games, fingerprint_for
from forge_core.texas42.eq.records import Decisions, GameRecord, fingerprint_of
from forge_core.texas42.eq.rows import collate
from forge_core.texas42.eq.summary import summarize
from forge_core.texas42.games import start
from forge_core.texas42.oracle.shards import ShardKey
from forge_core.texas42.tokens.inferences import STAGE2_SPEC, infer

NAME = "seed_00000042_decl_2.parquet"


@pytest.fixture(scope="module")
def record() -> GameRecord:
    return record_of(42)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path / "eq-games"))


def assert_same(one: GameRecord, other: GameRecord) -> None:
    for field in fields(GameRecord):
        if field.name != "decisions":
            assert np.array_equal(getattr(one, field.name), getattr(other, field.name)), field.name
    for field in fields(Decisions):
        mine, theirs = getattr(one.decisions, field.name), getattr(other.decisions, field.name)
        assert (mine is None) == (theirs is None)
        if mine is not None:
            assert mine.dtype == theirs.dtype and mine.tobytes() == theirs.tobytes(), field.name


# --- written and read -------------------------------------------------------------------------


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(0, 3), st.sampled_from([30, 42, 84]), st.booleans())
def test_what_is_written_is_read(tmp_path, seed, leader, bid, points):
    store, game = Store(str(tmp_path)), record_of(seed, leader, bid, points)
    nbytes = write_game(store, game)
    folder = store.join(game.key.split)
    assert folder.size(game.key.filename) == nbytes
    assert_same(read_game(store, game.key), game)
    assert_same(open_game(folder.path(game.key.filename)), game)
    before = folder.read(game.key.filename)
    write_game(store, game)
    assert folder.read(game.key.filename) == before  # equal games, equal files


def test_where_a_game_lies_and_what_its_footer_says(store, record):
    write_game(store, record)
    assert store.join("train").names() == [NAME]
    header = read_header(store, NAME)
    assert (header.key, header.fingerprint, header.settings) == (
        record.key,
        record.fingerprint,
        record.settings,
    )
    assert header.hands == record.hands.tolist()
    with pytest.raises(BadInput, match="without a seed"):
        write_game(store, replace(record, seed=None))
    with pytest.raises(BadInput, match="marginalized"):
        read_game(store, "seed_00000042_opp1_decl_2.parquet")


def test_any_reader_of_parquet_finds_the_columns(store, record):
    write_game(store, record)
    table = pq.read_table(pa.BufferReader(store.join("train").read(NAME)))
    assert table.num_rows == 28
    rows = table.to_pylist()
    told = record.transcripts()
    for step, row in enumerate(rows):
        assert (row["seed"], row["decl"], row["step"], row["bid"], row["bidder"]) == (42, 2, step, 30, 0)
        assert (row["exploration_mode"], row["oracle"]) == ("boltzmann", "exact")
        assert row["transcript_tokens"] == told.tokens[step].ravel().tolist()
        assert row["transcript_length"] == 8 + step
        assert len(row["e_q_mean"]) == len(row["legal_mask"]) == 7 and len(row["e_q_pdf"]) == 7 * 85


def test_gaps_are_what_is_absent_corrupt_or_made_otherwise(store, record):
    other = record_of(43)
    write_game(store, record)
    write_game(store, replace(other, settings={**other.settings, "seed": 1}))
    keys = [ShardKey(seed, seed % 10) for seed in (42, 43, 44)]
    assert missing_games(store, keys, record.fingerprint) == keys[1:]
    assert missing_games(store, keys, record.fingerprint, verify=True) == keys[1:]
    store.join("train").write(NAME, b"PAR1PAR1")
    assert missing_games(store, keys, record.fingerprint) == keys


def test_a_device_makes_no_other_game_but_a_setting_does():
    made = fingerprint_of(SETTINGS)
    assert fingerprint_of({**SETTINGS, "device": "cuda:0"}) == made
    assert fingerprint_of({**SETTINGS, "bid": 31}) != made
    assert fingerprint_of({**SETTINGS, "version": "q9"}) != made


def test_what_is_played_is_what_is_asked_for(store):
    """The fingerprint of a game follows from the settings, before it is played."""
    oracle, config = ExactOracle(), GameConfig(Sampling(1, points=False), seed=3)
    games = start([deal_from_seed(42)], [2], bids=31)
    [game] = play_games(oracle, games, config, "cpu", deal_seeds=[42])
    assert check_game(game) == []
    write_game(store, game)
    assert_same(read_game(store, NAME), game)
    assert missing_games(store, [game.key], fingerprint_for(oracle, config, bid=31)) == []
    assert missing_games(store, [game.key], fingerprint_for(oracle, config)) == [game.key]


def test_stored_games_do_not_depend_on_how_many_are_played_together(tmp_path):
    keys, config = [ShardKey(seed, seed % 10) for seed in range(5)], GameConfig(Sampling(3, points=False))
    found = []
    for batch in (1, 2, 5):
        store = Store(str(tmp_path / str(batch)))
        reports = list(fill_games(store, keys, ExactOracle(1), config, batch=batch, device="cpu"))
        assert [(report.key, report.made) for report in reports] == [(key, True) for key in keys]
        found.append([read_game(store, key) for key in keys])
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            assert_same(one, other)


# --- refused ----------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused_or_read_as_it_was(tmp_path, record, data):
    store = Store(str(tmp_path))
    write_game(store, record)
    folder = store.join("train")
    whole = folder.read(NAME)
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        damaged = whole[:place]
    else:
        damaged = whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :]
    folder.write(NAME, damaged)
    try:
        assert_same(read_game(store, NAME), record)
    except FileCorrupt as error:
        assert NAME in str(error) and "forge eq --seeds 42 --decl twos" in str(error)
        assert "\n" not in str(error)


def rewritten(store: Store, record: GameRecord, change_table=None, **metadata) -> None:
    """Write the file of a game with other columns or another footer."""
    write_game(store, record)
    file = pq.ParquetFile(pa.BufferReader(store.join("train").read(NAME)))
    table, words = file.read(), dict(file.metadata.metadata)
    words |= {name.encode(): json.dumps(value).encode() for name, value in metadata.items()}
    if change_table:
        table = change_table(table)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema.remove_metadata(), store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(words)
    store.join("train").write(NAME, sink.getvalue().to_pybytes())


def column_set(name: str, values):
    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index(name)
        typed = pa.array(values, type=table.schema.field(name).type)
        return table.set_column(place, table.schema.field(name), typed)

    return change


FOREIGN = {
    "rows": (lambda table: table.slice(0, 27), "27 rows"),
    "a column": (lambda table: table.drop_columns(["ess"]), "columns or their types"),
    "a type": (lambda t: t.set_column(0, "seed", t["seed"].cast(pa.int32())), "columns or their types"),
    "a seed": (column_set("seed", [7] * 28), "column seed"),
    "a length": (column_set("transcript_length", [8] * 28), "column transcript_length"),
    "a list": (column_set("e_q_mean", [[0.0] * 7] * 26 + [[0.0] * 6, [0.0] * 8]), "differ in length"),
    "a list too long": (column_set("e_q_mean", [[0.0] * 9] * 28), "252 values"),
    "a word": (column_set("oracle", ["guess"] * 28), "has words other than"),
    "nothing": (column_set("ess", [None] * 28), "empty values"),
    "no number": (column_set("ess", [float("nan")] * 28), "ess is not finite"),
    "tokens": (column_set("transcript_tokens", [[0] * 288] * 28), "column transcript_tokens"),
    "a seat": (column_set("player", [4] * 28), "a player is outside 0..3"),
    "a slot": (column_set("action_taken", [7] * 28), "an action is outside 0..6"),
    "a play": (column_set("action_taken", [0] * 28), "played twice"),
    "a mask": (column_set("legal_mask", [[True] * 7] * 28), "do not follow the rules"),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_file_is_refused(store, record, what):
    change, reason = FOREIGN[what]
    rewritten(store, record, change)
    with pytest.raises(FileCorrupt, match=reason):
        read_game(store, NAME)


def test_a_changed_footer_is_refused(store, record):
    rewritten(store, record)
    assert_same(read_game(store, NAME), record)
    for name, value in [("seed", 43), ("bid", 31), ("settings", {}), ("hands", []), ("schema_version", 2)]:
        rewritten(store, record, **{name: value})
        with pytest.raises(FileCorrupt, match=r"changed|schema"):
            read_header(store, NAME)
    store.join("train").write(NAME, b"\xff" * 100)
    with pytest.raises(FileCorrupt, match="truncated"):
        read_header(store, NAME)
    with pytest.raises(FileCorrupt, match="no such game"):
        read_game(store, ShardKey(1, 1))
    other = record_of(43)
    write_game(store, other)
    store.join("train").write(NAME, store.join("train").read(other.key.filename))
    with pytest.raises(FileCorrupt, match="belongs to seed_00000043"):
        read_game(store, NAME)


# --- said to be wrong -------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(0, 3))
def test_a_sound_game_has_no_faults(seed, leader):
    assert check_game(record_of(seed, leader)) == []


def set_at(record: GameRecord, name: str, value, at=()) -> GameRecord:
    column = getattr(record.decisions, name).copy()
    column[at] = value
    return changed(record, **{name: column})


FAULTS = {
    "player": ({"name": "player", "value": 3, "at": 0}, "not the seat whose turn it is"),
    "legal": ({"name": "legal_mask", "value": False, "at": (0, 2)}, "legal_mask"),
    "slot": ({"name": "action_taken", "value": 9, "at": 5}, "not the play that was made"),
    "forced": ({"name": "forced", "value": True, "at": 0}, "forced"),
    "points": ({"name": "points_so_far", "value": 41, "at": 27}, "points_so_far"),
    "outcome": ({"name": "actual_outcome", "value": 40, "at": 27}, "actual_outcome"),
    "mean": ({"name": "e_q_mean", "value": np.nan, "at": 0}, "e_q_mean must be a number"),
    "range": ({"name": "e_q_mean", "value": 50, "at": 0}, "outside -42..42"),
    "variance": ({"name": "e_q_var", "value": -1, "at": 0}, "e_q_var is negative"),
    "share": ({"name": "p_make", "value": 1.5, "at": 0}, "p_make is outside 0..1"),
    "pdf": ({"name": "e_q_pdf", "value": 0.5, "at": (0, 0)}, "does not sum to 1"),
    "another pdf": ({"name": "e_q_mean", "value": 41, "at": (0, 0)}, "a mean other than E[Q]"),
    "gap": ({"name": "q_gap", "value": -1, "at": 3}, "q_gap is negative"),
    "no gap": ({"name": "q_gap", "value": np.nan, "at": 3}, "q_gap is negative or not a number"),
    "another gap": ({"name": "q_gap", "value": 60, "at": 3}, "not the loss of the play"),
    "greedy": ({"name": "exploration_mode", "value": 0}, "greedy"),
    "mode": ({"name": "exploration_mode", "value": 7}, "not an index into MODES"),
    "oracle": ({"name": "oracle", "value": 9}, "not an index into KINDS"),
    "worlds": ({"name": "n_worlds", "value": 0, "at": 1}, "n_worlds is below 1"),
    "ess": ({"name": "ess", "value": 0.5, "at": 1}, "ess is outside"),
    "much ess": ({"name": "ess", "value": 51, "at": 1}, "ess is outside"),
    "weight": ({"name": "max_w", "value": 1.5, "at": 1}, "max_w is outside"),
    "entropy": ({"name": "entropy", "value": 5, "at": 1}, "entropy is outside"),
    "spread": ({"name": "u_mean", "value": 0, "at": 1}, "u_mean"),
    "widest": ({"name": "u_max", "value": 0, "at": 1}, "u_max"),
    "count": ({"name": "world_count", "value": 0, "at": 1}, "world_count"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_said(record, what):
    change, reason = FAULTS[what]
    faults = check_game(set_at(record, **change))
    assert any(reason in fault for fault in faults), faults


def test_plays_against_the_rules_and_arrays_of_other_shapes_are_said(record):
    assert "may not play" in check_game(replace(record, plays=record.plays[::-1].copy()))[0]
    assert "ess is float64 [28]" in check_game(changed(record, ess=record.decisions.ess.astype(float)))[0]
    assert "plays is int8 [27]" in check_game(replace(record, plays=record.plays[:27]))[0]


# --- rows to learn from -----------------------------------------------------------------------


def test_games_become_rows_of_stage_2():
    records = [record_of(42), record_of(900, leader=2), record_of(7, points=False)]
    rows = collate(records)
    assert len(rows) == 84
    assert rows.tokens.shape[1:] == (STAGE2_SPEC.n_positions, STAGE2_SPEC.n_features)
    for n, game in enumerate(records):
        told, mine = game.decisions, rows.take(slice(28 * n, 28 * n + 28))
        assert np.array_equal(mine.tokens, infer(game.transcripts()).tokens)
        assert np.array_equal(mine.legal, told.legal_mask)
        assert np.array_equal(mine.q, np.where(told.legal_mask, told.e_q_mean, -128))
        assert np.array_equal(mine.value, np.nanmax(told.e_q_mean, axis=1))
        assert np.array_equal(mine.variance, np.nan_to_num(told.e_q_var))
        assert np.array_equal(np.isinf(mine.ess), told.n_worlds == told.world_count)
        known = np.isfinite(mine.ess)
        assert np.allclose(mine.ess[known], told.ess[known])
        assert (mine.decl == game.decl).all() and (mine.deal == n).all()
        assert np.array_equal(mine.seat, told.player) and mine.ply.tolist() == list(range(28))
    assert rows.q.dtype == rows.value.dtype == rows.variance.dtype == rows.ess.dtype == np.float32


def test_what_would_teach_nonsense_is_no_row(record):
    with pytest.raises(BadInput, match="sealed"):
        collate([record, record_of(950)])
    assert len(collate([record, record_of(950)], final=True)) == 56
    with pytest.raises(BadInput, match="seed 42, step 3"):
        collate([record_of(7), set_at(record, "e_q_mean", np.nan, 3)])
    with pytest.raises(BadInput, match="variance"):
        collate([set_at(record, "e_q_var", -1.0, 3)])
    with pytest.raises(BadInput, match="may not play"):
        collate([replace(record, plays=record.plays[::-1].copy())])
    with pytest.raises(BadInput, match="there are no games"):
        collate([])


# --- a set of games ---------------------------------------------------------------------------


def test_a_summary_is_of_games_not_of_averages():
    records = [record_of(seed) for seed in range(5)]
    found = summarize(iter(records))
    ess = np.array([record.decisions.ess for record in records])
    assert (found.games, len(found.plies), found.settings) == (5, 28, (records[0].fingerprint,))
    for ply, figures in enumerate(found.plies):
        assert figures.ess_min == ess[:, ply].min()
        assert figures.ess_median == np.median(ess[:, ply].astype(float))
        assert figures.world_count_max == max(r.decisions.world_count[ply] for r in records)
    assert found.plies[27].forced == 1 and found.plies[27].q_gap is None
    free = ~np.array([record.decisions.forced for record in records])
    gaps = np.array([record.decisions.q_gap for record in records])
    assert found.all.q_gap == pytest.approx(gaps[free].mean())
    assert found.all.decisions == 5 * 28
    with pytest.raises(BadInput, match="no games"):
        summarize([])


def test_the_bidders_points_are_counted():
    game = record_of(8, leader=1)
    ends = game.decisions.points_so_far[-1] + 0
    outcome = int(game.decisions.actual_outcome[-1])  # the last trick is still to come at the last play
    total = 42 - ends.sum()
    mine = ends[0] + (total + outcome) // 2
    bidders = mine if game.decisions.player[-1] % 2 == 1 else 42 - mine
    assert summarize([game]).bidders_points == bidders


def test_the_verbs_say_it(store, tmp_path, capsys):
    for seed in (42, 43, 950):
        write_game(store, record_of(seed))
    assert main(["summary", str(tmp_path), "--json"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["games"], answer["faults"], len(answer["plies"])) == (2, [], 28)
    assert err == "left out 1 game of the sealed test split\n"
    assert main(["eq-export", str(tmp_path), "--out", str(tmp_path / "games.pt")]) == 0
    assert capsys.readouterr().err == "left out 1 game of the sealed test split\n"
    assert main(["summary", store.join("train").path(NAME)]) == 0
    shown = capsys.readouterr().out
    assert "1 games" in shown and "…" not in shown and "399M" in shown
    store.join("train").write(NAME, b"PAR1")
    assert main(["summary", str(tmp_path), "--json"]) == 1
    out, err = capsys.readouterr()
    assert NAME in err and NAME in json.loads(out)["faults"][0]
    assert main(["summary", str(tmp_path / "nowhere")]) == 2


def test_sealed_games_are_not_found(store, tmp_path):
    write_game(store, record_of(950))
    with pytest.raises(BadInput, match="sealed"):
        find_games(str(tmp_path))
    [path] = find_games(str(tmp_path), final=True)
    with pytest.raises(BadInput, match="sealed"):
        find_games(path)
    assert find_games(path, final=True) == [path]
    for verb in ("view", "summary", "pictures"):
        assert main([verb, path]) == 2
    with pytest.raises(BadInput, match="sealed"):
        to_tensors([record_of(950)])


def test_an_export_loads_without_pickle(store, tmp_path, capsys):
    records = [record_of(42), record_of(900)]
    for game in records:
        write_game(store, game)
    out = tmp_path / "games.pt"
    assert main(["eq-export", str(tmp_path), "--out", str(out)]) == 0
    told = torch.load(out, weights_only=True)
    assert set(told) == {
        *("transcript_tokens", "transcript_lengths", "e_q_mean", "e_q_var", "legal_mask", "action_taken"),
        *("game_idx", "decision_idx", "train_mask", "u_mean", "u_max", "ess", "max_w", "exploration_mode"),
        *("q_gap", "e_q_pdf", "n_samples", "converged", "metadata"),
    }
    assert told["transcript_tokens"].shape == (56, 36, 8)
    assert told["train_mask"].tolist() == [True] * 28 + [False] * 28
    assert told["decision_idx"].tolist() == [*range(28)] * 2
    mean = np.nan_to_num(np.concatenate([game.decisions.e_q_mean for game in records]))
    assert np.array_equal(told["e_q_mean"].numpy(), mean)
    metadata = json.loads(told["metadata"])
    assert metadata["schema_version"] == "2.1"
    assert [game["seed"] for game in metadata["games"]] == [42, 900]
    assert main(["eq-export", str(tmp_path), "--out", "games.zip"]) == 2
