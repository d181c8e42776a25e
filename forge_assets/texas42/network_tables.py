"""The tables of what networks of Texas 42 learn from, and of the points that they lose on the benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forge_assets.frames.tables import Column, Documents, Table, Values
from forge_assets.texas42.columns import SPLIT
from forge_assets.versions import constant_of
from forge_core.texas42.folders import GAME_ROWS_FOLDER, TOKENS_FOLDER


def _read_row_files(folder: str, name: str, manifest: Any) -> Iterator[Values]:
    for file in manifest["files"]:
        yield {
            "folder": folder,
            "split": manifest["split"],
            "file": file["name"],
            "seed": file["first_seed"] if folder == GAME_ROWS_FOLDER else _seed_of(file["shard"]),
            "shard": file.get("shard"),
            "games": file.get("games"),
            "rows": file["rows"],
            "encoder": manifest["spec"]["name"],
            "encoder_version": manifest["spec"]["version"],
            "rows_version": manifest["version"],
            "hash": file["hash"],
        }


def _seed_of(shard: str) -> int:
    from forge_core.texas42.keys import ShardKey

    return ShardKey.parse(shard).seed


ROW_FILES = Table(
    "row_files",
    "a file of rows that networks learn from",
    (
        Column("folder", "string", f"{TOKENS_FOLDER}: rows of solved deals; {GAME_ROWS_FOLDER}: of games"),
        SPLIT,
        Column("file", "string", "name of the file in the folder of the split"),
        Column("seed", "int64", "seed of the deal; the lowest one if the file holds several"),
        Column("shard", "string", "file of the solved deal; null for games"),
        Column("games", "int64", "games in the file; null for a solved deal"),
        Column("rows", "int64", "rows in the file"),
        Column("encoder", "string", "encoding of positions as tokens"),
        Column("encoder_version", "string", "its version"),
        Column("rows_version", "string", "version of the drawing of rows and of the file format"),
        Column("hash", "string", "hash of the file's bytes"),
    ),
    Documents(
        (TOKENS_FOLDER, GAME_ROWS_FOLDER),
        _read_row_files,
        "run forge tokenize",
        has_subfolders=True,
    ),
    assets={
        "token_splits": {"folder": [TOKENS_FOLDER]},
        "eq_token_splits": {"folder": [GAME_ROWS_FOLDER]},
    },
)

_SCORED = (
    Column("weights", "string", "digest of the weights of the network"),
    Column("benchmark", "string", "fingerprint of the rows of the benchmark and of the figures"),
)


def _read_scores(folder: str, name: str, scores: Any) -> Iterator[Values]:
    deals = len(scores["gap"])
    yield {
        **{column.name: scores[column.name] for column in _SCORED},
        "deals": deals,
        "decision_q_gap": scores["decision_q_gap"],
        "gap_by_deal": sum(scores["gap"]) / deals,
        "q_gap": scores["q_gap"],
        "q_mae": scores["q_mae"],
    }


def _read_scored_deals(folder: str, name: str, scores: Any) -> Iterator[Values]:
    for deal, (group, gap) in enumerate(zip(scores["group"], scores["gap"], strict=True)):
        known = {column.name: scores[column.name] for column in _SCORED}
        yield known | {"deal": deal, "declaration": group, "decision_q_gap": gap}


_SCORES_FOLDER = (constant_of("forge_core.learning.labelled.scores", "FOLDER"),)
_REMAKE = "delete it and materialize oracle_model_evaluation"
EVALUATIONS = Table(
    "evaluations",
    "a network on the benchmark",
    (
        *_SCORED,
        Column("deals", "int64", "deals of the benchmark"),
        Column("decision_q_gap", "float64", "lost per decision, over all decisions", "points"),
        Column("gap_by_deal", "float64", "lost per decision, as a mean over deals", "points"),
        Column("q_gap", "float64", "lost per position, over all reachable positions", "points"),
        Column(
            "q_mae",
            "float64",
            "mean absolute error of Q over reachable positions; null if it does not answer in points",
            "points",
        ),
    ),
    Documents(_SCORES_FOLDER, _read_scores, _REMAKE),
    assets={"oracle_model_evaluation": {}},
)
EVALUATED_DEALS = Table(
    "evaluated_deals",
    "a deal of the benchmark, under a declaration, with the points that a network loses in it",
    (
        *_SCORED,
        Column("deal", "int64", "number of the deal in the benchmark"),
        Column("declaration", "string", "name of the declaration"),
        Column("decision_q_gap", "float64", "lost per decision", "points"),
    ),
    Documents(_SCORES_FOLDER, _read_scored_deals, _REMAKE),
)
