"""Nats that the calls of an auction say about hidden hands, by the fitted likelihood (`eq/called.py`).

    python benchmarks/auction_evidence.py rule rollout:worlds=100 learned --deals 300

Auctions on deals of the val split at random scores, by four bidders of each kind. For every call: the log
likelihood of the true hand less the log of the mean likelihood over `--hands` hands drawn at random. The
nats of a deal are the sum of those of its four calls. Players do not know the score in marks, bidders do.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from forge_core.arena.settings import held_out_seeds
from forge_core.stats import mean_interval
from forge_core.streams import stream
from forge_core.texas42.arena.duplicate import auction_at_random_score
from forge_core.texas42.bidding.advice import Situation
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.eq.called import log_likelihood_of_call

MIXES = (0.02, 0.1, 0.3)


def nats(
    calls: list[tuple[Situation, int, list[int]]],
    mix: float,
    is_score_known: bool,
    hands: npt.NDArray[np.int8],
) -> npt.NDArray[np.float64]:
    """Return [D, 4]: the nats of the calls (situation, call, hand) of D deals."""
    found = []
    for situation, call, hand in calls:
        marks = (situation.own_marks, situation.opponent_marks) if is_score_known else None
        both = np.array([hand, *hands], dtype=np.int8)
        log_p = log_likelihood_of_call(both, situation.calls, call, mix, marks)
        found.append(float(log_p[0] - np.log(np.exp(log_p[1:]).mean())))
    return np.array(found).reshape(-1, N_SEATS)


def main() -> None:
    """Print nats per call for each kind of bidder and mix."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bidders", nargs="*", default=["rule", "rollout:worlds=100", "learned"])
    parser.add_argument("--deals", type=int, default=100)
    parser.add_argument("--hands", type=int, default=300)
    asked = parser.parse_args()
    draws = stream(0, "evidence")
    hands = np.stack([draws.permutation(N_DOMINOES)[:HAND_SIZE] for _ in range(asked.hands)]).astype(np.int8)
    for name in asked.bidders:
        bidder, calls = parse_bidder(name), []
        for seed in held_out_seeds(asked.deals):
            deal, held, marks = auction_at_random_score(seed, bidder)
            made = held.auction.calls
            for seat, call in enumerate(made):
                calls.append((Situation(made[:seat], marks[seat % 2], marks[1 - seat % 2]), call, deal[seat]))
        for is_score_known in (True, False):
            cells = []
            for mix in MIXES:
                found = nats(calls, mix, is_score_known, hands)
                mean, whole = mean_interval(found.ravel()), mean_interval(found.sum(axis=1))
                cells.append(
                    f"mix {mix}: {mean.mean:+.3f} ± {mean.high - mean.mean:.3f} per call, "
                    f"{whole.mean:+.2f} ± {whole.high - whole.mean:.2f} per deal"
                )
            score = "score known" if is_score_known else "score unknown"
            print(f"{name}, {len(calls)} calls, {score}: {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
