"""Bidders, and the auction that four of them hold.

A bidder estimates how often each declaration of a hand makes each bid. The call follows from that
estimate, the calls so far and the score in marks by the rules of `advice`, alike for all bidders.
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
from forge_core.texas42.declarations import N_DECLARATIONS, has_trump_power
from forge_core.texas42.dominoes import N_SEATS
from forge_core.texas42.tables import BEATEN_BY, CALLED, LED_SUIT

RULE_VERSION = "r1"
"""Raised when the calls of the rule change, through its counts or through `advice`."""
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
"""[13, 4] by bid of BIDS: weights of the logistic curve over `rule_features`, fitted to 1,000 hands, each
declaration played out in 200 deals by four heuristic players
(`python benchmarks/bidding_field.py 1000 200`)."""

DEFAULT_SAMPLES = 50

Numbers = npt.NDArray[np.int64]


class Bidder(Protocol):
    """Estimates P(make) of a hand by itself."""

    @property
    def name(self) -> str:
        """The name, one word."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return everything that its calls depend on, in JSON types: equal for bidders that call alike."""
        ...

    def p_make(self, hand: Sequence[int]) -> Floats:
        """Return [10, 13] the estimated share of deals in which each bid of BIDS is made, by declaration."""
        ...


@dataclass(frozen=True, slots=True)
class RuleBidder:
    """Estimates P(make) from the numbers of trumps and sure winners. It plays nothing out."""

    @property
    def name(self) -> str:
        """`rule`."""
        return "rule"

    def describe(self) -> dict[str, Any]:
        """See Bidder."""
        return {"bidder": "rule", "version": RULE_VERSION}

    def p_make(self, hand: Sequence[int]) -> Floats:
        """See Bidder."""
        features = rule_features(np.array([hand], dtype=np.int8))[0]
        share = 1 / (1 + np.exp(-features @ np.array(RULE_WEIGHTS).T))
        return np.minimum.accumulate(share, axis=1)  # no bid is made more often than a lower one


@dataclass(frozen=True, slots=True, eq=False)
class PlayoutBidder:
    """Plays every declaration out in a few deals of the unseen dominoes."""

    playout: Playout
    samples: int = DEFAULT_SAMPLES
    """deals per declaration"""
    seed: int = 0

    @property
    def name(self) -> str:
        """The name of the playout."""
        return self.playout.name

    def describe(self) -> dict[str, Any]:
        """See Bidder."""
        made_by = {"playout": self.playout.name, "version": self.playout.version}
        return {"bidder": "playouts", **made_by, "samples": self.samples, "seed": self.seed}

    def p_make(self, hand: Sequence[int]) -> Floats:
        """See Bidder."""
        return play_out(hand, self.playout, self.samples, self.seed).p_make


@dataclass(frozen=True, slots=True)
class HeldAuction:
    """The result of an auction."""

    auction: Auction
    decl: int | None
    """declaration of the bidder; None if all passed"""

    @property
    def contract(self) -> Contract | None:
        """The highest bid with its bidder; None if all passed, which means a new deal."""
        return self.auction.contract


def call(bidder: Bidder, hand: Sequence[int], situation: Situation) -> Best:
    """Return the call of a hand and the declaration that goes with it."""
    chosen, decl = (int(one) for one in choose(bidder.p_make(hand), _stakes(situation)))
    return Best(chosen, None if chosen == PASS else decl)


def hold_auction(
    hands: Hands, bidders: Sequence[Bidder], dealer: int, score: Score | None = None, forced: bool = False
) -> HeldAuction:
    """Let four bidders, one per seat, call in turn from the dealer's left.

    Each knows its own hand, the earlier calls and the score (default: 0 to 0). forced: see Auction.
    Raises BadInput for an invalid deal or dealer, other than four bidders, or a finished game.
    """
    check_deal(hands)
    if len(bidders) != N_SEATS:
        raise BadInput(f"{len(bidders)} bidders: give one for each of {N_SEATS} seats")
    marks = (score or Score()).marks
    auction, best = Auction(dealer, forced=forced), Best(PASS, None)
    while not auction.over:
        seat = auction.turn
        own_marks, opponent_marks = marks[seat % 2], marks[1 - seat % 2]
        called = call(bidders[seat], hands[seat], Situation(auction.calls, own_marks, opponent_marks, forced))
        auction = auction.call(seat, called.call)
        best = called if called.call != PASS else best
    return HeldAuction(auction, best.decl)


def count_sure(hands: npt.NDArray[np.int8]) -> tuple[Numbers, Numbers]:
    """Count the trumps of N hands [N, 7], and their dominoes that nothing outside the hand beats when led.

    Returns two arrays [N, 10], by declaration.
    """
    ids = hands.astype(np.int64)
    elsewhere = ~(np.int64(1) << ids).sum(axis=1, keepdims=True)
    trumps, unbeaten = np.empty((2, len(ids), N_DECLARATIONS), dtype=np.int64)
    for decl in range(N_DECLARATIONS):
        trumps[:, decl] = (CALLED[decl, ids] & has_trump_power(decl)).sum(axis=1)
        unbeaten[:, decl] = ((BEATEN_BY[decl, LED_SUIT[decl, ids], ids] & elsewhere) == 0).sum(axis=1)
    return trumps, unbeaten


def suits(hands: npt.NDArray[np.int8]) -> Numbers:
    """Choose a declaration for each of N hands [N, 7] by a plain rule: [N].

    The rule maximises the number of trumps held plus the number of dominoes held that nothing
    outside the hand beats when led; the lowest declaration among equals.
    """
    trumps, unbeaten = count_sure(hands)
    return (trumps + unbeaten).argmax(axis=1)


def rule_features(hands: npt.NDArray[np.int8]) -> Floats:
    """Return the features of the rule [N, 10, 4]: one, trumps, unbeaten, trumps times unbeaten."""
    trumps, unbeaten = count_sure(hands)
    return np.stack([np.ones_like(trumps), trumps, unbeaten, trumps * unbeaten], axis=-1).astype(np.float64)


_stakes = cache(stakes_of)
