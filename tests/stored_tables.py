"""A small store with every kind of file that is a table, and the folder of a training run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from liuzhou_records import store_games
from recorded_game import recorded_game

from forge_core.files import Store
from forge_core.texas42.arena import Conditions, play_match
from forge_core.texas42.bidding.records import BiddingConfig, bid_seed, write_table
from forge_core.texas42.eq.files import write_game
from forge_core.texas42.oracle.shards import ShardConfig, ShardKey, fill_shards
from forge_core.texas42.players import parse_player

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


def write_run(runs: Path, name: str = "toy") -> None:
    """Write the folder of a training run that has not reached its end."""
    folder = runs / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "metrics.csv").write_text(CURVE)


def copy_store(root: Path, to: Path) -> Path:
    """Return a copy of a store that a test may damage."""
    return Path(shutil.copytree(root, to))
