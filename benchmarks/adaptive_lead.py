"""Adaptive sampling that stops by the lead of the best play: worlds saved, and choices that stay the same.

python benchmarks/adaptive_lead.py [--games 6]

The positions are those of games of the val split by E[Q]; plays are evaluated by the 73 k network. The truth
is the mean over 2,000 worlds, of which the other estimates use the first ones. Only decisions with two plays
or more and over 2,000 consistent worlds count.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from forge_core.learning.checkpoints import load_model
from forge_core.learning.threads import one_torch_thread
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import AdaptiveConfig, ExactOracle, GameConfig, HybridOracle, Sampling, play_games
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.generate import game_keys, world_keys
from forge_core.texas42.eq.oracles import ModelOracle
from forge_core.texas42.games import replay, start

FIRST_SEED, MOST = 900, 2_000
RULES = {
    f"{MOST:,} worlds": Sampling(MOST, points=False),
    "error 0.5": Sampling(adaptive=AdaptiveConfig(), points=False),
    **{
        f"or lead {lead}": Sampling(adaptive=AdaptiveConfig(lead=lead), points=False)
        for lead in (2.0, 3.0, 4.0)
    },
    **{f"{worlds} worlds": Sampling(worlds, enumerate_limit=0, points=False) for worlds in (50, 200, 500)},
}


def main() -> None:
    """Print a line for each rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--games", type=int, default=6)
    seeds = range(FIRST_SEED, FIRST_SEED + parser.parse_args().games)
    network = ModelOracle(load_model("models/texas42-qvalue-73k"))
    games = start([deal_from_seed(seed) for seed in seeds], [seed % 10 for seed in seeds])
    config = GameConfig(Sampling(10, points=False))
    records = play_games(HybridOracle(network, ExactOracle(1)), games, config, "cpu")
    keys, began = game_keys(games, 0), time.process_time()
    found: dict[str, list] = {name: [] for name in RULES}
    for step, now in enumerate(replay(games, np.array([record.plays for record in records]))):
        if now.over:
            break
        rows = np.flatnonzero(now.views.legal.sum(axis=1) > 1)
        if not len(rows):
            continue
        views, drawn = now.views.take(rows), world_keys(keys[rows], step)
        answers = {name: estimate(network, views, drawn, rule) for name, rule in RULES.items()}
        truth = answers[f"{MOST:,} worlds"].mean
        open_ = np.flatnonzero(answers[f"{MOST:,} worlds"].world_count > MOST)
        best = np.nanargmax(truth, axis=1)
        for name, answer in answers.items():
            chosen = np.nanargmax(answer.mean, axis=1)
            lost = np.nanmax(truth, axis=1) - truth[np.arange(len(rows)), chosen]
            found[name] += [(answer.n_worlds[row], chosen[row] == best[row], lost[row]) for row in open_]
    print(f"{len(next(iter(found.values())))} decisions, {time.process_time() - began:.0f} CPU s")
    for name, rows in found.items():
        worlds, same, lost = np.array(rows, dtype=float).mean(axis=0)
        print(f"{name:13} {worlds:6.0f} worlds  same play {same:.3f}  points lost per decision {lost:.4f}")


if __name__ == "__main__":
    with one_torch_thread():
        main()
