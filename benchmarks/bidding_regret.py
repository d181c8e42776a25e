"""Chance to win the game that bidders lose per call, measured by rollouts in many other worlds.

    python benchmarks/bidding_regret.py rule rollout:worlds=50 rollout rollout:worlds=400 --calls 100

Calls are asked for in auctions of four bidders by rollouts on deals of the val split, at scores from 0 to 0
to 6 to 6. Regret: the worth of the best call less that of the bidder's call, both in `--worlds` worlds that
no bidder has seen. The best of many noisy numbers is too high, so that no bidder has a regret of 0; compare
bidders with each other.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from forge_core.arena.settings import held_out_seeds
from forge_core.stats import mean_interval
from forge_core.streams import stream
from forge_core.texas42.auction import MARKS_TO_WIN
from forge_core.texas42.bidding.advice import Situation
from forge_core.texas42.bidding.bidders import call
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.bidding.rollouts import RolloutBidder
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.dominoes import N_SEATS


def situations(n: int) -> list[tuple[list[int], Situation]]:
    """Return n hands and situations, from auctions at random scores."""
    bidder, found = RolloutBidder(worlds=30), []
    for seed in held_out_seeds(n):
        hands, draws = deal_from_seed(seed), stream(seed, "regret")
        own, other = draws.integers(MARKS_TO_WIN, size=2).tolist()
        place, calls = int(draws.integers(N_SEATS)), ()
        for seat in range(place):
            marks = (own, other) if (place - seat) % 2 == 0 else (other, own)
            calls = (*calls, bidder.call(hands[seat], Situation(calls, *marks)).call)
        found.append((hands[place], Situation(calls, own, other)))
    return found


def main() -> None:
    """Print the regret and the cost of each bidder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bidders", nargs="+")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--worlds", type=int, default=1_000, help="worlds of the reference")
    asked = parser.parse_args()
    bidders = [(name, parse_bidder(name)) for name in asked.bidders]
    reference = replace(RolloutBidder(worlds=asked.worlds), seed=1)
    regret, seconds = np.zeros((len(bidders), asked.calls)), np.zeros(len(bidders))
    for column, (hand, situation) in enumerate(situations(asked.calls)):
        calls, worth, _ = reference.worth(hand, situation)
        for row, (_, bidder) in enumerate(bidders):
            begun = time.process_time()
            chosen = call(bidder, hand, situation).call
            seconds[row] += time.process_time() - begun
            regret[row, column] = worth.max() - worth[calls.tolist().index(chosen)]
    for (name, _), lost, cost in zip(bidders, regret, seconds, strict=True):
        mean = mean_interval(100 * lost)
        print(
            f"{name}: {mean.mean:.2f} % of a game lost per call ({mean.low:.2f} to {mean.high:.2f}), "
            f"{1e3 * cost / asked.calls:.1f} CPU ms per call"
        )


if __name__ == "__main__":
    main()
