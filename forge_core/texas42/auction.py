"""The auction and the score: legal calls, contracts and marks.

A bid is one number: 30..41 points, or 42 per mark (42 is one mark, 84 is two). A higher number
outbids a lower one; a pass is 0. Each seat calls once, clockwise from the dealer's left. Like
points, marks are counted per team.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from forge_core.errors import BadInput
from forge_core.texas42.dominoes import HAND_POINTS, N_SEATS, team

PASS = 0
NO_CALL = -1
"""In arrays of calls: nobody has called here."""
LOWEST_BID = 30
MARK = HAND_POINTS
"""The number that stands for a bid of one mark; also the total points in a hand."""
MARKS_TO_WIN = 7


def check_bid(bid: int) -> int:
    """Return the bid; raise BadInput unless it is 30..42 points or a multiple of 42 (84, 126, ...)."""
    if LOWEST_BID <= bid <= MARK or (bid > MARK and bid % MARK == 0):
        return bid
    raise BadInput(f"bid {bid}: use 30..42 points, or 84, 126, ... for two or more marks")


def marks_of(bid: int) -> int:
    """Return the marks at stake: 1 for a bid of points, otherwise the number of marks bid."""
    return max(1, bid // MARK)


def points_needed(bid: int) -> int:
    """Return the points that the bidding team must take: the points bid, or all 42 for a bid of marks."""
    return min(bid, MARK)


def legal_calls(high: int, must_bid: bool = False) -> tuple[int, ...]:
    """Return the legal calls in ascending order, given the highest bid so far (PASS if there is none).

    Over a bid of points, a seat may bid any higher number of points, one mark or two. Over a bid of
    marks, it may bid exactly one mark more. must_bid: passing is not allowed.
    """
    passing = () if must_bid else (PASS,)
    if high >= MARK:
        return (*passing, high + MARK)
    return (*passing, *range(max(LOWEST_BID, high + 1), MARK), MARK, 2 * MARK)


def call_text(call: int) -> str:
    """Return a call as text: `pass`, `31`, `1 mark`, `2 marks`."""
    if call < MARK:
        return str(call) if call else "pass"
    return "1 mark" if call == MARK else f"{marks_of(call)} marks"


def parse_call(text: str) -> int:
    """Parse `pass`, a number (30..42, 84, 126, ...) or `2 marks`. Raises BadInput for anything else."""
    word = text.strip().lower()
    if marks := parse_marks(word):
        return marks
    if word == "pass":
        return PASS
    if word.isascii() and word.isdecimal() and len(word) <= 4:
        return check_bid(int(word))
    raise BadInput(f"call {word[:20]!r}: use pass, 30..42, 1 mark, 2 marks, ... (or 84, 126, ...)")


def parse_marks(text: str) -> int | None:
    """Return the bid that `1 mark` or `2 marks` stands for: 42, 84, ...; None for any other text."""
    marks = re.fullmatch(r"([1-9][0-9]?)\s+marks?", text.strip().lower(), re.ASCII)
    return MARK * int(marks[1]) if marks else None


@dataclass(frozen=True, slots=True)
class Contract:
    """The winning bid and its bidder. Raises BadInput for an invalid bid or seat."""

    bidder: int
    """the seat that made the bid; it leads the first trick"""
    bid: int

    def __post_init__(self) -> None:
        _check_seat(self.bidder)
        check_bid(self.bid)

    @property
    def team(self) -> int:
        """The team that made the bid, 0 or 1."""
        return team(self.bidder)

    @property
    def needed(self) -> int:
        """The points that the bidding team must take."""
        return points_needed(self.bid)

    @property
    def marks(self) -> int:
        """The marks at stake."""
        return marks_of(self.bid)

    def made(self, points: Sequence[int]) -> bool | None:
        """Return True if the contract is made, False if it is set, None while it is undecided.

        points: points taken so far by teams 0 and 1.

        The hand ends as soon as the contract is decided.
        """
        ours, theirs = points[self.team], points[1 - self.team]
        if ours < 0 or theirs < 0 or ours + theirs > HAND_POINTS:
            raise BadInput(
                f"points {tuple(points)}: use two numbers, 0 or more, that sum to at most {HAND_POINTS}"
            )
        if ours >= self.needed:
            return True
        return False if theirs > HAND_POINTS - self.needed else None

    def award(self, made: bool) -> tuple[int, int]:
        """Return the marks that teams 0 and 1 win in this hand; one team gets all of them."""
        to = self.team if made else 1 - self.team
        return (self.marks, 0) if to == 0 else (0, self.marks)


@dataclass(frozen=True, slots=True)
class Auction:
    """The calls so far. Raises BadInput if a call is illegal."""

    dealer: int
    """the seat that deals and calls last"""
    calls: tuple[int, ...] = ()
    """zero to four calls in order, starting with the seat to the dealer's left"""
    forced: bool = False
    """house rule: the dealer must bid if everyone else has passed"""

    def __post_init__(self) -> None:
        _check_seat(self.dealer)
        if len(self.calls) > N_SEATS:
            raise BadInput(f"{len(self.calls)} calls: give at most {N_SEATS}, one per seat")
        high = PASS
        for place, call in enumerate(self.calls):
            must_bid = self.forced and place == N_SEATS - 1 and high == PASS
            if call not in legal_calls(high, must_bid):
                raise BadInput(self._refusal(place, call, high, must_bid))
            high = max(high, call)

    @property
    def over(self) -> bool:
        """True once all four seats have called."""
        return len(self.calls) == N_SEATS

    @property
    def turn(self) -> int:
        """The seat to call; once the auction is over, the seat that called first."""
        return self._seat(len(self.calls))

    @property
    def high(self) -> int:
        """The highest bid so far, or PASS."""
        return max(self.calls, default=PASS)

    @property
    def contract(self) -> Contract | None:
        """The highest bid so far and its bidder; None if nobody has bid."""
        if self.high == PASS:
            return None
        return Contract(self._seat(self.calls.index(self.high)), self.high)

    @property
    def legal(self) -> tuple[int, ...]:
        """The legal calls in ascending order; empty once the auction is over."""
        if self.over:
            return ()
        last = len(self.calls) == N_SEATS - 1
        return legal_calls(self.high, must_bid=self.forced and last and self.high == PASS)

    def call(self, seat: int, call: int) -> Auction:
        """Return the auction after one more call. Raises BadInput if the call is illegal or out of turn."""
        if self.over:
            raise BadInput(f"seat {seat} calls after the auction is over: deal again or play the contract")
        if seat != self.turn:
            raise BadInput(f"seat {seat} calls out of turn: it is seat {self.turn}'s turn to call")
        return replace(self, calls=(*self.calls, call))

    def seen_from(self, seat: int) -> Auction:
        """Return the same auction with seats numbered from this one."""
        return replace(self, dealer=(self.dealer - seat) % N_SEATS)

    def _seat(self, place: int) -> int:
        return (self.dealer + 1 + place) % N_SEATS

    def _refusal(self, place: int, call: int, high: int, must_bid: bool) -> str:
        who = f"seat {self._seat(place)}"
        if call == PASS:
            return f"{who} passes after everyone else has passed: the dealer must bid 30 or more"
        check_bid(call)
        if high and call <= high:
            return f"{who} bids {call_text(call)} after a bid of {call_text(high)}: bid more, or pass"
        most = legal_calls(high, must_bid)[-1]
        return f"{who} bids {call_text(call)}: bid at most {call_text(most)} here"


@dataclass(frozen=True, slots=True)
class Score:
    """The marks of teams 0 and 1. The first team with MARKS_TO_WIN wins the game."""

    marks: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if len(self.marks) != 2 or min(self.marks) < 0:
            raise BadInput(f"score {self.marks}: give the marks of two teams, 0 or more each")

    @property
    def winner(self) -> int | None:
        """The team that has won the game, or None."""
        reached = [side for side in (0, 1) if self.marks[side] >= MARKS_TO_WIN]
        return reached[0] if reached else None

    def after(self, contract: Contract, made: bool) -> Score:
        """Return the score after one more hand. Raises BadInput if the game is already over."""
        if self.winner is not None:
            raise BadInput(f"the game is over at {self.marks[0]} to {self.marks[1]}: start another game")
        ours, theirs = contract.award(made)
        return Score((self.marks[0] + ours, self.marks[1] + theirs))


def _check_seat(seat: int) -> None:
    if isinstance(seat, bool) or seat not in range(N_SEATS):
        raise BadInput(f"seat {seat!r}: use 0..{N_SEATS - 1}")
