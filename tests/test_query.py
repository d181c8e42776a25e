"""Tables of what is stored, and SQL over them: every table against the records, the sealed split, files,
faults, bad SQL."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stored_tables import (
    BIDDING_SEEDS,
    CURVE,
    SCORES,
    STANDARD,
    copy_store,
    evaluation,
    fill_store,
    write_run,
)

from forge_assets.cli.main import main
from forge_assets.flywheel.tables import FOLDERS
from forge_assets.frames import documentation
from forge_assets.frames.files import find_files
from forge_assets.frames.scan import Reading, scan
from forge_assets.frames.tables import Files, Places, all_tables, find_table
from forge_assets.games import all_games
from forge_core.errors import FileCorrupt
from forge_core.files import Store
from forge_core.liuzhou.generations import read_generation
from forge_core.splits import Split
from forge_core.texas42.bidding.records import read_table
from forge_core.texas42.eq.files import read_game
from forge_core.texas42.eq.splits import GAME_ROWS
from forge_core.texas42.oracle.shards import ShardKey, read_shard
from forge_core.texas42.tokens.splits import TOKEN_ROWS

SKULL_KING = "skull_king_evaluations"
FORGE_PIPELINE = "import sys; from forge_assets.cli.main import main; sys.exit(main())"
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tables")
    fill_store(root / "data")
    write_run(root / "runs")
    return root


@pytest.fixture
def query(root, capsys):
    """Run a query; return (exit status, standard output, standard error)."""

    def run(*arguments: str, store: Path = root / "data") -> tuple[int, str, str]:
        status = main(["query", *arguments, "--store", str(store), "--runs", str(root / "runs")])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def rows_of(query):
    """Return the rows of a query."""

    def run(sql: str, *options: str) -> list:
        status, output, errors = query(sql, "--json", *options)
        assert status == 0, errors
        return json.loads(output)["rows"]

    return run


def frame_of(name: str, root: Path, final: bool = False) -> pl.DataFrame:
    places = Places(Store(str(root / "data")), root / "runs")
    return scan(find_table(name), places, Reading(final)).collect()


# --- every table ------------------------------------------------------------------------------


@pytest.mark.parametrize("table", list(all_tables()), ids=lambda table: table.name)
def test_columns_are_as_documented(table, root):
    found = frame_of(table.name, root, final=True)
    assert found.height
    assert found.columns == [column.name for column in table.columns]
    for column in table.columns:
        assert column.meaning and not column.meaning.endswith("."), column.name


def test_states_are_those_of_the_shards(rows_of, root):
    shards = [read_shard(Store(str(root / "data" / "shards-standard")), key) for key in STANDARD[:3]]
    expected = {shard.header.decl: [len(shard.value), shard.value.mean()] for shard in shards}
    found = rows_of("select decl, count(*), avg(V) from states where kind = 'standard' group by decl")
    assert {decl: [n, pytest.approx(mean)] for decl, n, mean in found} == expected
    shard = shards[0]
    legal = np.where(shard.q == -128, np.nan, shard.q.astype(float))
    means = ", ".join(f"avg(q{slot})" for slot in range(7))
    found = rows_of(f"select {means} from states where seed = 7 and kind = 'standard'")
    np.testing.assert_allclose(found[0], np.nanmean(legal, axis=0))
    total = rows_of("select sum(weight) from states where seed = 7 and kind = 'standard' and ply <= 27")
    assert total[0][0] == pytest.approx(sum(shard.header.states_per_ply[:28]), rel=1e-5)


def test_shards_are_described_by_their_headers(rows_of, root):
    header = read_shard(Store(str(root / "data" / "shards-standard")), STANDARD[2]).header
    found = rows_of(
        "select kind, opponent, root_value, states, rows, rows_asked, fingerprint, hands from shards "
        "where split = 'val' and kind = 'standard'"
    )
    states = sum(header.states_per_ply)
    assert found == [
        ["standard", None, header.root_value, states, header.rows, "140", header.fingerprint, header.hands]
    ]
    counts = "select kind, count(*) from shards group by kind order by kind"
    assert rows_of(counts) == [["golden", 1], ["marginalized", 1], ["standard", 3]]
    assert rows_of("select opponent from shards where kind = 'marginalized'") == [[0]]


def test_decisions_are_those_of_the_games(rows_of, root):
    game = read_game(Store(str(root / "data" / "eq-games")), ShardKey(16, 6))
    found = rows_of("select step, player, q_gap, action_taken, e_q_mean from decisions order by step")
    of = game.decisions
    assert [row[0] for row in found] == list(range(28))
    for step, player, gap, action, means in found:
        assert (player, action) == (of.player[step], of.action_taken[step])
        assert gap == pytest.approx(of.q_gap[step])
        assert means == [None if np.isnan(mean) else pytest.approx(mean) for mean in of.e_q_mean[step]]
    joined = "select g.bid, count(*) from games g join decisions d on g.seed = d.seed group by g.bid"
    assert rows_of(joined) == [[30, 28]]
    settings = rows_of("select settings, fingerprint, bidder from games")[0]
    assert (json.loads(settings[0]), *settings[1:]) == (game.settings, game.fingerprint, game.bidder)


def test_a_game_without_distributions_has_none(rows_of):
    assert rows_of("select seed, count(e_q_pdf) from decisions group by seed order by seed", "--final") == [
        [16, 28],
        [953, 0],
    ]


def test_bids_are_those_of_the_tables(rows_of, root):
    table = read_table(Store(str(root / "data" / "bidding-results")), BIDDING_SEEDS[0])
    found = rows_of("select decl, bid, p_make, ci_low, deals from bids order by decl, bid")
    assert len(found) == 130
    low, _ = table.interval
    for decl, bid, p_make, ci_low, deals in found:
        assert p_make == pytest.approx(table.p_make[decl, bid - 30], abs=1e-6)
        assert ci_low == pytest.approx(low[decl, bid - 30], abs=1e-6)
        assert deals == len(table.points[decl])


def test_boards_are_those_of_the_match(rows_of):
    found = rows_of("select seating, bidders, defenders, seed, points, bid, made, plays from boards")
    assert len(found) == 4 and {row[3] for row in found} == {8, 9}
    assert {(row[1], row[2]) for row in found} == {("random", "heuristic"), ("heuristic", "random")}
    for _, _, _, _, points, bid, made, plays in found:
        assert made == (points >= bid)
        assert sorted(plays) == list(range(28))


def test_games_of_liuzhou_are_those_of_the_generations(rows_of, root):
    games = read_generation(Store(str(root / "data")), 2)
    last = games.take(games.ends)
    sql = (
        "select game, result, difference, plies, taught from liuzhou_games where generation = 2 order by game"
    )
    plies = np.bincount(games.game)
    taught = np.bincount(games.game, weights=games.taught)
    expected = [last.game, last.result, last.difference, plies, taught.astype(int)]
    assert rows_of(sql) == np.stack(expected, axis=1).tolist()
    ply = "select game, min(ply), max(ply) from liuzhou_positions where generation = 2"
    ply += " group by game order by game"
    assert rows_of(ply) == [[game, 0, count - 1] for game, count in enumerate(plies.tolist())]
    assert rows_of("select player, phase from liuzhou_positions where ply = 0 limit 1") == [["black", 1]]


def test_row_files_are_those_of_the_manifests(rows_of, root):
    found = rows_of(
        "select folder, split, seed, shard, games, rows, hash from row_files order by folder, seed"
    )
    manifests = [
        rows.read_manifest(rows.folder_of(Store(str(root / "data")), Split.TRAIN)).files
        for rows in (TOKEN_ROWS, GAME_ROWS)
    ]
    shards = [["tokenized", "train", of.key.seed, of.shard, None, of.rows, of.hash] for of in manifests[0]]
    games = [
        ["tokenized-eq", "train", of.first_seed, None, of.games, of.rows, of.hash] for of in manifests[1]
    ]
    assert found == shards + games and games and len(shards) == 2


def test_scores_on_the_benchmark(rows_of):
    found = rows_of("select weights, deals, decision_q_gap, gap_by_deal, q_gap, q_mae from evaluations")
    assert found == [[SCORES.weights, 2, 1.25, 1.0, 0.25, None]]
    found = rows_of("select deal, declaration, decision_q_gap from evaluated_deals")
    assert found == [[0, "blanks", 0.5], [1, "notrump", 1.5]]


def test_a_ladder_of_liuzhou(rows_of):
    columns = "player, opponent, is_network, pairs, games, won + drawn + lost, model"
    found = rows_of(f"select {columns} from liuzhou_evaluations")
    assert found == [["greedy", of, True, 2, 4, 4, "models/x"] for of in ("random", "reply")]
    rated = rows_of("select player, is_network, elo, elo_low from liuzhou_ratings order by player")
    assert [row[:2] for row in rated] == [["greedy", True], ["random", False], ["reply", False]]
    assert rated[1][2:] == [0, 0]


def test_evaluations_of_skull_king(rows_of):
    expected, network = evaluation(), "opponents, player, is_network"
    results = [*expected.tables.values(), *expected.others]
    found = rows_of(f"select {network}, score, hit_low, games, calibration_error, bid_ms from {SKULL_KING}")
    assert [row[:3] for row in found] == [
        ["hard", "captain", True],
        ["captain", "captain", True],
        ["hard", "hard", False],
    ]
    for row, of in zip(found, results, strict=True):
        assert row[3:6] == [of.score.mean, of.hit.low, 8]
    assert [row[6] for row in found] == [pytest.approx(0.25), None, None]
    assert [row[7] for row in found] == [0.5, 0.5, None]
    points = rows_of("select round, points from skull_king_rounds where opponents = 'captain'")
    assert points == [[k + 1, of.mean] for k, (of, _) in enumerate(results[1].rounds())]
    bids = rows_of(
        "select bid, rounds, met, rounds_by_tricks, stated from skull_king_bids where not is_network"
    )
    tricks = results[2].tricks
    assert bids == [
        [bid, int(tricks[bid].sum()), tricks[bid, bid] / tricks[bid].sum(), tricks[bid].tolist(), None]
        for bid in np.flatnonzero(tricks.sum(1)).tolist()
    ]
    games = expected.main.replay.records
    found = rows_of("select seed, seat, actions, scores, score, fault from skull_king_replays")
    assert found == [
        [of.seed, seat, list(of.actions), list(of.scores), of.scores[seat], None]
        for seat, of in enumerate(games)
    ]
    network_scores = np.mean([of.scores[seat] for seat, of in enumerate(games)])
    assert network_scores == expected.main.scores[0]


def test_evaluations_on_final_deals_are_sealed(rows_of, query):
    sql = f"select distinct split from {SKULL_KING}"
    assert rows_of(sql) == [["val"]]
    assert sorted(rows_of(sql, "--final")) == [["test"], ["val"]]
    assert "left out 1 file of the sealed test split" in query(sql)[2]


def test_iterations_of_flywheels(rows_of):
    assert tuple(game.flywheel.name for game in all_games() if game.flywheel) == FOLDERS
    columns = "game, iteration, units, unit, examples, figure, challenger_figure, champion_figure, promoted"
    found = rows_of(f"select {columns}, reasons, attempts from iterations")
    assert found == [["liuzhou", 1, [0], "generation", 40, "elo", 0.4, None, False, ["worse"], 2]]


@pytest.mark.parametrize(
    "asset, rows",
    [
        ("oracle_shards", 3 * 140),
        ("golden_shards", 140),
        ("shard_catalog", 5),
        ("eq_games", 28),
        ("Match_Results", 4),
        ("token_splits", 2),
        ("skull_king_evaluation", 3),
        ("liuzhou_flywheel", 1),
        ("flywheel", 0),
        ("skull_king_policy", 1),
        ("oracle_model", 0),
    ],
)
def test_the_rows_of_an_asset_have_its_name(asset, rows, rows_of):
    assert rows_of(f"select count(*) from {asset}") == [[rows]]


def test_the_kind_of_an_asset_chooses_its_files(rows_of, monkeypatch):
    opened = set()
    read = Store.read
    monkeypatch.setattr(Store, "read", lambda store, name: opened.add(store.url) or read(store, name))
    rows_of("select avg(V) from golden_shards where split = 'val'")
    assert [Path(url).parent.name for url in opened] == ["shards-golden"]


def test_runs_and_their_curves(rows_of):
    assert rows_of("select run, game, kind, finished, evaluations, step, cpu_seconds from runs") == [
        ["toy", "skull_king", "rounds", False, 2, 4, 2.5]
    ]
    found = rows_of("select step, figure, value from curves order by step, figure")
    assert found == [[2, "captain_score", -3.0], [2, "loss", 0.5], [4, "loss", 0.25]]


@pytest.mark.parametrize(
    "sql", re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "queries.md").read_text(), re.DOTALL)
)
def test_examples_of_the_documentation_have_answers(sql, rows_of):
    assert rows_of(sql)


# --- what is read -----------------------------------------------------------------------------


def test_the_test_split_is_sealed(rows_of, query):
    for table in ("shards", "states", "games", "decisions", "bids"):
        sql = f"select count(*) from {table} where split = 'test' or seed % 1000 >= 950"
        assert rows_of(sql) == [[0]]
        assert rows_of(sql, "--final")[0][0] > 0
    assert (
        "left out 1 file of the sealed test split (--final includes them)"
        in query("select count(*) from games")[2]
    )


def test_sealed_files_are_not_even_opened(root, tmp_path, query):
    copy = copy_store(root / "data", tmp_path / "data")
    (copy / "eq-games" / "test" / "seed_00000953_decl_3.parquet").write_bytes(b"no game")
    assert query("select count(*) from decisions", store=copy)[0] == 0
    assert query("select count(*) from decisions", "--final", store=copy)[0] == 2


@pytest.mark.parametrize(
    "condition, seeds",
    [
        ("seed = 7", {7}),
        ("seed in (8, 900) and V > 0", {8, 900}),
        ("split = 'val' and kind = 'golden'", {900}),
        ("seed = 7 or V > 0", {7, 8, 900}),
        ("decl between 7 and 8 and opponent is null", {7, 8}),
        ("ply = 3", {7, 8, 900}),
    ],
)
def test_conditions_on_names_choose_the_files(condition, seeds, root, monkeypatch):
    opened = set()
    read = Store.read
    monkeypatch.setattr(
        Store, "read", lambda store, name: opened.add(ShardKey.parse(name).seed) or read(store, name)
    )
    places, reading = Places(Store(str(root / "data")), root / "runs"), Reading()
    frame = scan(find_table("states"), places, reading)
    found = pl.SQLContext(states=frame).execute(f"select V from states where {condition}").collect()
    assert opened == seeds
    everything = frame_of("states", root)
    assert found.height == everything.sql(f"select V from self where {condition}").height


def test_a_count_reads_footers_alone(rows_of, monkeypatch):
    monkeypatch.setattr(Store, "read", None)  # whole files
    assert rows_of("select count(*) from states where kind = 'standard'") == [[3 * 140]]
    assert rows_of("select split, count(*) from decisions group by split") == [["train", 28]]


def test_a_limit_reads_no_more_files_than_it_needs(rows_of, root):
    reading = Reading()
    scan(find_table("states"), Places(Store(str(root / "data")), root), reading).head(10).collect()
    assert reading.n_done == 1


def test_an_empty_store_has_empty_tables(tmp_path, query):
    for table in all_tables():
        status, output, errors = query(f"select count(*) as n from {table.name}", "--json", store=tmp_path)
        assert status == 0, errors
        if table.folders:
            assert json.loads(output)["rows"] == [[0]]
            assert f"{table.name}: nothing is stored in" in errors


def test_a_store_that_does_not_exist_is_named(tmp_path, query):
    missing = tmp_path / "nowhere"
    status, output, errors = query("select count(*) from states", store=missing)
    assert status == 2 and not output and len(errors.splitlines()) == 1
    assert f"there is no store at {missing}" in errors and "--store" in errors
    assert query("select count(*) from runs", store=missing)[0] == 0  # runs are in another folder
    missing.write_text("")
    assert query("select count(*) from states", store=missing)[0] == 2


def test_a_query_without_an_answer_says_why(query, root, tmp_path, capsys):
    status, _, errors = query("select V from states where seed = 6")
    assert status == 0 and "no file in shards-standard, " in errors and "conditions of this query" in errors
    nowhere = tmp_path / "runs"
    assert main(["query", "select run from runs", "--runs", str(nowhere)]) == 0
    assert f"runs: nothing is stored in {nowhere}" in capsys.readouterr().err


# --- files with faults ------------------------------------------------------------------------

FILES = {
    "states": "shards-standard/train/seed_00000007_decl_7.parquet",
    "shards": "shards-standard/train/seed_00000007_decl_7.parquet",
    "games": "eq-games/train/seed_00000016_decl_6.parquet",
    "decisions": "eq-games/train/seed_00000016_decl_6.parquet",
    "bids": "bidding-results/train/seed_00000003.parquet",
    "liuzhou_games": "liuzhou-games/g000/games_000000_000031.parquet",
}
DOCUMENTS = {
    "row_files": "tokenized/train/*.json",
    "evaluations": "evaluations/*.json",
    "evaluated_deals": "evaluations/*.json",
    "iterations": "liuzhou_flywheel/*.json",
    "liuzhou_evaluations": "liuzhou-evaluations/*.json",
    "skull_king_replays": "skull-king-evaluations/*.json",
}


@pytest.mark.parametrize("table", FILES)
@pytest.mark.parametrize("damage", ["cut", "empty", "foreign", "altered"])
def test_a_faulty_file_is_named(table, damage, root, tmp_path, query):
    copy = copy_store(root / "data", tmp_path / "data")
    path = copy / FILES[table]
    data = path.read_bytes()
    if damage == "foreign":
        pl.DataFrame({"a": [1]}).write_parquet(path)
    elif damage == "altered":
        path.write_bytes(data.replace(b"fingerprint", b"fingerprinx"))
    else:
        path.write_bytes(data[: len(data) // 2] if damage == "cut" else b"")
    status, output, errors = query(f"select * from {table}", "--json", store=copy)
    assert status == 2 and not output
    assert str(path) in errors and len(errors.splitlines()) == 1


@pytest.mark.parametrize("table", DOCUMENTS)
@pytest.mark.parametrize("text", ['{"a": 1}', "[1]", "{", '{"files": [{"rows": "many"}]}'])
def test_a_faulty_document_is_named(table, text, root, tmp_path, query):
    copy = copy_store(root / "data", tmp_path / "data")
    (path, *_) = sorted(copy.glob(DOCUMENTS[table]))
    path.write_text(text)
    status, output, errors = query(f"select * from {table}", "--json", store=copy)
    assert status == 2 and not output
    assert str(path) in errors and len(errors.splitlines()) == 1 and "it is damaged" in errors


def test_a_value_of_another_type_is_a_fault(root, tmp_path, query):
    copy = copy_store(root / "data", tmp_path / "data")
    (path,) = copy.glob(DOCUMENTS["evaluations"])
    path.write_text(path.read_text().replace("1.25", '"high"'))
    assert str(path) in query("select count(*) from evaluations", store=copy)[2]


@pytest.mark.parametrize(
    "path",
    [
        "shards-standard/train/notes.txt",
        "shards-standard/train/seed_00000950_decl_0.parquet",
        "shards-golden/val/seed_00000900_opp0_decl_0.parquet",
        "shards-standard/more/seed_00000007_decl_7.parquet",
    ],
)
def test_a_file_that_does_not_belong_is_named(path, root, tmp_path, query):
    copy = copy_store(root / "data", tmp_path / "data")
    (copy / path).parent.mkdir(exist_ok=True)
    (copy / path).write_bytes(b"")
    status, _, errors = query("select count(*) from states", store=copy)
    assert status == 2 and str(copy / path) in errors


def test_half_written_files_have_hidden_names(root, tmp_path, query):
    copy = copy_store(root / "data", tmp_path / "data")
    name = ".seed_00000007_decl_7.parquet.host.1.0123abcd.tmp"
    (copy / "shards-standard" / "train" / name).write_bytes(b"PAR1")
    assert query("select count(*) from states", store=copy)[0] == 0


def test_flipped_bytes_in_a_page_are_found(root, tmp_path, query):
    copy = copy_store(root / "data", tmp_path / "data")
    path = copy / FILES["states"]
    data = bytearray(path.read_bytes())
    data[len(data) // 4] ^= 0xFF
    path.write_bytes(bytes(data))
    status, _, errors = query("select sum(state + V + q0 + q3 + weight) from states", store=copy)
    assert status == 2 and str(path) in errors


def test_a_plain_shard_of_another_program_is_read_if_the_solver_agrees(root, tmp_path, query):
    copy = copy_store(root / "data", tmp_path / "data")
    path = copy / FILES["states"]
    plain = pq.read_table(path).select(["state", "V", *(f"q{k}" for k in range(7))])
    wrong = plain.set_column(1, "V", pa.array(np.array(plain["V"]) + 2, pa.int8()))
    sql = "select ply, avg(V), avg(q3) from states where seed = 7 and kind = 'standard'"
    sql += " group by ply order by ply"
    expected = query(sql, "--json")[1]
    for table, status in ((plain, 0), (wrong, 2)):
        pq.write_table(table.replace_schema_metadata({"seed": "7", "decl_id": "7"}), path)
        found = query(sql, "--json", store=copy)
        assert found[0] == status
        assert found[1] == expected if status == 0 else "disagree with the solver" in found[2]
    foreign = "select oracle_version from shards where seed = 7 and kind = 'standard'"
    pq.write_table(plain.replace_schema_metadata({"seed": "7", "decl_id": "7"}), path)
    assert json.loads(query(foreign, "--json", store=copy)[1])["rows"] == [["foreign"]]


def test_a_damaged_run_is_named(root, tmp_path, capsys):
    write_run(tmp_path)
    (tmp_path / "toy" / "metrics.csv").write_text(CURVE.replace("0.25", "a quarter"))
    assert main(["query", "select * from curves", "--runs", str(tmp_path)]) == 2
    assert str(tmp_path / "toy" / "metrics.csv") in capsys.readouterr().err
    (tmp_path / "toy" / "config.json").write_text("{")
    assert main(["query", "select * from runs", "--runs", str(tmp_path)]) == 2
    assert str(tmp_path / "toy" / "config.json") in capsys.readouterr().err


def test_frames_raise_the_error_of_the_file(root, tmp_path):
    copy = copy_store(root / "data", tmp_path / "data")
    (copy / FILES["states"]).write_bytes(b"")
    with pytest.raises(FileCorrupt, match="seed_00000007_decl_7"):
        scan(find_table("states"), Places(Store(str(copy)), root)).collect()


# --- what Dagster is told ---------------------------------------------------------------------


def test_assets_show_the_columns_of_their_tables():
    from forge_assets.definitions import defs

    shown = {
        spec.key.to_user_string(): spec.metadata["forge/table"]
        for spec in defs.resolve_all_asset_specs()
        if "forge/table" in spec.metadata
    }
    named = {asset: table.name for table in all_tables() for asset in table.assets}
    models = {asset for asset, table in named.items() if table == "runs"}
    assert models <= {spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()}
    assert shown == {asset: table for asset, table in named.items() if asset not in models}
    assert {"golden_shards", "match_results", "liuzhou_evaluation", "skull_king_evaluation"} <= set(shown)
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    for asset, name in shown.items():
        columns = specs[asset].metadata["dagster/column_schema"].columns
        assert [(column.name, column.type, column.description) for column in columns] == [
            (column.name, column.type, column.description) for column in find_table(name).columns
        ]


# --- the command line -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql, named",
    [
        ("select v from states", "states has the columns kind, split, seed"),
        ("select v from states", "did you mean V?"),
        ("select root_valu from shards", "did you mean root_value?"),
        ("select * from state", "the tables are shards, states, games"),
        ("select * from liuzhou_evaluatons", "did you mean liuzhou_evaluations?"),
        ("select * from golden_shard", "did you mean golden_shards?"),
        ("selec decl", "the tables are shards"),
        ("select bogus(V) from states", "'bogus'"),
        ("select 1; select 2", "one (and only one) statement"),
        ("drop table states", "begin it with SELECT"),
        ("delete from runs", "begin it with SELECT"),
        ("", "--tables"),
    ],
)
def test_bad_sql_is_one_line_with_the_names_there_are(sql, named, query):
    status, output, errors = query(sql)
    assert status == 2 and not output
    assert named in errors and len(errors.splitlines()) == 1 and "bug" not in errors


def test_a_table_for_people(query):
    status, output, _ = query("select seed, rows, states / rows as share from shards where seed = 7")
    assert status == 0
    assert output.splitlines()[0].split() == ["seed", "rows", "share"]
    status, output, errors = query("select * from states")
    assert len(output.splitlines()) == 101 and "only the first 100 rows" in errors


def test_rows_go_to_files_that_appear_complete(query, tmp_path):
    sql = "select seed, decl, root_value from shards where kind = 'standard' order by seed"
    csv, parquet = tmp_path / "new" / "rows.csv", tmp_path / "rows.parquet"
    assert query(sql, "--csv", str(csv))[0] == query(sql, "--parquet", str(parquet))[0] == 0
    assert pl.read_csv(csv).rows() == pl.read_parquet(parquet).rows()
    assert pl.read_parquet(parquet)["seed"].to_list() == [7, 8, 900]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["rows.csv"]
    status, _, errors = query("select hands from shards", "--csv", str(csv))
    assert status == 2 and "--parquet" in errors
    status, _, errors = query("select hands from shards", "--parquet", str(parquet))
    assert status == 0 and f"{parquet}: " in errors and " rows" in errors
    assert query(sql, "--csv", "a.csv", "--json")[0] == 2


def test_rows_go_to_a_pipe(root):
    sql = "select seed from shards where kind = 'standard' order by seed"
    command = [sys.executable, "-c", FORGE_PIPELINE, "query", sql, "--store", str(root / "data")]
    for option, read in (("--csv", pl.read_csv), ("--parquet", pl.read_parquet)):
        done = subprocess.run([*command, option, "-"], capture_output=True, check=True)
        assert read(io.BytesIO(done.stdout))["seed"].to_list() == [7, 8, 900]


def test_tables_are_listed(query):
    status, output, _ = query("--tables")
    assert status == 0
    assert re.search(r"root_value +int8 +V of the first.*in points; positive: good for team 0", output)
    assert re.search(r"hands +list\[list\[int8\]\] +domino ids", output)
    status, output, _ = query("--tables", "golden_shards runs")
    assert [line.partition(":")[0] for line in output.splitlines() if line[:1].strip()] == ["states", "runs"]
    status, _, errors = query("--tables", "state")
    assert status == 2 and "there is no table 'state': use shards, states" in errors
    listed = json.loads(query("--tables", "--json")[1])["tables"]
    assert [table["table"] for table in listed] == [table.name for table in all_tables()]
    assert len({table["table"] for table in listed}) == len(listed)


def test_the_page_of_tables_is_up_to_date():
    assert (ROOT / "docs" / "tables.md").read_text() == documentation.markdown() + "\n"


def test_help_needs_neither_polars_nor_dagster():
    code = (
        "import sys; from forge_assets.cli.main import main; main(['query', '--help']); "
        "print(*({'polars', 'pyarrow', 'dagster', 'numba', 'torch'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--final" in done.stdout and not done.stderr.strip()


def test_a_query_of_states_needs_neither_a_solver_nor_other_verbs(root):
    sql = "select decl, avg(V) from states group by decl"
    code = (
        "import sys; from forge_assets.cli.main import main; "
        f"main(['query', {sql!r}, '--store', {str(root / 'data')!r}]); "
        "needless = {'dagster', 'mlflow', 'numba', 'torch', 'forge_assets.games', 'forge_assets.cli.gaps', "
        "'forge_core.skull_king'}; "
        "print(*(needless & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "V" in done.stdout and done.stderr.splitlines()[-1] == ""


def test_names_that_files_state_come_first():
    for table in all_tables():
        if isinstance(table.source, Files):
            names = [column.name for column in table.source.columns]
            assert set(names[: len(table.source.named)]) <= {*table.source.named, *table.source.in_header}
            assert set(table.source.named) <= set(names)


def test_files_are_listed_by_name_alone(root, monkeypatch):
    monkeypatch.setattr(Store, "tail", None)
    found, n_sealed = find_files(find_table("states").source, Store(str(root / "data")), final=False)
    assert (len(found), n_sealed) == (5, 1)
