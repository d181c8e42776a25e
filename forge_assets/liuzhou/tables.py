"""The tables of Liuzhou: the games of stored self-play, their positions, and evaluations of networks.

Loading this module imports neither polars nor the rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from forge_assets.frames.evaluations import SETTINGS, evaluation_table, interval, spread
from forge_assets.frames.tables import Column, Files, Table, Values
from forge_assets.versions import constant_of

if TYPE_CHECKING:
    import polars as pl
    import pyarrow.parquet as pq

    from forge_core.files.records import RecordFile

EVALUATIONS_FOLDER = "liuzhou-evaluations"
"""folder of stored evaluations, below the root of a store"""
BLACK = "positive: good for black"


def _parse_name(folder: str, subfolder: str, name: str) -> Values:
    from forge_core.liuzhou.files import GamesKey

    key = GamesKey.parse(name, subfolder)
    return {"generation": key.generation, "first": key.first}


def _read_header(file: pq.ParquetFile, values: Values) -> Values:
    from forge_core.files.records import read_json_header

    header = read_json_header(file)
    return header | {"settings": json.dumps(header.get("settings"), sort_keys=True)}


def _kind(folder: str) -> RecordFile:
    from forge_core.liuzhou.files import GAMES

    return GAMES


def _with_state(positions: pl.LazyFrame) -> pl.LazyFrame:
    """Add the columns that are parts of `meta`; see forge_core.liuzhou.state.layout."""
    import polars as pl

    from forge_core.liuzhou.state.layout import COUNT_MASK, COUNT_SHIFT, PHASE_MASK, PLAYER_SHIFT

    def part(shift: int, mask: int) -> pl.Expr:
        return pl.col("meta") // (1 << shift) % (mask + 1)

    return positions.with_columns(
        ply=part(COUNT_SHIFT, COUNT_MASK).cast(pl.Int16),
        phase=part(0, PHASE_MASK).cast(pl.Int8),
        player=pl.when(part(PLAYER_SHIFT, 1) == 0).then(pl.lit("black")).otherwise(pl.lit("white")),
    )


def _by_game(positions: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    return positions.group_by("generation", "first", "game", maintain_order=True).agg(
        pl.col("result").first(),
        pl.col("difference").first(),
        pl.len().cast(pl.Int32).alias("plies"),
        (pl.col("policy").list.len() > 0).sum().cast(pl.Int32).alias("taught"),
        pl.col("fingerprint").first(),
        pl.col("settings").first(),
    )


_PLACE = (
    Column("generation", "int32", "number of the generation: what one network, or playouts, played"),
    Column("first", "int32", "first game of the file"),
)
_GAME = Column("game", "int32", "number of the game in its generation")
_RESULT = (
    Column("result", "int8", "1 black won, -1 white won, 0 drawn", sign=BLACK),
    Column("difference", "int8", "black's stones minus white's at the end of the game", "stones", BLACK),
)
_SETTINGS = (
    Column("fingerprint", "string", "fingerprint of the settings of self-play and of the network"),
    Column("settings", "string", "these settings, as JSON"),
)
_POSITION = (
    *_PLACE,
    _GAME,
    Column("black", "int64", "cells with a black stone, bit c for cell c"),
    Column("white", "int64", "cells with a white stone"),
    Column("marked", "int64", "cells with a marked stone"),
    Column("meta", "int64", "the rest of the position, packed"),
    Column("action", "uint8", "the action that was played"),
    Column(
        "policy",
        "list[float16]",
        "shares of the legal actions, ascending; empty if not taught",
    ),
    Column("value", "float32", "value that the search found, -1..1", sign=BLACK),
    *_RESULT,
    *_SETTINGS,
)


def _files() -> Files:
    return Files(
        folders=(constant_of("forge_core.liuzhou.settings.generation", "GAMES_FOLDER"),),
        columns=_POSITION,
        named=tuple(column.name for column in _PLACE),
        parse_name=_parse_name,
        in_header=tuple(column.name for column in _SETTINGS),
        read_header=_read_header,
        kind=_kind,
    )


POSITIONS = Table(
    "liuzhou_positions",
    "a position of stored self-play",
    (
        *_POSITION,
        Column("ply", "int16", "actions so far"),
        Column("phase", "int8", "phase of the game, see docs/glossary.md"),
        Column("player", "string", "who is to move: black or white"),
    ),
    _files(),
    view=_with_state,
    assets={"liuzhou_self_play": {}},
)
GAMES = Table(
    "liuzhou_games",
    "a game of stored self-play",
    (
        *_PLACE,
        _GAME,
        *_RESULT,
        Column("plies", "int32", "positions of the game, from the first that was stored"),
        Column("taught", "int32", "positions that were searched fully, so that networks learn their policy"),
        *_SETTINGS,
    ),
    _files(),
    view=_by_game,
)


# --- evaluations ------------------------------------------------------------------------------


def _read_matches(ladder: Any) -> Iterator[Values]:
    for match in ladder["matches"]:
        yield {
            "player": match["a"],
            "opponent": match["b"],
            "is_network": match["a"] == ladder["player"],
            "pairs": match["seeds"],
            **{name: match[name] for name in ("games", "won", "drawn", "lost", "plies")},
            **spread("score", match["score"]),
            **spread("stones", match["stones"]),
        }


def _read_ratings(ladder: Any) -> Iterator[Values]:
    for rating in ladder["ratings"]:
        yield {
            "player": rating["name"],
            "is_network": rating["name"] == ladder["player"],
            **spread("elo", rating | {"mean": rating["elo"]}),
            "games": rating["games"],
        }


_IS_NETWORK = Column("is_network", "bool", "the player is the network")
_table = partial(evaluation_table, folder=EVALUATIONS_FOLDER, asset="liuzhou_evaluation")
EVALUATIONS = _table(
    "liuzhou_evaluations",
    "a match of a network, or of two of its opponents, on the ladder",
    (
        Column("player", "string", "the network, or an opponent of the ladder"),
        Column("opponent", "string", "the other player"),
        _IS_NETWORK,
        Column("pairs", "int64", "pairs of games from one opening, with colours exchanged"),
        Column("games", "int64", "games played"),
        Column("won", "int64", "games that the player won"),
        Column("drawn", "int64", "games that were drawn"),
        Column("lost", "int64", "games that it lost"),
        *interval("score", "score of a game, 0..1", sign="above 0.5: good for the player"),
        *interval("stones", "lead in stones at the end", "stones", "positive: good for the player"),
        Column("plies", "float64", "mean number of actions in a game"),
        *SETTINGS,
    ),
    read=_read_matches,
    is_of_asset=True,
)
RATINGS = _table(
    "liuzhou_ratings",
    "a player on the ladder of a network",
    (
        Column("player", "string", "the network, or an opponent of the ladder"),
        _IS_NETWORK,
        *interval("elo", "Elo rating, where random play has 0", "Elo"),
        Column("games", "int64", "games of the player on this ladder"),
        *SETTINGS,
    ),
    read=_read_ratings,
)

TABLES = (GAMES, POSITIONS, EVALUATIONS, RATINGS)
