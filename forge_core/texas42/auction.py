"""The auction and the score: who may bid what, what a contract needs, what it is worth.

A bid is one number: 30..41 points, or marks, at 42 a mark: 42 is one mark, 84 two. So bids
are ordered as they outbid each other; a pass is 0. Each seat calls once, clockwise from
the dealer's left. Marks are counted by team, as points are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from forge_core.errors import BadInput
from forge_core.texas42.dominoes import HAND_POINTS, N_SEATS, team

PASS = 0
LOWEST_BID = 30
MARK = HAND_POINTS
"""A bid of so much a mark; no more points are in a hand."""
MARKS_TO_WIN = 7


def check_bid(bid: int) -> int:
    """30..42 points, or marks: 84, 126, ... (42 a mark); else BadInput."""
    if LOWEST_BID <= bid <= MARK or (bid > MARK and bid % MARK == 0):
        return bid
    raise BadInput(f"bid {bid}: use 30..42 points, or 84, 126, ... for two marks and more")


def marks_of(bid: int) -> int:
    """What a bid plays for: points for one mark, marks for as many."""
    return max(1, bid // MARK)


def points_needed(bid: int) -> int:
    """What the bidding team must take: the points bid, or for marks all 42."""
    return min(bid, MARK)


def legal_calls(high: int, must_bid: bool = False) -> tuple[int, ...]:
    """What may be called over the highest bid so far (PASS: none yet), ascending.

    Any more points; one mark or two over points; over marks just one more.
    """
    passing = () if must_bid else (PASS,)
    if high >= MARK:
        return (*passing, high + MARK)
    return (*passing, *range(max(LOWEST_BID, high + 1), MARK), MARK, 2 * MARK)


def call_text(call: int) -> str:
    """`pass`, `31`, `1 mark`, `2 marks`."""
    if call < MARK:
        return str(call) if call else "pass"
    return "1 mark" if call == MARK else f"{marks_of(call)} marks"


def parse_call(text: str) -> int:
    """`pass`, or a bid as a number: 30..42, 84, 126, ... Raises BadInput."""
    word = text.strip().lower()
    if word == "pass":
        return PASS
    if word.isascii() and word.isdecimal() and len(word) <= 4:
        return check_bid(int(word))
    raise BadInput(f"call {word[:20]!r}: use pass, 30..42, or 84, 126, ... for two marks and more")


@dataclass(frozen=True, slots=True)
class Contract:
    """The bid that is played, and by whom. Raises BadInput for what is no bid or no seat."""

    bidder: int
    """seat; it leads"""
    bid: int

    def __post_init__(self) -> None:
        _check_seat(self.bidder)
        check_bid(self.bid)

    @property
    def team(self) -> int:
        """0 or 1: who must make it."""
        return team(self.bidder)

    @property
    def needed(self) -> int:
        """Points its team must take."""
        return points_needed(self.bid)

    @property
    def marks(self) -> int:
        """What it is played for."""
        return marks_of(self.bid)

    def made(self, points: Sequence[int]) -> bool | None:
        """From the points so far of teams 0 and 1: made, or set, or None while it is open.

        A hand ends as soon as it is not open.
        """
        ours, theirs = points[self.team], points[1 - self.team]
        if ours < 0 or theirs < 0 or ours + theirs > HAND_POINTS:
            raise BadInput(f"points {tuple(points)}: a hand has {HAND_POINTS}, for two teams")
        if ours >= self.needed:
            return True
        return False if theirs > HAND_POINTS - self.needed else None

    def award(self, made: bool) -> tuple[int, int]:
        """The marks that teams 0 and 1 get: all go to one of them."""
        to = self.team if made else 1 - self.team
        return (self.marks, 0) if to == 0 else (0, self.marks)


@dataclass(frozen=True, slots=True)
class Auction:
    """The calls so far. Raises BadInput if one of them was not allowed."""

    dealer: int
    """seat; calls last"""
    calls: tuple[int, ...] = ()
    """0..4 in order, the first from the dealer's left"""
    forced: bool = False
    """a house rule: when all others have passed, the dealer must bid"""

    def __post_init__(self) -> None:
        _check_seat(self.dealer)
        if len(self.calls) > N_SEATS:
            raise BadInput(f"{len(self.calls)} calls: each of {N_SEATS} seats calls once")
        high = PASS
        for place, call in enumerate(self.calls):
            must_bid = self.forced and place == N_SEATS - 1 and high == PASS
            if call not in legal_calls(high, must_bid):
                raise BadInput(self._refusal(place, call, high, must_bid))
            high = max(high, call)

    @property
    def over(self) -> bool:
        """All four have called."""
        return len(self.calls) == N_SEATS

    @property
    def turn(self) -> int:
        """The seat to call; the first one again when the auction is over."""
        return self._seat(len(self.calls))

    @property
    def high(self) -> int:
        """The highest bid so far, or PASS."""
        return max(self.calls, default=PASS)

    @property
    def contract(self) -> Contract | None:
        """The highest bid so far and who made it; None if all passed: then it is dealt again."""
        if self.high == PASS:
            return None
        return Contract(self._seat(self.calls.index(self.high)), self.high)

    @property
    def legal(self) -> tuple[int, ...]:
        """What may be called now, ascending; nothing when the auction is over."""
        if self.over:
            return ()
        last = len(self.calls) == N_SEATS - 1
        return legal_calls(self.high, must_bid=self.forced and last and self.high == PASS)

    def call(self, seat: int, call: int) -> Auction:
        """The auction after a call. Raises BadInput for one out of turn, or that is not allowed."""
        if self.over:
            raise BadInput(f"seat {seat} calls after the auction is over: deal, or play the contract")
        if seat != self.turn:
            raise BadInput(f"seat {seat} calls out of turn: it is seat {self.turn}'s call")
        return replace(self, calls=(*self.calls, call))

    def _seat(self, place: int) -> int:
        return (self.dealer + 1 + place) % N_SEATS

    def _refusal(self, place: int, call: int, high: int, must_bid: bool) -> str:
        who = f"seat {self._seat(place)}"
        if call == PASS:
            return f"{who} passes, but all others have passed: the dealer must bid 30 or more"
        check_bid(call)
        if high and call <= high:
            return f"{who} bids {call_text(call)}, which is no more than {call_text(high)}: bid more, or pass"
        most = legal_calls(high, must_bid)[-1]
        return f"{who} bids {call_text(call)}: here the highest bid is {call_text(most)}"


@dataclass(frozen=True, slots=True)
class Score:
    """Marks of teams 0 and 1. A game is to MARKS_TO_WIN."""

    marks: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if len(self.marks) != 2 or min(self.marks) < 0:
            raise BadInput(f"a score of {self.marks}: give the marks of two teams, 0 or more")

    @property
    def winner(self) -> int | None:
        """The team that has won, if one has."""
        reached = [side for side in (0, 1) if self.marks[side] >= MARKS_TO_WIN]
        return reached[0] if reached else None

    def after(self, contract: Contract, made: bool) -> Score:
        """The score after a hand. Raises BadInput when the game was over before."""
        if self.winner is not None:
            raise BadInput(f"the game is over at {self.marks[0]} to {self.marks[1]}: begin another")
        ours, theirs = contract.award(made)
        return Score((self.marks[0] + ours, self.marks[1] + theirs))


def _check_seat(seat: int) -> None:
    if isinstance(seat, bool) or seat not in range(N_SEATS):
        raise BadInput(f"seat {seat!r}: use 0..{N_SEATS - 1}")
