"""Evidence from the auction: worlds that fit the calls so far, by the fitted likelihood of calls.

`eq.called` has the likelihood; players weigh worlds by it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.texas42.auction import NO_CALL
from forge_core.texas42.bidding.bidders import CallsSoFar
from forge_core.texas42.bidding.table import Floats
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.eq.called import (
    CALLED_VERSION,
    NO_SEAT,
    Auctions,
    log_likelihood_of_auctions,
)
from forge_core.texas42.settings.games import CALLED_MIX
from forge_core.texas42.tables import Bytes


@dataclass(frozen=True, slots=True)
class AuctionEvidence:
    """The likelihood of the others' calls: of their kinds, by the hands that they have in a world."""

    mix: float = CALLED_MIX
    """share of calls that are assumed to be random; 1 ignores the auction"""

    def __post_init__(self) -> None:
        if not 0 < self.mix <= 1:
            raise BadInput(f"mix {self.mix:g}: use a share above 0 and at most 1")

    def describe(self) -> dict[str, Any]:
        """Return everything the likelihood depends on, as JSON types."""
        return {"mix": self.mix, "version": CALLED_VERSION}

    def log_weights(self, worlds: Bytes, known: CallsSoFar) -> Floats:
        """Return [D]: the log likelihood of the others' calls in worlds [D, 4, 7] of the caller at seat 0.

        Seat r calls r places after the caller, modulo four.
        """
        game = np.zeros(len(worlds), dtype=np.int64)
        return log_likelihood_of_auctions(_seen_by_caller(known), worlds, game, self.mix)

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


def _seen_by_caller(known: CallsSoFar) -> Auctions:
    """Return the auction as a caller knows it, who has seat 0."""
    calls = np.full((1, N_SEATS), NO_CALL)
    calls[0, : len(known.calls)] = known.calls
    callers = (np.arange(N_SEATS)[None] - known.place) % N_SEATS
    forced, no_seat = np.array([known.forced]), np.array([NO_SEAT])
    marks = np.array([[known.own_marks, known.opponent_marks]])
    return Auctions(np.array([0]), callers, calls, forced, no_seat, np.array([0]), marks)
