"""Nats that the calls of an auction say about hidden hands, by tau and mix of the likelihood.

    python benchmarks/auction_evidence.py --deals 100
    python benchmarks/auction_evidence.py --deals 100 --by learned

Auctions on deals of the val split at random scores, by four bidders of each kind. For every call: the log
likelihood of the true hand less the log of the mean likelihood over `--hands` hands drawn at random. The
likelihood follows the values of calls by RuleBidder, or by the network of the bidder `learned`.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from forge_core.arena.settings import held_out_seeds
from forge_core.stats import mean_interval
from forge_core.streams import stream
from forge_core.texas42.auction import MARKS_TO_WIN, Score
from forge_core.texas42.bidding.advice import Situation
from forge_core.texas42.bidding.bidders import hold_auction
from forge_core.texas42.bidding.evidence import AuctionEvidence
from forge_core.texas42.bidding.learned import LearnedBidder
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS

TAUS, MIXES = (0.005, 0.01, 0.02, 0.04, 0.08), (0.02, 0.1, 0.3)


def nats(
    calls: list[tuple[Situation, int, list[int]]], evidence: AuctionEvidence, hands: npt.NDArray[np.int8]
) -> list[float]:
    """Return the nats of each call (situation, call, hand)."""
    found = []
    for situation, call, hand in calls:
        log_p = evidence.log_likelihood(np.array([hand, *hands], dtype=np.int8), situation, call)
        found.append(float(log_p[0] - np.log(np.exp(log_p[1:]).mean())))
    return found


def main() -> None:
    """Print nats per call for each kind of bidder, tau and mix."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bidders", nargs="*", default=["rule", "rollout:worlds=100"])
    parser.add_argument("--deals", type=int, default=100)
    parser.add_argument("--hands", type=int, default=300)
    parser.add_argument("--by", choices=("rule", "learned"), default="rule", help="the fixed bidder")
    asked = parser.parse_args()
    values = None if asked.by == "rule" else LearnedBidder()
    draws = stream(0, "evidence")
    hands = np.stack([draws.permutation(N_DOMINOES)[:HAND_SIZE] for _ in range(asked.hands)]).astype(np.int8)
    for name in asked.bidders:
        bidder, calls = parse_bidder(name), []
        for seed in held_out_seeds(asked.deals):
            deal, marks = deal_from_seed(seed), stream(seed, "score").integers(MARKS_TO_WIN, size=2).tolist()
            made = hold_auction(
                deal, [bidder] * N_SEATS, N_SEATS - 1, Score((marks[0], marks[1]))
            ).auction.calls
            for seat, call in enumerate(made):
                calls.append((Situation(made[:seat], marks[seat % 2], marks[1 - seat % 2]), call, deal[seat]))
        for tau in TAUS:
            cells = []
            for mix in MIXES:
                mean = mean_interval(nats(calls, AuctionEvidence(tau, mix=mix, values=values), hands))
                cells.append(f"mix {mix}: {mean.mean:+.3f} ± {mean.high - mean.mean:.3f}")
            print(f"{name}, {len(calls)} calls, tau {tau}: {', '.join(cells)}")


if __name__ == "__main__":
    main()
