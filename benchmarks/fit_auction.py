"""Fit the likelihood of auctions, `eq/called.py`, to those of several kinds of bidders.

    python benchmarks/fit_auction.py

Auctions on deals of the train split at random scores, each by four bidders of one kind. Prints the
numbers of AUCTION_MODEL. `benchmarks/auction_evidence.py` measures it on held-out deals.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import count, islice

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from forge_core.splits import Split, split_of
from forge_core.texas42.arena.duplicate import auction_at_random_score
from forge_core.texas42.auction import PASS
from forge_core.texas42.bidding.bidders import HeldAuction
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.deals import Hands
from forge_core.texas42.declarations import DOUBLES_TRUMP, N_DECLARATIONS
from forge_core.texas42.declaring import count_sure
from forge_core.texas42.eq.called import (
    N_FEATURES,
    N_KINDS,
    N_SCORES,
    N_SITUATIONS,
    hand_features,
    kind_of,
    legal_kinds,
    score_of,
    situation_of,
)

FIRST_SEED = 910_000_000
"""auctions are held on deals from this seed on, which no other data of the project uses"""
STEPS, BATCH, LEARNING_RATE, DECAY = 1_500, 4_096, 0.02, 1e-4
UNKNOWN = 0.25
"""share of decisions whose score is withheld, as it is from players"""


Held = tuple[Hands, HeldAuction, tuple[int, int]]
"""the hands, the auction, and the marks of both teams"""


def train_seeds(n: int) -> list[int]:
    """Return the first n seeds of the train split from FIRST_SEED on."""
    return list(islice((seed for seed in count(FIRST_SEED) if split_of(seed) == Split.TRAIN), n))


def hold(bidders: Sequence[str], deals: Sequence[int]) -> list[Held]:
    """Hold so many auctions by each kind of bidder."""
    held = []
    for name, n in zip(bidders, deals, strict=True):
        bidder = parse_bidder(name)
        held += [auction_at_random_score(seed, bidder) for seed in train_seeds(n)]
    return held


def fit_calls(held: Sequence[Held]) -> dict[str, npt.NDArray[np.float64]]:
    """Return the `bias`, `by_score`, `spread` and `weights` that make the calls likeliest.

    In UNKNOWN of the batch the score is not told.
    """
    torch.manual_seed(0)
    made = [
        (hands[seat], one.auction.calls[:seat], call, score_of((marks[seat % 2], marks[1 - seat % 2])))
        for hands, one, marks in held
        for seat, call in enumerate(one.auction.calls)
    ]
    features = hand_features(np.array([hand for hand, *_ in made], dtype=np.int8)).astype(np.float64)
    scale, centre = features.std(axis=0), features.mean(axis=0)
    inputs = torch.from_numpy((features - centre) / scale)
    where = torch.tensor([situation_of(earlier) for _, earlier, *_ in made])
    chosen = torch.tensor([kind_of(call) for _, _, call, _ in made])
    legal = torch.from_numpy(np.array([legal_kinds(max(earlier, default=PASS)) for _, earlier, *_ in made]))
    scores = torch.tensor([score for *_, score in made])
    by_score = torch.zeros(N_SCORES, N_KINDS, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(N_SITUATIONS, N_KINDS, dtype=torch.float64, requires_grad=True)
    spread = torch.ones(N_SITUATIONS, dtype=torch.float64, requires_grad=True)
    weights = torch.zeros(N_KINDS, N_FEATURES, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([bias, by_score, spread, weights], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        batch = torch.randint(len(made), (BATCH,))
        score = torch.where(torch.rand(BATCH) < UNKNOWN, N_SCORES - 1, scores[batch])
        logits = (
            bias[where[batch]] + by_score[score] + spread[where[batch], None] * (inputs[batch] @ weights.T)
        )
        loss = cross_entropy(logits.masked_fill(~legal[batch], -torch.inf), chosen[batch])
        loss = loss + DECAY * (bias.square().sum() + by_score.square().sum() + weights.square().sum())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    of_bias, of_score, of_spread, of_weights = (
        one.detach().numpy() for one in (bias, by_score, spread, weights)
    )
    # The same for features as they are counted, and with logit 0 for a pass.
    raw = of_weights / scale
    of_bias = of_bias - of_spread[:, None] * (raw @ centre)
    return {
        "bias": of_bias - of_bias[:, :1],
        "by_score": of_score - of_score[:, :1],
        "spread": of_spread,
        "weights": raw - raw[:1],
    }


def fit_declarations(held: Sequence[Held]) -> dict[str, npt.NDArray[np.float64]]:
    """Return `of_trump`, `of_sure` and `shift`, which make the declarations likeliest."""
    made = [(hands[one.contract.bidder], one.decl) for hands, one, _ in held if one.contract]
    trumps, sure = count_sure(np.array([hand for hand, _ in made], dtype=np.int8))
    others = np.eye(N_DECLARATIONS)[:, DOUBLES_TRUMP:]  # each has a shift of its own; pips have none
    columns = [trumps[..., None], sure[..., None], np.broadcast_to(others, (len(made), *others.shape))]
    inputs = torch.from_numpy(np.concatenate(columns, axis=2).astype(np.float64))
    chosen = torch.tensor([decl for _, decl in made])
    numbers = torch.zeros(inputs.shape[2], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([numbers], max_iter=100)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        found = cross_entropy(inputs @ numbers, chosen)
        found.backward()
        return found

    optimizer.step(loss)
    of_trump, of_sure, *shifts = numbers.detach().numpy()
    return {
        "of_trump": of_trump,
        "of_sure": of_sure,
        "shift": np.concatenate([np.zeros(DOUBLES_TRUMP), shifts]),
    }


def main() -> None:
    """Hold the auctions, fit the model, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bidders", nargs="+", default=["learned", "rule", "rollout:worlds=100"])
    parser.add_argument("--deals", nargs="+", type=int, default=[6_000, 2_000, 1_500], help="of each bidder")
    asked = parser.parse_args()
    torch.set_num_threads(1)  # the batches are small
    held = hold(asked.bidders, asked.deals)
    for name, numbers in (fit_calls(held) | fit_declarations(held)).items():
        print(f"{name}={np.round(numbers, 2).tolist()},")


if __name__ == "__main__":
    main()
