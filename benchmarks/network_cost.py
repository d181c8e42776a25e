"""Compare E[Q] by a network with exact E[Q] over the same worlds, trick by trick.

    python benchmarks/network_cost.py models/texas42-qvalue-230k --games 60 --worlds 50

Held-out deals (val seeds outside the benchmark) are played by E[Q] with the exact oracle. At
each decision with more than one legal play, both oracles judge the same worlds. Per trick, over
decisions: `error`, the mean absolute difference of E[Q] over legal plays, in points; `loss`, the
points that the network's choice loses by the exact E[Q]; `same`, the share of decisions in which
both choose alike. Standard errors are over games.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from rich.console import Console
from rich.table import Table

from forge_core.learning.checkpoints import load_model
from forge_core.learning.choice import choose
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import ExactOracle, GameConfig, ModelOracle, Sampling, decide, game_keys
from forge_core.texas42.games import start

FIRST_SEED = 920


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--games", type=int, default=60)
    parser.add_argument("--worlds", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    figures = compare(asked.model, asked.games, asked.worlds)
    if asked.json:
        print(json.dumps(figures))
        return
    grid = Table("trick", "decisions", "error", "loss", "± ", "same")
    for trick, row in figures.items():
        shown = [f"{row[name]:.2f}" for name in ("error", "loss", "loss_se")]
        grid.add_row(trick, str(row["decisions"]), *shown, f"{row['same']:.0%}")
    Console().print(grid)


def compare(path: str, n_games: int, n_worlds: int) -> dict[str, dict[str, float]]:
    """Return the figures by trick 1..7 and overall."""
    exact, network = ExactOracle(), ModelOracle(load_model(path))
    seeds = [1000 * (k // 30) + FIRST_SEED + k % 30 for k in range(n_games)]
    games = start([deal_from_seed(seed) for seed in seeds], [seed % 10 for seed in seeds])
    config, keys = GameConfig(Sampling(n_worlds, points=False)), game_keys(games, 0)
    rows = np.arange(n_games)
    found: list[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    while not games.over:
        truth, played = decide(exact, games.views, keys, config)
        said, _ = decide(network, games.views, keys, config)
        legal = truth.legal
        error = np.nanmean(np.abs(said.mean - truth.mean), axis=1)
        chosen = choose(np.where(legal, said.mean, 0.0), legal)
        loss = np.nanmax(truth.mean, axis=1) - truth.mean[rows, chosen]
        found.append((games.seen.step // 4, legal.sum(axis=1) > 1, error, loss, chosen == played.slot))
        games = games.play(played.slot)

    def figures(tricks: range) -> dict[str, float]:
        steps = [step for step in found if step[0] in tricks]
        free, error, loss, same = (np.stack([step[i] for step in steps], axis=1) for i in range(1, 5))
        by_game = (loss * free).sum(axis=1) / np.maximum(free.sum(axis=1), 1)
        return {
            "decisions": int(free.sum()),
            "error": float(error[free].mean()),
            "loss": float(loss[free].mean()),
            "loss_se": float(by_game.std(ddof=1) / np.sqrt(n_games)),
            "same": float(same[free].mean()),
        }

    by_trick = {str(trick + 1): figures(range(trick, trick + 1)) for trick in range(6)}
    return by_trick | {"all": figures(range(7))}


if __name__ == "__main__":
    main()
