"""Bidding advice based on P(make), the score, and the calls that may follow.

The model:
- A contract for m marks gives m marks to its team if it is made, and to the other team if it is set.
  The goal is to win the game to seven marks, where each later hand is assumed to be worth one mark and
  to go either way with equal chance (`win_chance`). So at 6 to 6 a bid of two marks risks no more than
  a bid of one mark, and at 0 to 6 there is nothing to lose.
- A later player outbids the other team by one step if the hand is worth it, and lets a partner's bid
  stand. A Field, measured on random hands, gives the probability that a hand is worth a bid and that it
  then makes it.
- If all pass, the dominoes are dealt again and the score is unchanged.

The worth of a bid is the overall chance to win the game, over the cases that the bid stands and that it
is outbid. The lowest bid is made most often but stands least often.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.auction import (
    MARKS_TO_WIN,
    PASS,
    Auction,
    call_text,
    legal_calls,
    marks_of,
)
from forge_core.texas42.bidding.field import MEASURED_FIELD, Field
from forge_core.texas42.bidding.table import BIDS, BidTable, Floats, bid_index
from forge_core.texas42.declarations import N_DECLARATIONS, NAMES
from forge_core.texas42.dominoes import N_SEATS

_DEALER = N_SEATS - 1
GRAIN = 1e-9
"""Chances that differ by less than this count as equal; ties go to the lower bid and first declaration."""


@cache
def win_chance(own_marks: int, opponent_marks: int) -> float:
    """Return the chance to win the game from this score if each later hand is one mark, at even odds."""
    if own_marks >= MARKS_TO_WIN:
        return 1.0
    if opponent_marks >= MARKS_TO_WIN:
        return 0.0
    return (win_chance(own_marks + 1, opponent_marks) + win_chance(own_marks, opponent_marks + 1)) / 2


@dataclass(frozen=True, slots=True)
class Situation:
    """The situation of the bidder whose turn it is to call. Raises BadInput if it is impossible."""

    calls: tuple[int, ...] = ()
    """the earlier calls, from the dealer's left: none for the first to call, three for the dealer"""
    own_marks: int = 0
    """marks of the bidder's team"""
    opponent_marks: int = 0
    """marks of the other team"""
    forced: bool = False
    """True for the house rule that the dealer must bid if all others have passed"""

    @classmethod
    def of(
        cls, calls: tuple[int, ...] | None, seat: int | None, score: tuple[int, int], forced: bool
    ) -> Situation:
        """Return the situation that a user describes. Raises BadInput if the seat is not next to call.

        calls: None if all earlier seats passed. seat: None for the seat whose turn it is after the calls.
        score: marks of the bidder's team and of the other team.
        """
        if calls is None:
            calls = (PASS,) * (seat or 0)
        elif seat is not None and seat != len(calls):
            raise BadInput(f"seat {seat} is not next to call: after {len(calls)} calls use seat {len(calls)}")
        return cls(calls, *score, forced)

    def __post_init__(self) -> None:
        if len(self.calls) > _DEALER:
            raise BadInput(f"{len(self.calls)} earlier calls: give at most {_DEALER}")
        if not (0 <= self.own_marks < MARKS_TO_WIN and 0 <= self.opponent_marks < MARKS_TO_WIN):
            raise BadInput(
                f"score {self.own_marks} to {self.opponent_marks}: use 0..{MARKS_TO_WIN - 1} for each team"
            )
        _ = self.auction

    @property
    def place(self) -> int:
        """The bidder's place in the order of calling, 0..3; 3 is the dealer."""
        return len(self.calls)

    @property
    def auction(self) -> Auction:
        """The auction before the bidder's call, with seats numbered from the first to call."""
        return Auction(_DEALER, self.calls, self.forced)


@dataclass(frozen=True, slots=True)
class Best:
    """A call and the declaration that goes with it."""

    call: int
    decl: int | None
    """None for a pass"""
    p_make: float | None = dataclasses.field(default=None, compare=False)
    """the estimated chance to make the bid; None if there is none"""


@dataclass(frozen=True, slots=True, eq=False)
class Advice:
    """The worth of each of B legal bids; NaN for declarations that were not played out."""

    situation: Situation
    bids: tuple[int, ...]
    """[B] the legal bids, ascending, without the pass"""
    marks: Floats
    """[10, B] expected marks, own minus opponents', if the bid stands"""
    if_it_stands: Floats
    """[10, B] chance to win the game if the bid stands"""
    stands: Floats
    """[B] chance that the bid stands"""
    worth: Floats
    """[10, B] chance to win the game with the bid"""
    worth_of_pass: float
    """chance to win the game after a pass; -inf for a dealer who must bid"""
    recommended: Best
    """the call with the greatest worth, excluding bluffs; see `choose`"""
    highest: Best
    """the highest bid that, if it stands, is worth more than a pass (or, for a dealer who must bid, at least
    as much as the lowest bid); a pass if there is none"""


@dataclass(frozen=True, slots=True, eq=False)
class Stakes:
    """The stakes of a situation for each of B legal bids; they are the same for every hand."""

    bids: tuple[int, ...]
    needs: npt.NDArray[np.int64]
    """[B] index of each bid in BIDS"""
    if_made: Floats
    """[B] chance to win the game after making the bid"""
    if_set: Floats
    """[B] chance to win the game after being set"""
    stands: Floats
    """[B] chance that nobody outbids it"""
    if_outbid: Floats
    """[B] chance that it is outbid and the bidder's team still wins the game"""
    worth_of_pass: float
    """chance to win the game after a pass; -inf if passing is illegal"""


def stakes_of(situation: Situation, field: Field = MEASURED_FIELD) -> Stakes:
    """Compute the stakes of a situation."""
    auction, own_marks, opponent_marks = situation.auction, situation.own_marks, situation.opponent_marks
    to_come = range(situation.place + 1, N_SEATS)
    bids = tuple(call for call in auction.legal if call != PASS)
    follow = [_follow(situation, field, bid, situation.place, to_come) for bid in bids]
    worth_of_pass = -np.inf
    if PASS in auction.legal:
        contract = auction.contract
        holder = None if contract is None else contract.bidder
        stands, otherwise = _follow(situation, field, auction.high, holder, to_come)
        worth_of_pass = otherwise + stands * _worth_of(situation, field, auction.high, holder)
    return Stakes(
        bids=bids,
        needs=np.array([bid_index(bid) for bid in bids]),
        if_made=np.array([win_chance(own_marks + marks_of(bid), opponent_marks) for bid in bids]),
        if_set=np.array([win_chance(own_marks, opponent_marks + marks_of(bid)) for bid in bids]),
        stands=np.array([stands for stands, _ in follow]),
        if_outbid=np.array([otherwise for _, otherwise in follow]),
        worth_of_pass=worth_of_pass,
    )


def weigh(p_make: Floats, stakes: Stakes) -> tuple[Floats, Floats]:
    """Return win chances [..., 10, B], given P(make) [..., 10, 13]: if the bid stands, and overall."""
    p = p_make[..., stakes.needs]
    if_it_stands = p * stakes.if_made + (1 - p) * stakes.if_set
    return if_it_stands, stakes.stands * if_it_stands + stakes.if_outbid


def choose(p_make: Floats, stakes: Stakes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Choose a call [...] and a declaration [...] (-1 for a pass), given P(make) [..., 10, 13].

    The call has the greatest worth among the bids that are better than a pass if they stand; this
    excludes bluffs. Ties go to a pass, then to the lowest bid, then to the first declaration.
    """
    bids = np.array(stakes.bids)
    if_it_stands, worth = weigh(p_make, stakes)
    sound = if_it_stands > stakes.worth_of_pass + GRAIN  # False for a declaration that was not played out
    grains = np.round(np.where(sound, worth, -np.inf) / GRAIN)
    by_bid = np.moveaxis(grains, -1, -2).reshape(*grains.shape[:-2], -1)
    best = by_bid.argmax(axis=-1)
    bid, decl = best // N_DECLARATIONS, best % N_DECLARATIONS
    passes = by_bid.max(axis=-1) <= np.round(stakes.worth_of_pass / GRAIN)
    return np.where(passes, PASS, bids[bid]), np.where(passes, -1, decl)


def advise(p_make: Floats, situation: Situation, field: Field = MEASURED_FIELD) -> Advice:
    """Advise a call, given P(make) [10, 13] of a hand. Raises BadInput if no declaration was played out."""
    if p_make.shape != (N_DECLARATIONS, len(BIDS)) or np.isnan(p_make).all():
        raise BadInput(
            f"P(make) has shape {p_make.shape} or only NaN: pass [10, 13] and play at least one declaration"
        )
    stakes = stakes_of(situation, field)
    if_it_stands, worth = weigh(p_make, stakes)
    call, decl = (int(chosen) for chosen in choose(p_make, stakes))
    marks = np.array([marks_of(bid) for bid in stakes.bids])
    return Advice(
        situation=situation,
        bids=stakes.bids,
        marks=marks * (2 * p_make[:, stakes.needs] - 1),
        if_it_stands=if_it_stands,
        stands=stakes.stands,
        worth=worth,
        worth_of_pass=stakes.worth_of_pass,
        recommended=Best(call, None if decl < 0 else decl),
        highest=_highest(if_it_stands, stakes),
    )


def best_calls(advice: Advice) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the best call of each declaration [10] and the chance to win the game with it [10].

    Each is chosen as by `choose`, as if the hand had no other declaration: a pass, unless a bid is better.
    The best of all is the recommended call.
    """
    sound = advice.if_it_stands > advice.worth_of_pass + GRAIN
    worth = np.where(sound, advice.worth, -np.inf)
    best = np.round(worth / GRAIN).argmax(axis=1)
    win = worth[np.arange(N_DECLARATIONS), best]
    passes = np.round(win / GRAIN) <= np.round(advice.worth_of_pass / GRAIN)
    calls = np.where(passes, PASS, np.array(advice.bids)[best])
    return calls, np.where(passes, advice.worth_of_pass, win)


def explain(advice: Advice, table: BidTable) -> list[str]:
    """Return the advice in words, one or two sentences per line."""
    best, highest, situation = advice.recommended, advice.highest, advice.situation
    must = np.isinf(advice.worth_of_pass)
    score = f"{situation.own_marks} to {situation.opponent_marks}"
    if best.decl is None:
        lines = [f"Pass: {100 * advice.worth_of_pass:.1f} % to win the game from {score}."]
    else:
        bid = advice.bids.index(best.call)
        p, (low, high) = table.p_make, table.interval
        cell = best.decl, bid_index(best.call)
        passing = "" if must else f", {100 * advice.worth_of_pass:.1f} % after a pass"
        lines = [
            f"Bid {call_text(best.call)}, {NAMES[best.decl]}: made in {100 * p[cell]:.0f} % of the deals "
            f"({100 * low[cell]:.0f} to {100 * high[cell]:.0f}), {advice.marks[best.decl, bid]:+.2f} marks.",
            f"It stands with a chance of {100 * advice.stands[bid]:.0f} %. "
            f"Chance to win the game from {score}: {100 * advice.worth[best.decl, bid]:.1f} %{passing}.",
        ]
    if highest.decl is None:
        return [*lines, "No bid would win more often than a pass, even if it stood."]
    named = f"{call_text(highest.call)}, {NAMES[highest.decl]}"
    if best.decl is None:
        cell = highest.decl, advice.bids.index(highest.call)
        return [
            *lines,
            f"A bid of {named} would win more often than a pass if it stood "
            f"({100 * advice.if_it_stands[cell]:.1f} %), but it may be outbid "
            f"({100 * advice.worth[cell]:.1f} % in all).",
        ]
    level = "as often as the lowest one" if must else "more often than a pass"
    return [*lines, f"The highest bid that wins {level} if it stands is {named}."]


def _highest(if_it_stands: Floats, stakes: Stakes) -> Best:
    best = np.nanmax(if_it_stands, axis=0)
    must = np.isinf(stakes.worth_of_pass)
    least = best[0] - GRAIN if must else stakes.worth_of_pass + GRAIN
    worthwhile = np.flatnonzero(best > least)
    if not len(worthwhile):
        return Best(PASS, None)
    bid = int(worthwhile[-1])
    return Best(stakes.bids[bid], int(np.nanargmax(if_it_stands[:, bid])))


def _follow(
    situation: Situation, field: Field, high: int, holder: int | None, to_come: Sequence[int]
) -> tuple[float, float]:
    """Return the chance that `high` stands, and the chance that it is outbid but the bidder's team wins.

    holder: the place that bid `high`, None before any bid. to_come: the places that have yet to call.
    """
    if not to_come:
        return 1.0, 0.0
    place, later = to_come[0], to_come[1:]
    if holder is not None and (holder - place) % 2 == 0:  # the partner's bid
        return _follow(situation, field, high, holder, later)
    raised = next(call for call in legal_calls(high) if call > high)
    must = situation.forced and place == _DEALER and high == PASS
    raises = 1.0 if must else field.share_worth(raised)
    stands, otherwise = _follow(situation, field, high, holder, later)
    raise_stands, raise_outbid = _follow(situation, field, raised, place, later)
    after_raise = raise_stands * _worth_of(situation, field, raised, place, must) + raise_outbid
    return (1 - raises) * stands, (1 - raises) * otherwise + raises * after_raise


def _worth_of(situation: Situation, field: Field, bid: int, holder: int | None, must: bool = False) -> float:
    """Return the chance to win the game if another player's bid stands, or if all have passed."""
    own_marks, opponent_marks = situation.own_marks, situation.opponent_marks
    if holder is None:
        return win_chance(own_marks, opponent_marks)
    made = field.made_by_anyone if must else field.made(bid)
    ours = (holder - situation.place) % 2 == 0
    to_us, marks = (made if ours else 1 - made), marks_of(bid)
    return to_us * win_chance(own_marks + marks, opponent_marks) + (1 - to_us) * win_chance(
        own_marks, opponent_marks + marks
    )
