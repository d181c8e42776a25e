"""A small store with every kind of file that is a table, and the folder of a training run."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
from liuzhou_records import store_games
from recorded_game import recorded_game

from forge_assets.flywheel.state import Iteration
from forge_assets.flywheel.state import State as Flywheel
from forge_assets.flywheel.storage import write_state
from forge_assets.liuzhou.flywheel import FLYWHEEL, FlywheelSettings
from forge_core.files import Store
from forge_core.learning.evaluations import StoredEvaluation
from forge_core.learning.labelled.scores import Scores
from forge_core.liuzhou.ladder import climb
from forge_core.liuzhou.settings.matches import LadderSettings
from forge_core.skull_king.arena import evaluate
from forge_core.skull_king.calibration import Calibration
from forge_core.skull_king.evaluation import Evaluation
from forge_core.skull_king.players import player
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.timing import DecisionTimes
from forge_core.splits import Split
from forge_core.texas42.arena import Conditions, play_match
from forge_core.texas42.bidding.records import BiddingConfig, bid_seed, write_table
from forge_core.texas42.eq.files import write_game
from forge_core.texas42.eq.splits import GAME_ROWS
from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, fill_shards
from forge_core.texas42.players import parse_player
from forge_core.texas42.tokens.splits import TOKEN_ROWS, TokenConfig

ROWS = ShardConfig(rows=140)
STANDARD = [ShardKey(7, 7), ShardKey(8, 8), ShardKey(900, 0), ShardKey(950, 0)]
BIDDING_SEEDS, GAME_SEEDS, BOARD_SEEDS = (3, 951), (16, 953), (8, 9)
CURVE = "step,rows,seconds,cpu_seconds,loss,captain_score\n2,20,1.5,1.25,0.5,-3\n4,40,3.0,2.5,0.25,\n"
CONFIG = {
    "train": {},
    "spec": {},
    "data": {"game": "skull_king", "kind": "rounds", "version": "v1"},
    "init_from": None,
    "precision": "32",
    "device": "cpu",
}
SCORES = Scores("ef" * 16, "0123456789abcdef", ("blanks", "notrump"), (0.5, 1.5), 1.25, 0.25, None)
LADDER = LadderSettings(pairs=2, opponents="random reply")
ITERATION = Iteration(1, (0,), 40, "runs/x/model", 0.4, None, False, ("worse",), 2)


class Quick:
    """A playout without cost: points from a hash of the deal, higher for higher declarations."""

    name, version, sees_all = "quick", "1", False

    def points(self, hands, decls, advance=None):
        if advance:
            advance(len(hands))
        mixed = (hands.astype(np.int64) * np.arange(1, 29).reshape(4, 7)).sum(axis=(1, 2)) * 2654435761
        return np.minimum((mixed + 97 * decls) % 37 + 5 * decls, 42).astype(np.int8)


def fill_store(root: Path) -> None:
    """Put every kind of file into a store. Deals, games and bids have some in the test split."""
    store = Store(str(root))
    keys = {"standard": STANDARD, "marginalized": [ShardKey(7, 7, 0)], "golden": [ShardKey(900, 1)]}
    for kind, of_kind in keys.items():
        assert not [
            r.error for r in fill_shards(store.join(f"shards-{kind}"), of_kind, ROWS, "cpu") if r.error
        ]
    for seed in GAME_SEEDS:
        write_game(store.join("eq-games"), recorded_game(seed, pdf=seed == 16))
    bidding = BiddingConfig(Quick(), 40)
    for seed in BIDDING_SEEDS:
        write_table(store.join("bidding-results"), bid_seed(seed, bidding), bidding)
    play_match(*map(parse_player, ("random", "heuristic")), BOARD_SEEDS, Conditions(), store)
    store_games(store, generation=0)
    store_games(store, generation=2)
    TOKEN_ROWS.update(store, store, Split.TRAIN, TokenConfig(rows_per_shard=100))
    GAME_ROWS.update(store, store, Split.TRAIN)
    SCORES.keep(store)
    ladder = climb("greedy", LADDER, "cpu").to_dict()
    StoredEvaluation("ab" * 16, "models/x", "r1", asdict(LADDER), ladder).keep(
        store.join("liuzhou-evaluations")
    )
    flywheel = Flywheel.begin(FlywheelSettings()).ended(ITERATION, "")
    write_state(FLYWHEEL, store, flywheel)
    for final in (False, True):
        judged = StoredEvaluation("cd" * 16, "models/y", "v1", {"final": final}, evaluation().to_dict())
        judged.keep(store.join("skull-king-evaluations"))


def evaluation() -> Evaluation:
    """Return an evaluation of a captain, as if it were a network."""
    captain, hard = player("captain"), player("hard")
    tables = {"hard": evaluate(captain, hard, 2, rounds=3, replayed=1)}
    tables["captain"] = evaluate(captain, captain, 2, rounds=3)
    bids = {"stated": 0.5, "met": 0.25, "expected": 1.0}
    stated = Calibration(**{name: np.full(11, of) for name, of in bids.items()}, counts=np.arange(11))
    times = DecisionTimes("captain", np.ones(3), np.ones(3), 0.5, 0.25)
    others = (evaluate(hard, hard, 2, rounds=3),)
    return Evaluation(tables, {"hard": stated, "captain": None}, others, (times,), Rules(), 1.0)


def write_run(runs: Path, name: str = "toy") -> None:
    """Write the folder of a training run that has not reached its end."""
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "metrics.csv").write_text(CURVE)


def copy_store(root: Path, to: Path) -> Path:
    """Return a copy of a store that a test may damage."""
    return Path(shutil.copytree(root, to))
