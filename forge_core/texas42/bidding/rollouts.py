"""A bidder by rollouts: each call it could make is followed to the end of the hand, in many worlds.

In every world that fits the auction so far, each possible call is made, the seats that follow call as the
fitted model of calls does (`eq.called`), and the contract is played out by a fast policy that sees one hand.
The worth of a call is the mean chance to win the game at the score that this leads to. Nothing is assumed
about the strength of other hands: worlds hold them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.draws import mix, uniform
from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.streams import stream
from forge_core.texas42.auction import MARK, MARKS_TO_WIN, PASS, points_needed
from forge_core.texas42.bidding.advice import GRAIN, Best, Situation
from forge_core.texas42.bidding.bidders import CallsSoFar
from forge_core.texas42.bidding.chances import MEASURED_CHANCES
from forge_core.texas42.bidding.evidence import AuctionEvidence
from forge_core.texas42.bidding.table import BIDS, Floats, bid_index
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.eq.called import (
    AUCTION_MODEL,
    HAND_TABLES,
    KINDS,
    N_FEATURES,
    N_KINDS,
    N_PIPS,
    draw_by_odds,
    fill_hand_features,
    fill_odds_of_declarations,
    fill_odds_of_kinds,
    lowest_call,
)
from forge_core.texas42.one_hand.choose import Policy, open_policy
from forge_core.texas42.one_hand.playouts import PLAYOUT_VERSION, deal_points
from forge_core.texas42.settings.bidding import AUCTION_CANDIDATES, AUCTION_WORLDS, SHORTLIST
from forge_core.texas42.tables import Bytes

ROLLOUT_VERSION = "w3"
"""Increased when RolloutBidder calls or declares otherwise."""
NOBODY = -1
"""the seat that holds the contract if all passed"""
BLOCK = 100
"""worlds between two looks at the lead of a call; fewer would stop by chance"""
_MOST_DRAWN = 2_000_000
"""upper limit of worlds drawn per call: at the declaration they are drawn at once, 28 bytes each"""
LEAD, NEGLIGIBLE = 3.0, 0.002
"""in standard errors, and in chance to win the game; see `is_settled`"""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RolloutBidder:
    """A bidder that calls what wins most games in rollouts, and declares what makes its bid most often."""

    policy: Policy = field(default_factory=lambda: open_policy("network"))
    """the policy of all seats in playouts"""
    evidence: AuctionEvidence = field(default_factory=AuctionEvidence)
    worlds: int = AUCTION_WORLDS
    """the most worlds per call; a declaration is chosen in as many"""
    candidates: int = AUCTION_CANDIDATES
    """worlds dealt for each world that is used"""
    shortlist: int = SHORTLIST
    """declarations that are played out by the policy, 1..10"""
    chances: Floats = field(default_factory=lambda: MEASURED_CHANCES)
    """[8, 8] chance to win the game by own and opponents' marks; see `chances`"""
    seed: int = 0
    workers: int | None = None
    """threads of playouts; default: one per core"""

    def __post_init__(self) -> None:
        if self.worlds < 1 or self.candidates < 1:
            raise BadInput(f"worlds {self.worlds}, candidates {self.candidates}: use at least 1 of each")
        if (drawn := self.worlds * self.candidates) > _MOST_DRAWN:
            raise BadInput(
                f"worlds {self.worlds}, candidates {self.candidates} draw {drawn:,} worlds per call: use at "
                f"most {_MOST_DRAWN:,}"
            )
        if not 1 <= self.shortlist <= N_DECLARATIONS:
            raise BadInput(f"shortlist {self.shortlist}: use 1 to {N_DECLARATIONS} declarations")

    @property
    def name(self) -> str:
        """The name: `rollout`."""
        return "rollout"

    def describe(self) -> dict[str, Any]:
        """Return everything its calls depend on; see Bidder."""
        return {
            "bidder": "rollout",
            "version": ROLLOUT_VERSION,
            "playout": PLAYOUT_VERSION,
            **self.policy.describe(),
            "evidence": self.evidence.describe(),
            "worlds": self.worlds,
            "candidates": self.candidates,
            "shortlist": self.shortlist,
            "chances": self.chances[:MARKS_TO_WIN, :MARKS_TO_WIN].round(4).tolist(),
            "seed": self.seed,
        }

    def call(self, hand: Sequence[int], situation: Situation) -> Best:
        """Return the call with the greatest worth, and its declaration. Ties go to the first legal call."""
        calls, worth, decls = self.worth(hand, situation)
        best = int(np.round(worth / GRAIN).argmax())
        return Best(int(calls[best]), None if calls[best] == PASS else int(decls[best]))

    def worth(self, hand: Sequence[int], situation: Situation) -> tuple[Numbers, Floats, Numbers]:
        """Return C calls, ascending, the chance to win the game with each [C], and its declaration [C].

        Worlds are drawn in blocks until one call is settled as the best; see `is_settled`.
        The declaration of a pass is the one that its hand would choose, and has no meaning.
        """
        known, calls = CallsSoFar.of(situation), np.array(situation.auction.legal)
        worlds = self.draw(hand, known, min(BLOCK, self.worlds))
        decls, columns = self.short_list(worlds), np.arange(len(calls))
        outcomes = self.outcomes(worlds, situation, calls, decls)  # [K, D, C]
        while True:
            by_decl, drawn = outcomes.mean(axis=1), outcomes.shape[1]
            best = np.round(by_decl / GRAIN).argmax(axis=0)
            if drawn >= self.worlds or is_settled(outcomes[best, :, columns].T):
                return calls, by_decl[best, columns], decls[best]
            worlds = self.draw(hand, known, min(BLOCK, self.worlds - drawn), drawn)
            more = self.outcomes(worlds, situation, calls, decls)
            outcomes = np.concatenate([outcomes, more], axis=1)

    def declare(self, hand: Sequence[int], known: CallsSoFar) -> Best:
        """Return the declaration that makes the winning bid most often, after all four calls."""
        bid = max(known.calls)
        worlds = self.draw(hand, known, self.worlds)
        decls = self.short_list(worlds, bid)
        p_make = (self.points(worlds, decls) >= points_needed(bid)).mean(axis=1)
        best = int(p_make.argmax())
        return Best(bid, int(decls[best]), float(p_make[best]))

    def draw(self, hand: Sequence[int], known: CallsSoFar, n: int, block: int = 0) -> Bytes:
        """Draw n worlds [n, 4, 7] that fit the auction; seat 0 holds the hand.

        They depend on `seed` and on `block`, a number.
        """
        marks = known.own_marks, known.opponent_marks
        draws = stream(
            self.seed, "auction", *sorted(map(int, hand)), *known.calls, known.place, *marks, block
        )
        return self.evidence.draw(hand, known, n, self.candidates, draws)

    def outcomes(self, worlds: Bytes, situation: Situation, calls: Numbers, decls: Numbers) -> Floats:
        """Return [K, D, C]: the chance to win the game after C calls, if seat 0 declares one of decls [K]."""
        seats, bids, their_decls = finish_auctions(worlds, situation, calls, self.seed)
        is_made = self.points(worlds, decls)[:, :, None] >= np.minimum(bids, MARK)
        mine = self.chances_after(situation, bids, is_made)
        return np.where(seats == 0, mine, self._worth_of_others(worlds, situation, seats, bids, their_decls))

    def points(self, worlds: Bytes, decls: Numbers) -> Bytes:
        """Return the points of seat 0's team in D worlds under each of K declarations: [K, D]."""
        n = len(worlds)
        deals, by_decl = np.tile(worlds, (len(decls), 1, 1)), np.repeat(decls, n)
        return deal_points(deals, by_decl, self.policy, self.workers).reshape(len(decls), n)

    def short_list(self, worlds: Bytes, bid: int | None = None) -> Numbers:
        """Return K declarations of seat 0, ascending, that the heuristic's playouts choose.

        They are those that make `bid` most often. Default: the mean over all bids, but the last is the one
        that makes 42 most often.
        """
        n = len(worlds)
        every = np.repeat(np.arange(N_DECLARATIONS), n)
        quick = deal_points(np.tile(worlds, (N_DECLARATIONS, 1, 1)), every, SHORTLISTING, self.workers)
        made = (quick.reshape(N_DECLARATIONS, n, 1) >= np.array(BIDS)).mean(axis=1)  # [10, 13]
        by = made.mean(axis=1) if bid is None else made[:, bid_index(bid)] + GRAIN * made.mean(axis=1)
        ranked = list(np.argsort(-by, kind="stable")[: self.shortlist])
        most = int(made[:, -1].argmax())
        if bid is None and most not in ranked:
            ranked[-1] = most
        return np.sort(np.array(ranked))

    def _worth_of_others(
        self, worlds: Bytes, situation: Situation, seats: Numbers, bids: Numbers, decls: Numbers
    ) -> Floats:
        """Return [D, C]: the chance to win the game where another seat holds the contract, or nobody.

        A contract that several calls lead to in a world is played out once.
        """
        rows, columns = np.nonzero(seats > 0)
        keys = (rows * N_SEATS + seats[rows, columns]) * N_DECLARATIONS + decls[rows, columns]
        played, inverse = np.unique(keys, return_inverse=True)
        places, decl = np.divmod(played, N_DECLARATIONS)
        world, seat = np.divmod(places, N_SEATS)
        turned = worlds[world[:, None], (seat[:, None] + np.arange(N_SEATS)) % N_SEATS]
        points = deal_points(turned, decl, self.policy, self.workers)[inverse]
        worth = np.full(seats.shape, self.chances[situation.own_marks, situation.opponent_marks])
        bid = bids[rows, columns]
        is_ours = (points >= np.minimum(bid, MARK)) == (seats[rows, columns] % 2 == 0)
        worth[rows, columns] = self.chances_after(situation, bid, is_ours)
        return worth

    def chances_after(self, situation: Situation, bids: Numbers, is_ours: npt.NDArray[np.bool_]) -> Floats:
        """Return the chance to win the game after contracts of `bids`, whose marks are ours or theirs."""
        marks = np.maximum(1, bids // MARK)
        own = np.minimum(MARKS_TO_WIN, situation.own_marks + marks * is_ours)
        other = np.minimum(MARKS_TO_WIN, situation.opponent_marks + marks * ~is_ours)
        return self.chances[own, other]


SHORTLISTING = open_policy("heuristic")
"""the policy that chooses the declarations to play out, at a small part of the cost of the network"""


def is_settled(outcomes: Floats) -> bool:
    """Return True if more worlds would hardly change the choice. outcomes: [D, C] of C calls in D worlds.

    Each call must trail the best by LEAD standard errors of the difference, or be known to be about as good,
    to within NEGLIGIBLE.
    """
    behind = outcomes[:, [outcomes.mean(axis=0).argmax()]] - outcomes
    error = behind.std(axis=0) / np.sqrt(len(outcomes))
    return bool(((behind.mean(axis=0) >= LEAD * error) | (error <= NEGLIGIBLE)).all())


def finish_auctions(
    worlds: Bytes, situation: Situation, calls: Numbers, seed: int = 0
) -> tuple[Numbers, Numbers, Numbers]:
    """Finish the auction of each world with each of C calls by seat 0; later seats call as the model does.

    worlds: [D, 4, 7]. The kind of a later seat's call is drawn with the model's odds, of which it makes the
    lowest legal one. Returns the seat that holds the contract (NOBODY if all pass), its bid, and for seats
    other than 0 the declaration, which is drawn too; [D, C] each. A seat has one draw per world for all calls
    by seat 0; the draws depend on `seed` and on the world.
    """
    seats, bids, decls = np.zeros((3, len(worlds), len(calls)), dtype=np.int64)
    _finish(
        HAND_TABLES,
        KINDS,
        AUCTION_MODEL,
        worlds,
        np.array(situation.calls, dtype=np.int64),
        calls.astype(np.int64),
        (situation.own_marks, situation.opponent_marks),
        situation.forced,
        np.uint64(seed),
        seats,
        bids,
        decls,
    )
    return seats, bids, decls


@kernel
def _finish(tables, kinds, model, worlds, before, calls, marks, forced, seed, seats, bids, decls):
    """Fill seats, bids and decls [D, C]; see `finish_auctions`. before: the earlier calls."""
    place = len(before)
    features, pips = np.zeros((N_SEATS, N_FEATURES)), np.zeros(N_PIPS, np.int64)
    counted = np.zeros((N_SEATS, N_DECLARATIONS, 2), np.int64)
    of_kind, of_decl = np.zeros(N_KINDS), np.zeros(N_DECLARATIONS)
    made, draws = np.zeros(N_SEATS, np.int64), np.zeros(N_SEATS)
    declared = np.zeros(N_SEATS, np.int64)
    made[:place] = before
    for world in range(len(worlds)):
        key = seed
        for seat in range(N_SEATS):
            for slot in range(HAND_SIZE):
                key = mix(key, worlds[world, seat, slot])
        for seat in range(1, N_SEATS):
            fill_hand_features(tables, worlds[world, seat], counted[seat], pips, features[seat])
            fill_odds_of_declarations(model, counted[seat], of_decl)
            declared[seat] = draw_by_odds(uniform(mix(key, 2 * seat)), of_decl)
            draws[seat] = uniform(mix(key, 2 * seat + 1))
        for k in range(len(calls)):
            made[place] = calls[k]
            high, holder = np.int64(PASS), np.int64(NOBODY)
            for each in range(N_SEATS):
                if each > place:
                    seat = each - place
                    own = marks[seat & 1], marks[1 - (seat & 1)]
                    fill_odds_of_kinds(
                        kinds, model, features[seat], each, high, holder, own[0], own[1], of_kind
                    )
                    if forced and each == N_SEATS - 1 and high == PASS:
                        of_kind[0] = 0.0
                    kind = draw_by_odds(draws[seat], of_kind)
                    made[each] = lowest_call(kinds, kind, high)
                if made[each] > high:
                    high, holder = made[each], np.int64(each)
            bids[world, k] = high
            seats[world, k] = NOBODY if holder == NOBODY else (holder - place) & (N_SEATS - 1)
            if seats[world, k] > 0:
                decls[world, k] = declared[seats[world, k]]
