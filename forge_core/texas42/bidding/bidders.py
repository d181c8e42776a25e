"""Bidders, and auctions between four of them.

A Bidder estimates how often each declaration of a hand makes each bid. `advice` then derives the call
from this estimate, the calls so far and the score in marks, in the same way for all of them. A Caller
decides by itself what to call, and declares once the auction is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.auction import PASS, Auction, Contract, Score
from forge_core.texas42.bidding.advice import Best, Situation, Stakes, choose, stakes_of
from forge_core.texas42.bidding.playouts import Playout
from forge_core.texas42.bidding.table import Floats, bid_index, check_extent, play_out
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
class CallsSoFar:
    """The calls of an auction as known to one of its callers, and the score."""

    calls: tuple[int, ...]
    """zero to four calls, from the dealer's left"""
    place: int
    """the caller's place in the order of calling, 0..3; 3 is the dealer"""
    own_marks: int = 0
    opponent_marks: int = 0
    forced: bool = False
    """see Situation"""

    @classmethod
    def of(cls, situation: Situation) -> CallsSoFar:
        """Return the knowledge of the bidder whose turn it is to call."""
        marks = situation.own_marks, situation.opponent_marks
        return cls(situation.calls, situation.place, *marks, situation.forced)

    def situation_of(self, place: int) -> Situation:
        """Return the situation in which the caller at a place called."""
        own, other = self.own_marks, self.opponent_marks
        marks = (own, other) if (place - self.place) % 2 == 0 else (other, own)
        return Situation(self.calls[:place], *marks, self.forced)


@runtime_checkable
class Caller(Protocol):
    """A bidder that decides by itself what to call, and declares after the auction."""

    @property
    def name(self) -> str:
        """The name, a single word."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return everything its calls depend on; see Bidder."""
        ...

    def call(self, hand: Sequence[int], situation: Situation) -> Best:
        """Return a legal call, and the declaration that goes with it."""
        ...

    def declare(self, hand: Sequence[int], known: CallsSoFar) -> Best:
        """Return the winning bid, which is its own, the declaration, and the chance to make the bid."""
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

    def __post_init__(self) -> None:
        check_extent(self.samples)

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
    p_make: float | None = None
    """the chance to make the bid as the bidder estimates it; None if all passed"""

    @property
    def contract(self) -> Contract | None:
        """The highest bid and its bidder; None if all passed, which leads to a new deal."""
        return self.auction.contract


def call(bidder: Bidder | Caller, hand: Sequence[int], situation: Situation) -> Best:
    """Return the bidder's call with a hand, and the declaration that goes with it."""
    if isinstance(bidder, Caller):
        return bidder.call(hand, situation)
    p_make = bidder.p_make(hand)
    chosen, decl = (int(one) for one in choose(p_make, stakes(situation)))
    if chosen == PASS:
        return Best(PASS, None)
    return Best(chosen, decl, float(p_make[decl, bid_index(chosen)]))


def hold_auction(
    hands: Hands,
    bidders: Sequence[Bidder | Caller],
    dealer: int,
    score: Score | None = None,
    forced: bool = False,
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
    if (contract := auction.contract) and isinstance(bidder := bidders[contract.bidder], Caller):
        place, side = auction.calls.index(contract.bid), contract.team
        known = CallsSoFar(auction.calls, place, marks[side], marks[1 - side], forced)
        best = bidder.declare(hands[contract.bidder], known)
    return HeldAuction(auction, best.decl, best.p_make)


def rule_features(hands: npt.NDArray[np.int8]) -> Floats:
    """Return the features of RuleBidder, [N, 10, 4]: 1, trumps, sure winners, trumps x sure winners."""
    trumps, unbeaten = count_sure(hands)
    return np.stack([np.ones_like(trumps), trumps, unbeaten, trumps * unbeaten], axis=-1).astype(np.float64)


@cache
def stakes(situation: Situation) -> Stakes:
    """Return the stakes of a situation, computed once."""
    return stakes_of(situation)
