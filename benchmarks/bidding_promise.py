"""The winner's curse: the chance promised for the chosen declaration, estimated again in other worlds.

    python benchmarks/bidding_promise.py --deals 200

Four equal bidders by rollouts hold the auction of each deal of the val split; the winner chooses the
declaration that makes its bid most often in some worlds. Promised: the chance in these worlds. Again: the
chance of this declaration in `--worlds` other worlds that fit the same auction. Outcome: the share of the
deals as they are in which all seats, playing by the policy of the playouts, make the bid. Promised less again
is the winner's curse; again less outcome is the error of the worlds.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from forge_core.arena.settings import held_out_seeds
from forge_core.stats import mean_interval
from forge_core.texas42.auction import points_needed
from forge_core.texas42.bidding.bidders import CallsSoFar, hold_auction
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.bidding.rollouts import RolloutBidder
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.dominoes import N_SEATS
from forge_core.texas42.one_hand.playouts import deal_points

PLACES = ("first to call", "second", "third", "dealer")


def promises(
    bidder: RolloutBidder, other: RolloutBidder, worlds: int, seed: int
) -> tuple[int, list[float]] | None:
    """Return the place of the contract's bidder and its promise, again and outcome; None if all pass."""
    hands = deal_from_seed(seed)
    held = hold_auction(hands, [bidder] * N_SEATS, dealer=seed % N_SEATS)
    contract = held.contract
    if contract is None or held.decl is None or held.p_make is None:
        return None
    place, seat = held.auction.calls.index(contract.bid), contract.bidder
    drawn = other.draw(hands[seat], CallsSoFar(held.auction.calls, place), worlds)
    needed = points_needed(contract.bid)
    decl = np.array([held.decl])
    again = deal_points(drawn, np.repeat(decl, worlds), bidder.policy) >= needed
    turned = np.roll(np.array(hands, dtype=np.int8), -seat, axis=0)
    made = deal_points(turned[None], decl, bidder.policy)[0] >= needed
    return place, [held.p_make, float(again.mean()), float(made)]


def main() -> None:
    """Print the three shares and their differences, for all contracts and by place."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bidder", default="rollout", help="the name of a bidder by rollouts")
    parser.add_argument("--deals", type=int, default=200)
    parser.add_argument("--worlds", type=int, default=500, help="worlds of the second estimate")
    asked = parser.parse_args()
    bidder = parse_bidder(asked.bidder)
    if not isinstance(bidder, RolloutBidder):
        parser.error(f"--bidder {asked.bidder}: use a bidder by rollouts")
    other = replace(bidder, seed=bidder.seed + 1)
    found = [promises(bidder, other, asked.worlds, seed) for seed in held_out_seeds(asked.deals)]
    contracts = [one for one in found if one is not None]
    for place, name in ((None, "all"), *enumerate(PLACES)):
        rows = np.array([shares for at, shares in contracts if place in (None, at)])
        if len(rows) < 2:
            continue
        promised, again, made = rows.mean(axis=0)
        curse, error = mean_interval(rows[:, 0] - rows[:, 1]), mean_interval(rows[:, 1] - rows[:, 2])
        print(
            f"{name:13} {len(rows):4} contracts: promised {promised:.3f}, again {again:.3f}, outcome "
            f"{made:.3f}; curse {curse.mean:+.3f} ({curse.low:+.3f} to {curse.high:+.3f}), error of the "
            f"worlds {error.mean:+.3f} ({error.low:+.3f} to {error.high:+.3f})"
        )


if __name__ == "__main__":
    main()
