"""Measure the constants of `bidding/field.py` (how often another hand is worth a bid, and then makes it)
and the weights of the rule in `bidding/bidders.py`.

    python benchmarks/bidding_field.py [HANDS [SAMPLES]]

Each hand of seat 0 in the deals of seeds 0..HANDS-1 is played out SAMPLES times under each
declaration by four heuristic players, each of whom sees only its own hand.
"""

from __future__ import annotations

import sys

import numpy as np

from forge_core.cli.screen import progress_bar
from forge_core.texas42.bidding.bidders import rule_features
from forge_core.texas42.bidding.field import measure_field
from forge_core.texas42.bidding.playouts import BIDDER
from forge_core.texas42.bidding.table import play_out
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.games import start
from forge_core.texas42.one_hand.heuristic import HEURISTIC_VERSION
from forge_core.texas42.players.heuristic import HeuristicPlayer


class HeuristicPlayout:
    name, version, sees_all = "heuristic", HEURISTIC_VERSION, False

    def points(self, hands, decls, advance=None):
        games, player = start(hands, decls, BIDDER), HeuristicPlayer()
        keys = np.zeros(len(games), dtype=np.uint64)  # it draws nothing
        while not games.over:
            games = games.play(player.slots(games.views, keys))
        if advance:
            advance(len(games))
        return games.seen.points[:, 0].astype(np.int8)


def main(hands: int = 1000, samples: int = 200) -> None:
    with progress_bar("playing deals", 10 * hands * samples) as advance:
        tables = [
            play_out(deal_from_seed(seed)[0], HeuristicPlayout(), samples, seed, advance=advance)
            for seed in range(hands)
        ]
    p_make = np.stack([table.p_make for table in tables])
    field = measure_field(p_make)
    print(f"{hands} hands, {samples} deals of each declaration, heuristic {HEURISTIC_VERSION}")
    print(f"    shares={field.shares},")
    print(f"    made_then={field.made_then},")
    print(f"    made_by_anyone={field.made_by_anyone},")
    features = rule_features(np.array([table.hand for table in tables], dtype=np.int8))
    print(*(f"    {tuple(of_bid)}," for of_bid in fit_rule(p_make, features).round(3).tolist()), sep="\n")


def fit_rule(p_make: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return the weights [13, 4] of the logistic regression of P(make) [N, 10, 13] on `features`."""
    x = features.reshape(-1, features.shape[-1])
    weights = np.zeros((p_make.shape[-1], x.shape[1]))
    for bid, share in enumerate(p_make.reshape(len(x), -1).T):
        for _ in range(30):  # Newton's steps
            p = 1 / (1 + np.exp(-x @ weights[bid]))
            curvature = x.T @ (x * (p * (1 - p))[:, None])
            weights[bid] += np.linalg.solve(curvature, x.T @ (share - p))
    return weights


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
