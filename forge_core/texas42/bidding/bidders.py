"""Bidders, and auctions between four of them.

A bidder estimates how often each declaration of a hand makes each bid. `advice` then derives the call
from this estimate, the calls so far and the score in marks, in the same way for all bidders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.auction import PASS, Auction, Contract, Score
from forge_core.texas42.bidding.advice import Best, Situation, choose, stakes_of
from forge_core.texas42.bidding.playouts import Playout
from forge_core.texas42.bidding.table import Floats, play_out
from forge_core.texas42.deals import Hands, check_deal
from forge_core.texas42.declaring import count_sure
from forge_core.texas42.dominoes import N_SEATS

RULE_VERSION = "r1"
"""Increased when the calls of RuleBidder change, through its features or through `advice`."""
RULE_WEIGHTS = (
    (-1.957, 0.437, 0.565, -0.065),
    (-2.17, 0.41, 0.557, -0.052),
    (-2.268, 0.383, 0.515, -0.053),
    (-2.287, 0.388, 0.522, -0.054),
    (-2.409, 0.411, 0.559, -0.059),
    (-2.675, 0.443, 0.618, -0.062),
    (-3.018, 0.448, 0.66, -0.053),
    (-3.256, 0.445, 0.662, -0.053),
    (-3.258, 0.445, 0.663, -0.053),
    (-3.288, 0.452, 0.673, -0.054),
    (-3.438, 0.474, 0.719, -0.058),
    (-3.802, 0.491, 0.811, -0.051),
    (-4.503, 0.462, 0.961, -0.026),
)
"""[13, 4] for each bid of BIDS, the weights of a logistic model on `rule_features`, fitted to 1,000 hands;
each declaration was played out in 200 deals by four heuristic players
(`python benchmarks/bidding_field.py 1000 200`)."""

DEFAULT_SAMPLES = 50


class Bidder(Protocol):
    """A bidder: estimates P(make) from a hand alone."""

    @property
    def name(self) -> str:
        """The name, a single word."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return everything its calls depend on, as JSON types; equal for bidders that call alike."""
        ...

    def p_make(self, hand: Sequence[int]) -> Floats:
        """Return [10, 13]: the estimated P(make) of each bid of BIDS under each declaration."""
        ...


@dataclass(frozen=True, slots=True)
class RuleBidder:
    """A bidder that estimates P(make) from the numbers of trumps and sure winners, without playouts."""

    @property
    def name(self) -> str:
        """The name: `rule`."""
        return "rule"

    def describe(self) -> dict[str, Any]:
        """Return everything its calls depend on; see Bidder."""
        return {"bidder": "rule", "version": RULE_VERSION}

    def p_make(self, hand: Sequence[int]) -> Floats:
        """Return [10, 13]: the estimated P(make) of each bid of BIDS under each declaration."""
        features = rule_features(np.array([hand], dtype=np.int8))[0]
        share = 1 / (1 + np.exp(-features @ np.array(RULE_WEIGHTS).T))
        return np.minimum.accumulate(share, axis=1)  # a higher bid is never made more often than a lower one


@dataclass(frozen=True, slots=True, eq=False)
class PlayoutBidder:
    """A bidder that plays out every declaration in a few deals of the unseen dominoes."""

    playout: Playout
    samples: int = DEFAULT_SAMPLES
    """deals per declaration"""
    seed: int = 0

    @property
    def name(self) -> str:
        """The name of the playout."""
        return self.playout.name

    def describe(self) -> dict[str, Any]:
        """Return everything its calls depend on; see Bidder."""
        made_by = {"playout": self.playout.name, "version": self.playout.version}
        return {"bidder": "playouts", **made_by, "samples": self.samples, "seed": self.seed}

    def p_make(self, hand: Sequence[int]) -> Floats:
        """Return [10, 13]: the estimated P(make) of each bid of BIDS under each declaration."""
        return play_out(hand, self.playout, self.samples, self.seed).p_make


@dataclass(frozen=True, slots=True)
class HeldAuction:
    """The result of an auction."""

    auction: Auction
    decl: int | None
    """the bidder's declaration; None if all passed"""

    @property
    def contract(self) -> Contract | None:
        """The highest bid and its bidder; None if all passed, which leads to a new deal."""
        return self.auction.contract


def call(bidder: Bidder, hand: Sequence[int], situation: Situation) -> Best:
    """Return the bidder's call with a hand, and the declaration that goes with it."""
    chosen, decl = (int(one) for one in choose(bidder.p_make(hand), _stakes(situation)))
    return Best(chosen, None if chosen == PASS else decl)


def hold_auction(
    hands: Hands, bidders: Sequence[Bidder], dealer: int, score: Score | None = None, forced: bool = False
) -> HeldAuction:
    """Hold an auction: four bidders, one per seat, call in turn from the dealer's left.

    Each bidder knows its own hand, the earlier calls and the score (default: 0 to 0). forced: see
    Auction. Raises BadInput for an invalid deal or dealer, a number of bidders other than four, or a
    finished game.
    """
    check_deal(hands)
    if len(bidders) != N_SEATS:
        raise BadInput(f"{len(bidders)} bidders: pass one for each of the {N_SEATS} seats")
    marks = (score or Score()).marks
    auction, best = Auction(dealer, forced=forced), Best(PASS, None)
    while not auction.over:
        seat = auction.turn
        own_marks, opponent_marks = marks[seat % 2], marks[1 - seat % 2]
        called = call(bidders[seat], hands[seat], Situation(auction.calls, own_marks, opponent_marks, forced))
        auction = auction.call(seat, called.call)
        best = called if called.call != PASS else best
    return HeldAuction(auction, best.decl)


def rule_features(hands: npt.NDArray[np.int8]) -> Floats:
    """Return the features of RuleBidder, [N, 10, 4]: 1, trumps, sure winners, trumps x sure winners."""
    trumps, unbeaten = count_sure(hands)
    return np.stack([np.ones_like(trumps), trumps, unbeaten, trumps * unbeaten], axis=-1).astype(np.float64)


_stakes = cache(stakes_of)
