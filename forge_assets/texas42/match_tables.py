"""The table of Texas 42's matches: every deal that was played, by seating."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from forge_assets.frames.tables import Column, Files, Table, Values
from forge_assets.texas42.columns import DECL, SEED, SPLIT
from forge_core.splits import split_of
from forge_core.texas42.folders import MATCHES_FOLDER

if TYPE_CHECKING:
    import polars as pl
    import pyarrow.parquet as pq

    from forge_core.files.records import RecordFile


def _parse_boards(folder: str, subfolder: str, name: str) -> Values:
    from forge_core.texas42.keys import BlockKey

    key = BlockKey.parse(name, subfolder)
    return {"split": str(split_of(key.seed)), "block": key.seed, "seating": subfolder}


def _read_boards_header(file: pq.ParquetFile, values: Values) -> Values:
    from forge_core.files import fingerprint
    from forge_core.files.parquet import read_metadata, require

    settings = json.loads(read_metadata(file).get(b"settings", b"null"))
    require(isinstance(settings, dict), "its settings are not a JSON object")
    require(fingerprint(settings) == values["seating"], "its settings do not match the name of its folder")
    names = {side: _player_name(settings.get(side)) for side in ("bidders", "defenders")}
    return {**names, "settings": json.dumps(settings, sort_keys=True)}


def _player_name(described: Any) -> str | None:
    return described.get("player") if isinstance(described, dict) else None


def _boards_kind(folder: str) -> RecordFile:
    from forge_core.texas42.arena.boards import BLOCKS

    return BLOCKS


def _with_made(boards: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    from forge_core.texas42.dominoes import HAND_POINTS

    needed = pl.min_horizontal(pl.col("bid"), pl.lit(HAND_POINTS, pl.Int16))
    return boards.with_columns(made=pl.col("points") >= needed)


_BOARD = (
    SPLIT,
    Column("block", "int64", "lowest seed of the file: blocks of 50 seeds"),
    Column("seating", "string", "fingerprint of the players and conditions; the folder of the file"),
    Column("bidders", "string", "kind of player on seats 0 and 2, who bid"),
    Column("defenders", "string", "kind of player on seats 1 and 3"),
    SEED,
    DECL,
    Column("bid", "int16", "the bid", "points"),
    Column("points", "int8", "points taken by the bidding side, 0..42", "points"),
    Column("plays", "list[int8]", "domino ids in order of play"),
    Column("settings", "string", "everything that the boards of the seating depend on, as JSON"),
)
BOARDS = Table(
    "boards",
    "a deal played in a match by one seating",
    (*_BOARD, Column("made", "bool", "the bidders made the contract")),
    Files(
        folders=(MATCHES_FOLDER,),
        columns=_BOARD,
        named=("split", "block", "seating"),
        parse_name=_parse_boards,
        in_header=("bidders", "defenders", "settings"),
        read_header=_read_boards_header,
        kind=_boards_kind,
    ),
    view=_with_made,
    assets={"match_results": {}},
)
