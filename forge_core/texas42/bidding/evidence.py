"""Evidence from the auction: worlds that fit the calls so far, if the others bid like a fixed bidder.

The fixed bidder is `RuleBidder`, whose estimate costs no playouts, unless another one is given. Its choice is
softened: the greater the chance to win the game that it sees in a call, the likelier the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from forge_core.errors import BadInput
from forge_core.texas42.auction import PASS
from forge_core.texas42.bidding.advice import GRAIN, Situation, weigh
from forge_core.texas42.bidding.bidders import RULE_VERSION, CallsSoFar, stakes
from forge_core.texas42.bidding.calls import RULE_TABLE
from forge_core.texas42.bidding.table import Floats
from forge_core.texas42.declaring import count_sure
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.settings.bidding import AUCTION_MIX, AUCTION_TAU, PARTNER_TAU
from forge_core.texas42.tables import Bytes

EVIDENCE_VERSION = "a1"
"""Increased when the likelihood of a call changes."""
_PARTNER = 2
"""the partner's seat, counted from the caller"""


class CallValues(Protocol):
    """A bidder that values every call of many hands at once."""

    def describe(self) -> dict[str, Any]:
        """Return everything its values depend on; see `bidders.Bidder`."""
        ...

    def worth_of_calls(self, hands: Bytes, situation: Situation) -> tuple[tuple[int, ...], Floats]:
        """Return the O legal calls, and [D, O] the chance to win the game with each, for hands [D, 7]."""
        ...


@dataclass(frozen=True, slots=True)
class AuctionEvidence:
    """The likelihood of calls: (1 - mix) x softmax of chance / tau, plus mix / number of legal calls."""

    tau: float = AUCTION_TAU
    """difference in the chance to win the game that makes an opponent's call e times less likely"""
    partner_tau: float = PARTNER_TAU
    """the same for the partner, who bids by rollouts, less like RuleBidder than an opponent may"""
    mix: float = AUCTION_MIX
    """share of calls that are assumed to be random; 1 ignores the auction"""
    values: CallValues | None = None
    """the fixed bidder; None for RuleBidder"""

    def __post_init__(self) -> None:
        for name, tau in (("tau", self.tau), ("partner_tau", self.partner_tau)):
            if not tau > 0:
                raise BadInput(f"{name} {tau:g}: use a difference in chance above 0, such as {AUCTION_TAU:g}")
        if not 0 < self.mix <= 1:
            raise BadInput(f"mix {self.mix:g}: use a share above 0 and at most 1")

    def describe(self) -> dict[str, Any]:
        """Return everything the likelihood depends on, as JSON types."""
        return {
            "tau": self.tau,
            "partner_tau": self.partner_tau,
            "mix": self.mix,
            "version": EVIDENCE_VERSION,
            "bidder": self.values.describe() if self.values else RULE_VERSION,
        }

    def log_likelihood(
        self, hands: Bytes, situation: Situation, call: int, by_partner: bool = False
    ) -> Floats:
        """Return [D]: the log probability of a legal call in a situation, with each of the hands [D, 7]."""
        tau = self.partner_tau if by_partner else self.tau
        value = self.values.worth_of_calls if self.values else worth_of_calls
        options, worth = value(hands, situation)
        odds = np.exp((worth - worth.max(axis=1, keepdims=True)) / tau)
        share = odds[:, options.index(call)] / odds.sum(axis=1)
        return np.log((1 - self.mix) * share + self.mix / len(options))

    def log_weights(self, worlds: Bytes, known: CallsSoFar) -> Floats:
        """Return [D]: the log likelihood of the others' calls in worlds [D, 4, 7] of the caller at seat 0.

        Seat r calls r places after the caller, modulo four.
        """
        total = np.zeros(len(worlds))
        for place, call in enumerate(known.calls):
            seat = (place - known.place) % N_SEATS
            if seat and self.mix < 1:
                situation, by_partner = known.situation_of(place), seat == _PARTNER
                total += self.log_likelihood(worlds[:, seat], situation, call, by_partner)
        return total

    def draw(
        self, hand: Sequence[int], known: CallsSoFar, n: int, candidates: int, draws: np.random.Generator
    ) -> Bytes:
        """Draw n worlds [n, 4, 7] that fit the calls; seat 0 holds the hand.

        n x candidates worlds are dealt uniformly, and n of them are kept by systematic resampling with
        their likelihoods as weights, so that a world can be kept more than once.
        """
        narrows = self.mix < 1 and any(place != known.place for place in range(len(known.calls)))
        worlds = deal_worlds(hand, n * candidates if narrows else n, draws)
        if not narrows:
            return worlds
        log_weights = self.log_weights(worlds, known)
        ends = np.cumsum(np.exp(log_weights - log_weights.max()))
        picks = (np.arange(n) + draws.random()) / n * ends[-1]
        return worlds[np.searchsorted(ends, picks, side="right").clip(max=len(worlds) - 1)]


def deal_worlds(hand: Sequence[int], n: int, draws: np.random.Generator) -> Bytes:
    """Deal n worlds [n, 4, 7] uniformly, ascending within each hand; seat 0 holds the hand."""
    rest = np.setdiff1d(np.arange(N_DOMINOES, dtype=np.int8), np.array(hand, dtype=np.int8))
    worlds = np.empty((n, N_SEATS, HAND_SIZE), dtype=np.int8)
    worlds[:, 0] = np.sort(hand)
    dealt = draws.permuted(np.broadcast_to(rest, (n, len(rest))), axis=1)
    worlds[:, 1:] = np.sort(dealt.reshape(n, N_SEATS - 1, HAND_SIZE), axis=2)
    return worlds


def worth_of_calls(hands: Bytes, situation: Situation) -> tuple[tuple[int, ...], Floats]:
    """Return the O legal calls, and [D, O] the chance to win the game with each, as RuleBidder sees it.

    A bid that is worth less than a pass if it stands counts as if it stood: RuleBidder never bluffs.
    """
    at_stake = stakes(situation)
    trumps, sure = count_sure(hands)
    # The worth of a bid grows with P(make): its best declaration is the one with the greatest P(make).
    best = RULE_TABLE[trumps, sure].max(axis=1)  # [D, 13]
    if_it_stands, worth = weigh(best, at_stake)
    sound = if_it_stands > at_stake.worth_of_pass + GRAIN
    bids = np.where(sound, worth, if_it_stands)
    if PASS not in situation.auction.legal:
        return at_stake.bids, bids
    passes = np.full((len(hands), 1), at_stake.worth_of_pass)
    return (PASS, *at_stake.bids), np.concatenate([passes, bids], axis=1)
