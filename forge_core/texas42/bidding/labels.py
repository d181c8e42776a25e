"""Labels of the bid-value network: the worth of each option of a decision, by rollouts.

An auction of self-play on one deal, at a random score, gives up to five labelled decisions: the four calls,
and the declaration. The worth of a call is that of the bidder by rollouts: the mean chance to win the game
over worlds that fit the auction so far. Most seats call what is worth most; some call like RuleBidder or at
random, so that the network also learns from auctions that rollouts would not hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.splits import Split, split_of
from forge_core.streams import stream
from forge_core.texas42.auction import MARKS_TO_WIN, NO_CALL, PASS, legal_calls, points_needed
from forge_core.texas42.bidding.advice import GRAIN, Situation
from forge_core.texas42.bidding.bidders import CallsSoFar, RuleBidder, call
from forge_core.texas42.bidding.features import NO_DECLARATION, Decisions, Options
from forge_core.texas42.bidding.rollouts import RolloutBidder
from forge_core.texas42.deals import Hands, deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS

LABELS_VERSION = "l1"
"""Raised when the same seed and settings give other labels."""
MOST_CALLS = len(legal_calls(PASS))
"""legal calls of the first to call: no decision has more"""
FIRST_SEED = 900_000_000
"""labels are made of deals from this seed on, which no other data of the project uses"""

LABELS = np.dtype(
    [
        ("seed", np.int64),
        ("hand", np.int8, HAND_SIZE),
        ("calls", np.int16, N_SEATS),  # by place; NO_CALL where nobody has called
        ("place", np.int8),
        ("marks", np.int8, 2),  # of the caller's team and of the other
        ("forced", np.bool_),
        ("options", np.int16, MOST_CALLS),  # legal calls, then NO_CALL
        ("worth", np.float32, (N_DECLARATIONS, MOST_CALLS)),  # chance to win the game; NaN if not played out
    ]
)
"""A labelled decision; the worth of a pass stands in the row of the first declaration"""

Labels = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, eq=False)
class Labeller:
    """Makes labels, and holds the auctions of self-play that they come from."""

    bidder: RolloutBidder = field(default_factory=lambda: RolloutBidder(worlds=64))
    """values the options; the number of its worlds is that of every label"""
    others: int = 1
    """declarations drawn at random that are valued besides the bidder's short list"""
    forced_share: float = 0.2
    """share of auctions in which the dealer must bid after three passes"""
    rule_share: float = 0.3
    """share of teams that call like RuleBidder"""
    random_share: float = 0.06
    """share of calls that are random: a pass or one of the three lowest bids"""

    def describe(self) -> dict[str, Any]:
        """Return everything that labels depend on, as JSON types."""
        shares = {"forced": self.forced_share, "rule": self.rule_share, "random": self.random_share}
        return {
            "version": LABELS_VERSION,
            "others": self.others,
            "shares": shares,
            "bidder": self.bidder.describe(),
        }

    def label(self, seed: int) -> Labels:
        """Hold the auction of a seed's deal, and return its 4 or 5 labelled decisions, in order."""
        hands, draws = deal_from_seed(seed), stream(seed, "bid-labels")
        marks = draws.integers(MARKS_TO_WIN, size=2).tolist()
        forced = bool(draws.random() < self.forced_share)
        by_rule = draws.random(2) < self.rule_share
        calls: tuple[int, ...] = ()
        labels = []
        for seat, hand in enumerate(hands):
            situation = Situation(calls, marks[seat % 2], marks[1 - seat % 2], forced)
            labels.append(self._label_call(seed, hand, situation, draws))
            worth = best_worth(labels[-1])
            if draws.random() < self.random_share:
                chosen = int(situation.auction.legal[int(draws.integers(min(4, len(worth))))])
            elif by_rule[seat % 2]:
                chosen = call(RuleBidder(), hand, situation).call
            else:
                chosen = situation.auction.legal[int(np.round(worth / GRAIN).argmax())]
            calls = (*calls, chosen)
        if max(calls) != PASS:
            labels.append(self._label_declaration(seed, hands, calls, marks, forced, draws))
        return np.array(labels)

    def _label_call(
        self, seed: int, hand: list[int], situation: Situation, draws: np.random.Generator
    ) -> np.void:
        bidder, known = self.bidder, CallsSoFar.of(situation)
        worlds = bidder.draw(hand, known, bidder.worlds)
        decls = self._with_others(bidder.short_list(worlds), draws)
        calls = np.array(situation.auction.legal)
        worth = bidder.outcomes(worlds, situation, calls, decls).mean(axis=1)
        return _row(seed, hand, known, calls, decls, worth)

    def _label_declaration(
        self,
        seed: int,
        hands: Hands,
        calls: tuple[int, ...],
        marks: list[int],
        forced: bool,
        draws: np.random.Generator,
    ) -> np.void:
        bidder, bid = self.bidder, max(calls)
        place = calls.index(bid)
        own, other = marks[place % 2], marks[1 - place % 2]
        known = CallsSoFar(calls, place, own, other, forced)
        worlds = bidder.draw(hands[place], known, bidder.worlds)
        decls = self._with_others(bidder.short_list(worlds, bid), draws)
        is_made = bidder.points(worlds, decls) >= points_needed(bid)
        bids = np.array([bid])
        worth = bidder.chances_after(known.situation_of(place), bids, is_made[:, :, None]).mean(axis=1)
        return _row(seed, hands[place], known, bids, decls, worth)

    def _with_others(self, decls: npt.NDArray[np.int64], draws: np.random.Generator) -> npt.NDArray[np.int64]:
        """Add declarations drawn at random to a short list."""
        rest = draws.permutation(np.setdiff1d(np.arange(N_DECLARATIONS), decls))
        return np.concatenate([decls, rest[: self.others]])


def seeds_of(split: Split, n: int) -> list[int]:
    """Return the first n seeds of a split from FIRST_SEED on."""
    return list(islice((seed for seed in count(FIRST_SEED) if split_of(seed) == split), n))


def best_worth(label: np.void) -> npt.NDArray[np.float32]:
    """Return [C]: the worth of each legal call of a labelled decision, with its best declaration."""
    return np.nanmax(label["worth"][:, : (label["options"] != NO_CALL).sum()], axis=0)


def decisions_of(labels: Labels) -> Decisions:
    """Return the decisions of labels [N]."""
    calls, places, marks = (labels[name].astype(np.int64) for name in ("calls", "place", "marks"))
    return Decisions(labels["hand"], calls, places, marks, labels["forced"])


def options_of(labels: Labels) -> tuple[Options, npt.NDArray[np.float32]]:
    """Return the K valued options of labels [N], and their worth [K]: the chance to win the game."""
    row, decl, place = np.nonzero(~np.isnan(labels["worth"]))
    calls = labels["options"][row, place].astype(np.int64)
    options = Options(row, calls, np.where(calls > PASS, decl, NO_DECLARATION))
    return options, labels["worth"][row, decl, place]


def _row(
    seed: int,
    hand: list[int],
    known: CallsSoFar,
    calls: npt.NDArray[np.int64],
    decls: npt.NDArray[np.int64],
    worth: npt.NDArray[np.float64],
) -> np.void:
    """Return a label. worth: [K, C]."""
    row = np.zeros(1, dtype=LABELS)[0]
    row["seed"], row["hand"], row["place"], row["forced"] = seed, sorted(hand), known.place, known.forced
    row["calls"], row["options"], row["worth"] = NO_CALL, NO_CALL, np.nan
    row["calls"][: len(known.calls)] = known.calls
    row["marks"] = known.own_marks, known.opponent_marks
    row["options"][: len(calls)] = calls
    row["worth"][decls, : len(calls)] = worth
    passes = np.flatnonzero(calls == PASS)
    row["worth"][:, passes] = np.nan
    row["worth"][0, passes] = worth[0, passes]
    return row
