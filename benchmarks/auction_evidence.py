"""Nats that the calls of an auction say about hidden hands, by tau and mix of the likelihood.

    python benchmarks/auction_evidence.py --deals 100
    python benchmarks/auction_evidence.py --deals 100 --by learned
    python benchmarks/auction_evidence.py rule rollout:worlds=100 learned --deals 500 --by calls

Auctions on deals of the val split at random scores, by four bidders of each kind. For every call: the log
likelihood of the true hand less the log of the mean likelihood over `--hands` hands drawn at random. The
likelihood follows the values of calls by RuleBidder, by the network of the bidder `learned`, or the fitted
model of calls (`eq/called.py`), which has no tau. The nats of a deal are the sum of those of its four calls.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from forge_core.arena.settings import held_out_seeds
from forge_core.stats import mean_interval
from forge_core.streams import stream
from forge_core.texas42.arena.duplicate import auction_at_random_score
from forge_core.texas42.bidding.advice import Situation
from forge_core.texas42.bidding.evidence import AuctionEvidence
from forge_core.texas42.bidding.learned import LearnedBidder
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.eq.called import log_likelihood_of_call

TAUS, MIXES = (0.005, 0.01, 0.02, 0.04, 0.08), (0.02, 0.1, 0.3)


Likelihood = Callable[[npt.NDArray[np.int8], Situation, int], npt.NDArray[np.float64]]
"""returns [D], the log probability of a call in a situation with each of the hands [D, 7]"""


def nats(
    calls: list[tuple[Situation, int, list[int]]], likelihood: Likelihood, hands: npt.NDArray[np.int8]
) -> npt.NDArray[np.float64]:
    """Return [D, 4]: the nats of the calls (situation, call, hand) of D deals."""
    found = []
    for situation, call, hand in calls:
        log_p = likelihood(np.array([hand, *hands], dtype=np.int8), situation, call)
        found.append(float(log_p[0] - np.log(np.exp(log_p[1:]).mean())))
    return np.array(found).reshape(-1, N_SEATS)


def by_model(mix: float) -> Likelihood:
    """Return the likelihood by the fitted model of calls."""
    return lambda hands, situation, call: log_likelihood_of_call(hands, situation.calls, call, mix)


def main() -> None:
    """Print nats per call for each kind of bidder, tau and mix."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bidders", nargs="*", default=["rule", "rollout:worlds=100"])
    parser.add_argument("--deals", type=int, default=100)
    parser.add_argument("--hands", type=int, default=300)
    parser.add_argument("--by", choices=("rule", "learned", "calls"), default="rule", help="the likelihood")
    asked = parser.parse_args()
    values = LearnedBidder() if asked.by == "learned" else None
    draws = stream(0, "evidence")
    hands = np.stack([draws.permutation(N_DOMINOES)[:HAND_SIZE] for _ in range(asked.hands)]).astype(np.int8)
    for name in asked.bidders:
        bidder, calls = parse_bidder(name), []
        for seed in held_out_seeds(asked.deals):
            deal, held, marks = auction_at_random_score(seed, bidder)
            made = held.auction.calls
            for seat, call in enumerate(made):
                calls.append((Situation(made[:seat], marks[seat % 2], marks[1 - seat % 2]), call, deal[seat]))
        for tau in TAUS if asked.by != "calls" else (None,):
            cells = []
            for mix in MIXES:
                by = (
                    by_model(mix)
                    if tau is None
                    else AuctionEvidence(tau, mix=mix, values=values).log_likelihood
                )
                found = nats(calls, by, hands)
                mean, whole = mean_interval(found.ravel()), mean_interval(found.sum(axis=1))
                cells.append(
                    f"mix {mix}: {mean.mean:+.3f} ± {mean.high - mean.mean:.3f} per call, "
                    f"{whole.mean:+.2f} ± {whole.high - whole.mean:.2f} per deal"
                )
            by_tau = "" if tau is None else f", tau {tau}"
            print(f"{name}, {len(calls)} calls{by_tau}: {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
