"""The tables of Texas 42: what is stored of solved deals, E[Q] games, bidding and matches.

Loading this module imports neither polars nor a solver.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from forge_assets.frames.tables import Column, Files, Table, Values
from forge_assets.texas42.columns import DECL, SEED, SPLIT
from forge_assets.texas42.match_tables import BOARDS
from forge_assets.texas42.network_tables import EVALUATED_DEALS, EVALUATIONS, ROW_FILES
from forge_assets.versions import constant_of
from forge_core.errors import BadInput
from forge_core.splits import split_of
from forge_core.texas42.folders import (
    BIDDING_FOLDER,
    GAMES_FOLDER,
    GOLDEN_SHARDS,
    MARGINALIZED_SHARDS,
    STANDARD_SHARDS,
    shards_folder,
)

if TYPE_CHECKING:
    import polars as pl
    import pyarrow.parquet as pq

    from forge_core.files.records import RecordFile
    from forge_core.texas42.oracle.shards import Shard

TEAM_0 = "positive: good for team 0, seats 0 and 2"
MOVER = "positive: good for the mover's team"


def _check_split(seed: int, subfolder: str) -> None:
    if split_of(seed) != subfolder:
        raise BadInput(f"seed {seed} belongs to {split_of(seed)}: move the file there or delete it")


# --- solved deals -----------------------------------------------------------------------------


def _parse_shard(folder: str, subfolder: str, name: str) -> Values:
    from forge_core.texas42.keys import ShardKey

    key = ShardKey.parse(name)
    _check_split(key.seed, subfolder)
    kind = folder.removeprefix(shards_folder(""))
    if (key.opponent is not None) != (folder == MARGINALIZED_SHARDS):
        raise BadInput(f"its name is not that of a {kind} shard: move or delete the file")
    return {
        "kind": kind,
        "split": subfolder,
        "seed": key.seed,
        "opponent": key.opponent,
        "decl": key.decl,
    }


def _read_shard_header(file: pq.ParquetFile, values: Values) -> Values:
    from forge_core.files.parquet import read_metadata, require
    from forge_core.files.records import read_json_header
    from forge_core.texas42.keys import PUBLISHED_DECL

    header = read_json_header(file, [PUBLISHED_DECL])
    decl = str(header.get("decl")).encode()
    require(read_metadata(file).get(PUBLISHED_DECL.encode(), decl) == decl, "its header has two declarations")
    require(isinstance(header.get("states_per_ply"), list), "its header lacks states_per_ply")
    return header | {"states": sum(header["states_per_ply"]), "rows_asked": str(header.get("rows_asked"))}


def _convert_shard(shard: Shard) -> tuple[Values, pl.DataFrame]:
    """Return header and rows of a shard of another maker, whose rows agree with the solver."""
    import polars as pl

    from forge_core.texas42.oracle.shards.records import Q_NAMES

    header = shard.header.values()
    q = {name: shard.q[:, slot] for slot, name in enumerate(Q_NAMES)}
    rows = pl.DataFrame(
        {"state": shard.state, "V": shard.value, **q, "ply": shard.ply, "weight": shard.weight}
    )
    asked = {"states": sum(header["states_per_ply"]), "rows_asked": str(header["rows_asked"])}
    return header | asked, rows


def _shard_kind(folder: str) -> RecordFile:
    from forge_core.texas42.oracle.shards import SHARDS

    return SHARDS


_OF_SHARD = (
    Column("kind", "string", "standard, marginalized or golden (the benchmark, under every declaration)"),
    SPLIT,
    SEED,
    Column("opponent", "int64", "number of the other three hands of a marginalized deal; null otherwise"),
    DECL,
)
_NAMED = tuple(column.name for column in _OF_SHARD)
_SHARD_HEADER = (
    Column("root_value", "int8", "V of the first position, seat 0 leading", "points", TEAM_0),
    Column("states", "int64", "reachable states of the deal"),
    Column("states_per_ply", "list[int64]", "reachable states at each of the 29 plies"),
    Column("hands", "list[list[int8]]", "domino ids of the four hands"),
    Column("rows_asked", "string", "number of states to draw, or all"),
    Column("sample_seed", "int64", "seed of that draw"),
    Column("oracle_version", "string", "version of the solver; foreign for a shard of another program"),
    Column("shards_version", "string", "version of the drawing of rows"),
    Column("fingerprint", "string", "versions and settings: shards with equal ones were made alike"),
)
_STATE = (
    Column("state", "int64", "the packed position, see docs/conventions.md"),
    Column("V", "int8", "value to go", "points", TEAM_0),
    *(
        Column(f"q{slot}", "int8", f"V after the play of slot {slot}; null if illegal", "points", TEAM_0)
        for slot in range(7)
    ),
    Column("ply", "uint8", "plays so far, 0..28"),
    Column("weight", "float32", "states of the deal that the row stands for: they sum to their number"),
)


def _shards(columns: tuple[Column, ...], in_header: tuple[Column, ...], is_row_per_file: bool) -> Files:
    return Files(
        folders=(STANDARD_SHARDS, MARGINALIZED_SHARDS, GOLDEN_SHARDS),
        columns=columns,
        named=_NAMED,
        parse_name=_parse_shard,
        in_header=tuple(column.name for column in in_header),
        read_header=_read_shard_header,
        kind=_shard_kind,
        is_row_per_file=is_row_per_file,
        convert=_convert_shard,
    )


_SHARD_COLUMNS = (*_OF_SHARD, Column("rows", "int64", "rows in the file"), *_SHARD_HEADER)
SHARDS = Table(
    "shards",
    "a solved deal",
    _SHARD_COLUMNS,
    _shards(_SHARD_COLUMNS, _SHARD_HEADER, True),
    assets={"shard_catalog": {}},
)
_STATE_COLUMNS = (*_OF_SHARD, *_STATE)


_ILLEGAL = int(constant_of("forge_core.texas42.state", "ILLEGAL"))


def _without_illegal(states: pl.LazyFrame) -> pl.LazyFrame:
    """Replace the mark of an illegal play by null, so that means and extremes leave it out."""
    import polars as pl

    return states.with_columns(
        pl.when(pl.col(column.name) != _ILLEGAL).then(pl.col(column.name)).alias(column.name)
        for column in _STATE
        if column.name.startswith("q")
    )


STATES = Table(
    "states",
    "a stored state of a solved deal",
    _STATE_COLUMNS,
    _shards(_STATE_COLUMNS, (), False),
    view=_without_illegal,
    assets={
        "oracle_shards": {"kind": ["standard"]},
        "marginalized_shards": {"kind": ["marginalized"]},
        "golden_shards": {"kind": ["golden"]},
    },
)


# --- games of E[Q] ----------------------------------------------------------------------------


def _parse_game(folder: str, subfolder: str, name: str) -> Values:
    from forge_core.texas42.keys import ShardKey

    key = ShardKey.parse(name)
    _check_split(key.seed, subfolder)
    if key.opponent is not None:
        raise BadInput("games of marginalized deals are not stored: move or delete the file")
    return {"split": subfolder, "seed": key.seed, "decl": key.decl}


def _read_game_header(file: pq.ParquetFile, values: Values) -> Values:
    from forge_core.files.records import read_json_header

    header = read_json_header(file)
    return header | {"settings": json.dumps(header.get("settings"), sort_keys=True)}


def _game_kind(folder: str) -> RecordFile:
    from forge_core.texas42.eq.files import GAMES

    return GAMES


_OF_GAME = (SPLIT, SEED, DECL)
_GAME_HEADER = (
    Column("leader", "int8", "seat that led the first trick"),
    Column("bidder", "int8", "seat that made the bid"),
    Column("bid", "int16", "the bid that the bidders must make", "points"),
    Column("hands", "list[list[int8]]", "domino ids of the four hands"),
    Column("settings", "string", "everything else that the game depends on, as JSON"),
    Column("fingerprint", "string", "fingerprint of the settings"),
)
_BY_SLOT = "by slot of the mover's hand as dealt; NaN where illegal"
_DECISION = (
    Column("step", "int8", "plays so far, 0..27"),
    Column("player", "int8", "seat of the mover"),
    Column("bid", "int16", "the bid that the bidders must make", "points"),
    Column("bidder", "int8", "seat that made the bid"),
    Column("action_taken", "int8", "slot that was played, of the hand as dealt"),
    Column("forced", "bool", "only one play was legal"),
    Column("exploration_mode", "string", "how the play was chosen: greedy, boltzmann, epsilon or blunder"),
    Column("q_gap", "float32", "best value of the criterion minus that of the play", "points or share"),
    Column("actual_outcome", "int8", "points from here to the end of the game", "points", MOVER),
    Column("points_so_far", "list[int16]", "points taken by the mover's team, and by the other", "points"),
    Column("legal_mask", "list[bool]", "legal plays by slot"),
    Column("e_q_mean", "list[float32]", f"E[Q] {_BY_SLOT}", "points", MOVER),
    Column("e_q_var", "list[float32]", f"variance of Q over worlds, {_BY_SLOT}", "squared points"),
    Column("p_make", "list[float32]", f"share of worlds in which the mover's team succeeds, {_BY_SLOT}"),
    Column(
        "e_q_pdf",
        "list[float32]",
        "share of worlds with each Q, 7 slots of -42..42, one after another",
        is_optional=True,
    ),
    Column("u_mean", "float32", "mean standard deviation of Q over the legal plays", "points"),
    Column("u_max", "float32", "largest standard deviation of Q over the legal plays", "points"),
    Column("n_worlds", "int32", "worlds used"),
    Column("world_count", "int64", "worlds that fit what the mover knows"),
    Column("ess", "float32", "effective number of worlds"),
    Column("max_w", "float32", "largest share of one world in the weights"),
    Column("entropy", "float32", "entropy of the weights of the worlds", "nats"),
    Column("converged", "bool", "E[Q] is as precise as requested"),
    Column("oracle", "string", "exact, model or playout: what evaluated the worlds"),
)


def _games(columns: tuple[Column, ...], in_header: tuple[Column, ...], is_row_per_file: bool) -> Files:
    return Files(
        folders=(GAMES_FOLDER,),
        columns=columns,
        named=tuple(column.name for column in _OF_GAME),
        parse_name=_parse_game,
        in_header=tuple(column.name for column in in_header),
        read_header=_read_game_header,
        kind=_game_kind,
        is_row_per_file=is_row_per_file,
    )


_GAME_COLUMNS = (*_OF_GAME, *_GAME_HEADER)
GAMES = Table(
    "games",
    "a game played by E[Q]",
    _GAME_COLUMNS,
    _games(_GAME_COLUMNS, _GAME_HEADER, True),
    assets={"eq_catalog": {}},
)
_DECISION_COLUMNS = (*_OF_GAME, *_DECISION)
DECISIONS = Table(
    "decisions",
    "a decision of a game played by E[Q]",
    _DECISION_COLUMNS,
    _games(_DECISION_COLUMNS, (), False),
    assets={"eq_games": {}},
)


# --- bidding ----------------------------------------------------------------------------------


def _parse_bids(folder: str, subfolder: str, name: str) -> Values:
    from forge_core.texas42.keys import TableKey

    key = TableKey.parse(name)
    _check_split(key.seed, subfolder)
    return {"split": subfolder, "seed": key.seed}


def _read_bids_header(file: pq.ParquetFile, values: Values) -> Values:
    from forge_core.files.parquet import read_metadata, require

    fingerprint = read_metadata(file).get(b"fingerprint")
    require(fingerprint is not None, "its header lacks fingerprint")
    require(file.metadata.num_rows == 1, f"it has {file.metadata.num_rows:,} rows instead of one")
    return {"fingerprint": (fingerprint or b"").decode()}


def _read_bids(file: pq.ParquetFile, values: Values) -> pl.DataFrame:
    """Return a row per declaration and bid, from the one row of a file."""
    import polars as pl

    from forge_core.files.parquet import require
    from forge_core.texas42.auction import LOWEST_BID, MARK
    from forge_core.texas42.declarations import N_DECLARATIONS

    names = set(file.schema_arrow.names)
    cells = [(decl, bid) for decl in range(N_DECLARATIONS) for bid in range(LOWEST_BID, MARK + 1)]
    columns = ("hand", "playout", "playout_version", "sees_all", "bidding_version", "n")
    shares = [f"{share}_{decl}_{bid}" for share in _SHARES for decl, bid in cells]
    lacking = sorted({"seed", *columns, *shares} - names)
    require(not lacking, f"it has no column {''.join(lacking[:1])}")
    row: dict[str, Any] = file.read(use_threads=False).to_pylist()[0]
    require(row["seed"] == values["seed"], f"its seed is {row['seed']}, which contradicts its name")
    constant = {name: [row[name]] * len(cells) for name in columns if name != "n"}
    rows = {
        "decl": [decl for decl, _ in cells],
        "bid": [bid for _, bid in cells],
        **{new: [row[f"{old}_{d}_{b}"] for d, b in cells] for old, new in _SHARES.items()},
        "deals": [len(row[f"points_{decl}"]) for decl, _ in cells],
        "deals_asked": [row["n"]] * len(cells),
        **constant,
    }
    from forge_assets.frames.scan import type_of

    types = {column.name: type_of(column) for column in _BID if column.name in rows}
    was_played = pl.col("deals") > 0
    return pl.DataFrame(rows, schema=types).with_columns(
        pl.when(was_played).then(pl.col(name)).alias(name) for name in _SHARES.values()
    )


_SHARES = {"pmake": "p_make", "ci_low": "ci_low", "ci_high": "ci_high"}
"""column of a file, before its declaration and bid -> column of the table"""


def _bids_kind(folder: str) -> RecordFile:
    from forge_core.texas42.bidding.records import TABLES

    return TABLES


_BID = (
    SPLIT,
    SEED,
    DECL,
    Column("bid", "int16", "a bid, 30..42", "points"),
    Column("p_make", "float32", "share of the deals in which it is made; null if none was played"),
    Column("ci_low", "float32", "lower end of the confidence interval of that share"),
    Column("ci_high", "float32", "upper end of it"),
    Column("deals", "int32", "deals played out with this declaration"),
    Column("deals_asked", "int32", "deals requested; a declaration may stop early"),
    Column("hand", "list[int8]", "domino ids of the hand that bids, seat 0's in the deal of the seed"),
    Column("playout", "string", "what played the deals out"),
    Column("playout_version", "string", "its version"),
    Column("sees_all", "bool", "it sees all four hands, so that the shares are those of perfect play"),
    Column("bidding_version", "string", "version of the drawing of deals"),
    Column("fingerprint", "string", "versions and settings: tables with equal ones were made alike"),
)
BIDS = Table(
    "bids",
    "a declaration and bid with a hand",
    _BID,
    Files(
        folders=(BIDDING_FOLDER,),
        columns=_BID,
        named=("split", "seed"),
        parse_name=_parse_bids,
        in_header=("fingerprint",),
        read_header=_read_bids_header,
        kind=_bids_kind,
        read_rows=_read_bids,
    ),
    assets={"bidding_results": {}},
)

TABLES = (SHARDS, STATES, GAMES, DECISIONS, BIDS, BOARDS, ROW_FILES, EVALUATIONS, EVALUATED_DEALS)
