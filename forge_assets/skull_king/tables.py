"""The tables of Skull King: stored evaluations of networks, by round and by bid, and the games of some deals.

Loading this module imports neither polars nor the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from forge_assets.frames.evaluations import SETTINGS, evaluation_table, interval, spread
from forge_assets.frames.tables import Column, Values

FOLDER = "skull-king-evaluations"
"""folder of stored evaluations, below the root of a store"""
PLAYER = "positive: good for the player"

_SPLIT = Column("split", "string", "split of the deals: val, or test for final deals")
_OPPONENTS = Column("opponents", "string", "the other players, by name: hard, captain or mixed")
_PLAYER = (
    _SPLIT,
    _OPPONENTS,
    Column("player", "string", "the network, or another player that it is compared with"),
    Column("is_network", "bool", "the player is the network"),
)


def _results(results: Any) -> Iterator[tuple[Values, Any]]:
    """Yield the columns of `_PLAYER`, and the results: those of the network first."""
    for table, of in results["tables"].items():
        yield {"opponents": table, "player": of["player"], "is_network": True}, of
    for of in results["others"]:
        yield {"opponents": "hard", "player": of["player"], "is_network": False}, of


def _read_evaluations(results: Any) -> Iterator[Values]:
    times = {of["player"]: of for of in results["decision_times"]}
    for player, of in _results(results):
        error = results["calibration_error"].get(player["opponents"]) if player["is_network"] else None
        yield {
            **player,
            "others": ", ".join(of["others"]),
            "deals": of["deals"],
            "games": of["games"],
            **spread("score", of["score"]),
            **spread("hit", of["hit"]),
            **spread("wins", of["wins"]),
            "others_score": of["others_score"]["mean"],
            "calibration_error": error,
            **{name: times.get(of["player"], {}).get(name) for name in ("bid_ms", "play_ms")},
        }


def _read_rounds(results: Any) -> Iterator[Values]:
    for player, of in _results(results):
        for number, each in enumerate(of["by_round"], start=1):
            yield {
                **player,
                "round": number,
                **spread("points", each["points"]),
                **spread("hit", each["hit"]),
            }


def _read_bids(results: Any) -> Iterator[Values]:
    for player, of in _results(results):
        stated = results["calibration"].get(player["opponents"], {}) if player["is_network"] else {}
        for bid, by_tricks in enumerate(of["bid_by_tricks"]):
            if not sum(by_tricks):
                continue
            known = stated.get(str(bid), {})
            yield {
                **player,
                "bid": bid,
                "rounds": sum(by_tricks),
                "met": by_tricks[bid] / sum(by_tricks),
                "stated": known.get("stated"),
                "tricks": sum(won * count for won, count in enumerate(by_tricks)) / sum(by_tricks),
                "tricks_expected": known.get("tricks_expected"),
                "rounds_by_tricks": by_tricks,
            }


def _read_replays(results: Any) -> Iterator[Values]:
    for table, games in results["replays"].items():
        for game in games:
            yield {
                "opponents": table,
                **{name: game[name] for name in ("seed", "seat", "actions", "scores")},
                "score": game["scores"][game["seat"]],
                "fault": game["fault"] or None,
            }


_table = partial(evaluation_table, folder=FOLDER, asset="skull_king_evaluation")
EVALUATIONS = _table(
    "skull_king_evaluations",
    "a network, or a player that it is compared with, against the players of a table",
    (
        *_PLAYER,
        Column("others", "string", "each of the other players, in order of seat after the player"),
        Column("deals", "int64", "deals; each was played once with the player in every seat"),
        Column("games", "int64", "games played"),
        *interval("score", "score of a game", "points", PLAYER),
        *interval("hit", "share of rounds in which the bid was met"),
        *interval("wins", "share of the win of a game; ties are split"),
        Column("others_score", "float64", "mean score of the other players", "points"),
        Column(
            "calibration_error",
            "float64",
            "mean distance between the stated and the real chance to meet a bid; null if none is stated",
        ),
        Column("bid_ms", "float64", "CPU time of a bid", "milliseconds"),
        Column("play_ms", "float64", "CPU time of a play", "milliseconds"),
        *SETTINGS,
    ),
    read=_read_evaluations,
    is_of_asset=True,
)
ROUNDS = _table(
    "skull_king_rounds",
    "a round of the games of an evaluation, by number",
    (
        *_PLAYER,
        Column("round", "int64", "number of the round, 1..10: that of its cards"),
        *interval("points", "points of the round", "points", PLAYER),
        *interval("hit", "share of games in which the bid was met"),
    ),
    read=_read_rounds,
)
BIDS = _table(
    "skull_king_bids",
    "a bid of 0 to 10 tricks in the games of an evaluation",
    (
        *_PLAYER,
        Column("bid", "int64", "the bid, 0..10", "tricks"),
        Column("rounds", "int64", "rounds with this bid"),
        Column("met", "float64", "share of them in which it was met"),
        Column("stated", "float64", "chance that the network stated for it; null if none was stated"),
        Column("tricks", "float64", "mean number of tricks won"),
        Column("tricks_expected", "float64", "mean number of tricks that the network expected"),
        Column("rounds_by_tricks", "list[int64]", "rounds in which 0, 1, .. 10 tricks were won"),
    ),
    read=_read_bids,
)
REPLAYS = _table(
    "skull_king_replays",
    "a recorded game of the network, which the readable rules have replayed",
    (
        _SPLIT,
        _OPPONENTS,
        Column("seed", "int64", "seed of the deals"),
        Column("seat", "int64", "seat of the network"),
        Column("actions", "list[int64]", "actions of all seats in order, see forge_core.skull_king.actions"),
        Column("scores", "list[int64]", "score of each seat", "points"),
        Column("score", "int64", "score of the network", "points", PLAYER),
        Column("fault", "string", "what the readable rules found wrong; null if nothing"),
    ),
    read=_read_replays,
)

TABLES = (EVALUATIONS, ROUNDS, BIDS, REPLAYS)
