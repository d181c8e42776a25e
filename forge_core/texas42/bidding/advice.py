"""What to bid: P(make) weighed by the score, and by what the others may bid.

The model, all of it:
- A contract of m marks that is made brings its team m marks, one that is set brings them to
  the other team. What counts is the game to seven marks, not the marks: after the hand each
  further one is worth one mark and goes either way with even chance (`win_chance`). So at
  6 to 6 a bid of two marks risks no more than one, and at 0 to 6 there is nothing to lose.
- Whoever calls later bids one step more, if his hand is worth it, than the other team's bid; he lets
  his partner's stand. How often a hand is worth a bid, and how often it then makes it, is a Field,
  measured on hands dealt at random.
- If all pass, it is dealt again, and nothing has happened.

So a bid is worth what it brings if it stands, times the chance that it does, plus what comes
if it is outbid: the cheapest bid is made most often, and stands least often.
"""

from __future__ import annotations

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
_GRAIN = 1e-9
"""chances closer than this are equal: the lower bid and the first declaration are chosen"""


@cache
def win_chance(mine: int, theirs: int) -> float:
    """The chance to win the game at so many marks, if each hand to come is worth one and is a fair coin."""
    if mine >= MARKS_TO_WIN:
        return 1.0
    if theirs >= MARKS_TO_WIN:
        return 0.0
    return (win_chance(mine + 1, theirs) + win_chance(mine, theirs + 1)) / 2


@dataclass(frozen=True, slots=True)
class Situation:
    """Where the bidder sits when it is his turn to call. Raises BadInput for what cannot be."""

    calls: tuple[int, ...] = ()
    """before his, from the dealer's left: so 0 of them for the first to call, 3 for the dealer"""
    mine: int = 0
    """marks of his team"""
    theirs: int = 0
    forced: bool = False
    """a house rule: if all others have passed, the dealer must bid"""

    @classmethod
    def of(
        cls, calls: tuple[int, ...] | None, seat: int | None, score: tuple[int, int], forced: bool
    ) -> Situation:
        """Return the situation that a user describes. Raises BadInput for a seat that is not next to call.

        calls: None if all before the seat passed. seat: None: whose turn it is after the calls.
        score: marks, ours and theirs.
        """
        if calls is None:
            calls = (PASS,) * (seat or 0)
        elif seat is not None and seat != len(calls):
            raise BadInput(
                f"seat {seat} calls out of turn: after {len(calls)} calls it is seat {len(calls)}'s"
            )
        return cls(calls, *score, forced)

    def __post_init__(self) -> None:
        if len(self.calls) > _DEALER:
            raise BadInput(f"{len(self.calls)} calls before this one: at most {_DEALER} are")
        if not (0 <= self.mine < MARKS_TO_WIN and 0 <= self.theirs < MARKS_TO_WIN):
            raise BadInput(
                f"a score of {self.mine} to {self.theirs}: use 0..{MARKS_TO_WIN - 1} for each side"
            )
        _ = self.auction

    @property
    def place(self) -> int:
        """0..3, in the order of calling; 3 is the dealer."""
        return len(self.calls)

    @property
    def auction(self) -> Auction:
        """Up to his call, seats counted from the first to call."""
        return Auction(_DEALER, self.calls, self.forced)


@dataclass(frozen=True, slots=True)
class Best:
    """A call, and the declaration to make with it."""

    call: int
    decl: int | None
    """None for a pass"""


@dataclass(frozen=True, slots=True, eq=False)
class Advice:
    """What each legal bid is worth. B bids; NaN for declarations that were not asked."""

    situation: Situation
    bids: tuple[int, ...]
    """[B] ascending; passing is not one of them"""
    marks: Floats
    """[10, B] marks expected, ours less theirs, if the bid stands"""
    if_it_stands: Floats
    """[10, B] chance to win the game if the bid stands"""
    stands: Floats
    """[B] chance that it does"""
    worth: Floats
    """[10, B] chance to win the game with the bid"""
    worth_of_pass: float
    """the same when passing; -inf for a dealer who must not"""
    recommended: Best
    """the call of the greatest worth that is no bluff: see `choose`"""
    highest: Best
    """the highest bid that, if it stands, is worth more than a pass; for a dealer who must bid, than
    the lowest bid; a pass if there is none"""


@dataclass(frozen=True, slots=True, eq=False)
class Stakes:
    """What all hands have in common in a situation. B legal bids."""

    bids: tuple[int, ...]
    needs: npt.NDArray[np.int64]
    """[B] place in BIDS"""
    if_made: Floats
    """[B] chance to win the game afterwards"""
    if_set: Floats
    stands: Floats
    """[B] chance that nobody bids over it"""
    if_outbid: Floats
    """[B] chance that someone does and we win the game nevertheless"""
    worth_of_pass: float
    """chance to win the game; -inf where passing is not allowed"""


def stakes_of(situation: Situation, field: Field = MEASURED_FIELD) -> Stakes:
    """Prepare a situation."""
    auction, mine, theirs = situation.auction, situation.mine, situation.theirs
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
        if_made=np.array([win_chance(mine + marks_of(bid), theirs) for bid in bids]),
        if_set=np.array([win_chance(mine, theirs + marks_of(bid)) for bid in bids]),
        stands=np.array([stands for stands, _ in follow]),
        if_outbid=np.array([otherwise for _, otherwise in follow]),
        worth_of_pass=worth_of_pass,
    )


def weigh(p_make: Floats, stakes: Stakes) -> tuple[Floats, Floats]:
    """P(make) [..., 10, 13] -> the chance to win the game [..., 10, B]: if each bid stands, and with it."""
    p = p_make[..., stakes.needs]
    if_it_stands = p * stakes.if_made + (1 - p) * stakes.if_set
    return if_it_stands, stakes.stands * if_it_stands + stakes.if_outbid


def choose(p_make: Floats, stakes: Stakes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """P(make) [..., 10, 13] -> (call [...], declaration [...], -1 for a pass).

    The call of the greatest worth, among bids that beat a pass if they stand: no bluffs. Of
    equals a pass, then the lowest bid, then the first declaration.
    """
    bids = np.array(stakes.bids)
    if_it_stands, worth = weigh(p_make, stakes)
    sound = if_it_stands > stakes.worth_of_pass + _GRAIN  # not so for a declaration that was not asked
    grains = np.round(np.where(sound, worth, -np.inf) / _GRAIN)
    by_bid = np.moveaxis(grains, -1, -2).reshape(*grains.shape[:-2], -1)
    best = by_bid.argmax(axis=-1)
    bid, decl = best // N_DECLARATIONS, best % N_DECLARATIONS
    passes = by_bid.max(axis=-1) <= np.round(stakes.worth_of_pass / _GRAIN)
    return np.where(passes, PASS, bids[bid]), np.where(passes, -1, decl)


def advise(p_make: Floats, situation: Situation, field: Field = MEASURED_FIELD) -> Advice:
    """What to call with a hand of this P(make) [10, 13]. Raises BadInput if nothing was asked of it."""
    if p_make.shape != (N_DECLARATIONS, len(BIDS)) or np.isnan(p_make).all():
        raise BadInput(f"P(make) of shape {p_make.shape}: give [10, 13], at least one declaration asked")
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


def explain(advice: Advice, table: BidTable) -> list[str]:
    """The advice in words, a sentence or two a line."""
    best, highest, situation = advice.recommended, advice.highest, advice.situation
    must = np.isinf(advice.worth_of_pass)
    score = f"{situation.mine} to {situation.theirs}"
    if best.decl is None:
        said = [f"Pass: {100 * advice.worth_of_pass:.1f} % to win the game from {score}."]
    else:
        bid = advice.bids.index(best.call)
        p, (low, high) = table.p_make, table.interval
        cell = best.decl, bid_index(best.call)
        passing = "" if must else f", {100 * advice.worth_of_pass:.1f} % when passing"
        said = [
            f"Bid {call_text(best.call)}, {NAMES[best.decl]}: made in {100 * p[cell]:.0f} % of the deals "
            f"({100 * low[cell]:.0f} to {100 * high[cell]:.0f}), {advice.marks[best.decl, bid]:+.2f} marks.",
            f"The others let it stand with a chance of {100 * advice.stands[bid]:.0f} %. "
            f"To win the game from {score}: {100 * advice.worth[best.decl, bid]:.1f} %{passing}.",
        ]
    if highest.decl is None:
        return [*said, "No bid is worth making."]
    return [*said, f"The highest bid worth making is {call_text(highest.call)}, {NAMES[highest.decl]}."]


def _highest(if_it_stands: Floats, stakes: Stakes) -> Best:
    best = np.nanmax(if_it_stands, axis=0)
    must = np.isinf(stakes.worth_of_pass)
    least = best[0] - _GRAIN if must else stakes.worth_of_pass + _GRAIN
    worthwhile = np.flatnonzero(best > least)
    if not len(worthwhile):
        return Best(PASS, None)
    bid = int(worthwhile[-1])
    return Best(stakes.bids[bid], int(np.nanargmax(if_it_stands[:, bid])))


def _follow(
    situation: Situation, field: Field, high: int, holder: int | None, to_come: Sequence[int]
) -> tuple[float, float]:
    """(chance that `high` stands, chance that it does not and we win the game).

    holder: place of who bid it, None before any bid; to_come: places of those who still call.
    """
    if not to_come:
        return 1.0, 0.0
    place, later = to_come[0], to_come[1:]
    if holder is not None and (holder - place) % 2 == 0:  # his partner's
        return _follow(situation, field, high, holder, later)
    raised = next(call for call in legal_calls(high) if call > high)
    must = situation.forced and place == _DEALER and high == PASS
    raises = 1.0 if must else field.share_worth(raised)
    stands, otherwise = _follow(situation, field, high, holder, later)
    his_stands, his_otherwise = _follow(situation, field, raised, place, later)
    his = his_stands * _worth_of(situation, field, raised, place, must) + his_otherwise
    return (1 - raises) * stands, (1 - raises) * otherwise + raises * his


def _worth_of(situation: Situation, field: Field, bid: int, holder: int | None, must: bool = False) -> float:
    """The chance to win the game if another's bid stands, or if all have passed."""
    mine, theirs = situation.mine, situation.theirs
    if holder is None:
        return win_chance(mine, theirs)
    made = field.made_by_anyone if must else field.made(bid)
    ours = (holder - situation.place) % 2 == 0
    to_us, marks = (made if ours else 1 - made), marks_of(bid)
    return to_us * win_chance(mine + marks, theirs) + (1 - to_us) * win_chance(mine, theirs + marks)
