"""Compare two players on contracts that auctions lead to, which both of them know.

    python benchmarks/auction_in_play.py strong:belief=all strong --deals 500

Auctions on deals of the val split at random scores, by four bidders of one kind; deals that all pass are left
out. Each contract is played twice: a's team holds it, then b's. Prints the differences with 95 % intervals:
the points of the team that holds the contract, and the share of contracts made, if a holds it less if b does.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from forge_core.arena.settings import held_out_seeds
from forge_core.stats import mean_interval
from forge_core.texas42.arena.duplicate import deal_contracts, play_out
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.eq.generate import game_keys
from forge_core.texas42.players import parse_player

BLOCK = 50
"""deals played in lockstep"""


def main() -> None:
    """Play and print the differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--deals", type=int, default=500)
    parser.add_argument("--bidder", default="learned")
    asked = parser.parse_args()
    players = parse_player(asked.a, "cpu"), parse_player(asked.b, "cpu")
    games = deal_contracts(held_out_seeds(asked.deals), parse_bidder(asked.bidder))
    points, begun = np.zeros((2, len(games)), dtype=np.int64), time.process_time()
    for first in range(0, len(games), BLOCK):
        some = games.take(np.arange(first, min(first + BLOCK, len(games))))
        for holder in (0, 1):
            sides = np.tile([holder, 1 - holder], (len(some), 1))
            over = play_out(some, players, sides, game_keys(some, 0))
            points[holder, first : first + len(some)] = over.seen.points[:, 0]
    made = points >= games.seen.needed
    gained, by_contract = mean_interval(points[0] - points[1]), mean_interval(made[0] * 1.0 - made[1])
    print(
        f"{asked.a} against {asked.b}, {len(games)} contracts by {asked.bidder}: points {gained.mean:+.2f} "
        f"({gained.low:+.2f} to {gained.high:+.2f}), contracts {100 * made[0].mean():.1f} : "
        f"{100 * made[1].mean():.1f} ({100 * by_contract.low:+.1f} to {100 * by_contract.high:+.1f}), "
        f"{(time.process_time() - begun) / max(1, len(games)):.2f} CPU s per contract"
    )


if __name__ == "__main__":
    main()
