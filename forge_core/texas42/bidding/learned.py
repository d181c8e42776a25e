"""A bidder that values every call and declaration by a network, without playouts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np

from forge_core.texas42.auction import NO_CALL, PASS, marks_of
from forge_core.texas42.bidding.advice import GRAIN, Best, Situation
from forge_core.texas42.bidding.bidders import CallsSoFar
from forge_core.texas42.bidding.chances import chances_after
from forge_core.texas42.bidding.features import (
    BID_FEATURES_VERSION,
    NO_DECLARATION,
    Decisions,
    Floats,
    Numbers,
    Options,
)
from forge_core.texas42.bidding.network import BID_MODEL, BidWeights, load_weights
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import N_SEATS

LEARNED_VERSION = "v1"
"""Raised when LearnedBidder makes other calls or declarations with the same weights."""


@dataclass(frozen=True, slots=True, eq=False)
class LearnedBidder:
    """A bidder that calls and declares what a bid-value network finds worth most."""

    weights: BidWeights = field(default_factory=lambda: load_weights(BID_MODEL))

    @property
    def name(self) -> str:
        """The name: `learned`."""
        return "learned"

    def describe(self) -> dict[str, Any]:
        """Return everything its calls depend on; see Bidder."""
        digest = hashlib.blake2b(digest_size=8)
        for array in astuple(self.weights):
            digest.update(array.tobytes())
        return {
            "bidder": "learned",
            "version": LEARNED_VERSION,
            "features": BID_FEATURES_VERSION,
            "bid_weights": digest.hexdigest(),
        }

    def call(self, hand: Sequence[int], situation: Situation) -> Best:
        """Return the call with the greatest worth, and its declaration. Ties go to the first legal call."""
        calls, worth, decls = self.worth(hand, situation)
        best = int(np.round(worth / GRAIN).argmax())
        return Best(int(calls[best]), None if calls[best] == PASS else int(decls[best]))

    def worth(self, hand: Sequence[int], situation: Situation) -> tuple[Numbers, Floats, Numbers]:
        """Return C calls, ascending, the chance to win the game with each [C], and its declaration [C].

        The declaration of a pass has no meaning.
        """
        calls = np.array(situation.auction.legal)
        worth = self._by_declaration(hand, CallsSoFar.of(situation), calls)
        best = worth.argmax(axis=0)
        return calls, worth[best, np.arange(len(calls))], best

    def declare(self, hand: Sequence[int], known: CallsSoFar) -> Best:
        """Return the declaration that makes the winning bid most often, after all four calls."""
        bid = max(known.calls)
        worth = self._by_declaration(hand, known, np.array([bid]))[:, 0]
        best = int(worth.argmax())
        if_made, if_set = chances_after(known.own_marks, known.opponent_marks, marks_of(bid))
        return Best(bid, best, float(np.clip((worth[best] - if_set) / (if_made - if_set), 0, 1)))

    def _by_declaration(self, hand: Sequence[int], known: CallsSoFar, calls: Numbers) -> Floats:
        """Return [10, C]: the chance to win the game with C calls under each declaration."""
        so_far = np.full((1, N_SEATS), NO_CALL)
        so_far[0, : len(known.calls)] = known.calls
        decisions = Decisions(
            np.array([hand], np.int8),
            so_far,
            np.array([known.place]),
            np.array([[known.own_marks, known.opponent_marks]]),
            np.array([known.forced]),
        )
        bids = np.tile(calls, N_DECLARATIONS)
        decls = np.repeat(np.arange(N_DECLARATIONS), len(calls))
        rows = np.zeros(len(bids), dtype=np.int64)
        options = Options(rows, bids, np.where(bids == PASS, NO_DECLARATION, decls))
        return self.weights.worth(decisions, options).reshape(N_DECLARATIONS, len(calls))
