"""Duplicate deals: the conditions shared by all games of a match, and playing games in lockstep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.ranges import check_numbers
from forge_core.splits import Split, check_seed, split_of
from forge_core.streams import stream
from forge_core.texas42.auction import MARKS_TO_WIN, Score
from forge_core.texas42.bidding.bidders import HeldAuction, RuleBidder, hold_auction
from forge_core.texas42.bidding.names import AnyBidder
from forge_core.texas42.deals import Hands, deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS, check_declaration
from forge_core.texas42.declaring import suits
from forge_core.texas42.dominoes import N_SEATS
from forge_core.texas42.games import LOWEST_BID, Games, check_bid, start
from forge_core.texas42.players import AnyPlayer, ask
from forge_core.texas42.players.protocol import Keys
from forge_core.texas42.settings.matches import DECLARE, MatchSettings

_RULE = RuleBidder()


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of all games of a match. Raises BadInput for contradictions.

    Seat 0 bids and leads. Random draws depend only on `seed`, the deal and the declaration, so that they
    are the same for every player in a seat.
    """

    declare: str | int = "hand"
    """`hand`: the choice of `suits` for seat 0's hand; `seed`: the deal's seed % 10; a number 0..9: that
    declaration in all deals; `auction`: bid and declaration come from an auction of four RuleBidders at a
    score of 0 to 0, in which the dealer, seat 3 of the deal, must bid if all others pass; seats are then
    numbered from the bidder"""
    bid: int = LOWEST_BID
    """30..42 points, or marks as 84, 126, ...; an auction determines its own"""
    seed: int = 0

    @classmethod
    def of(cls, settings: MatchSettings) -> Conditions:
        """Return the conditions that a user chose. Raises BadInput."""
        return cls(settings.decl, settings.bid, settings.seed)

    def __post_init__(self) -> None:
        check_numbers(self)
        if isinstance(self.declare, str) and self.declare not in DECLARE:
            raise BadInput(f"decl {self.declare!r}: use {', '.join(DECLARE)} or a declaration 0..9")
        if not isinstance(self.declare, str):
            check_declaration(self.declare)
        check_bid(self.bid)
        if self.declare == "auction" and self.bid != LOWEST_BID:
            raise BadInput(f"bid {self.bid}: an auction determines the bid, so leave out bid")
        check_seed(self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Return the conditions as JSON types."""
        values = asdict(self)
        if self.declare != "auction":
            return values
        return {name: value for name, value in values.items() if name != "bid"} | {"bidder": _RULE.describe()}

    def deal(self, seeds: Sequence[int]) -> Games:
        """Return the games of the seeds before their first play. Raises BadInput for a sealed seed."""
        sealed = next((seed for seed in seeds if split_of(seed) is Split.TEST), None)
        if sealed is not None:
            raise BadInput(f"seed {sealed} is in the test split, which is sealed: use other seeds")
        if self.declare == "auction":
            return start_contracts([_hold(seed) for seed in seeds])
        hands = np.array([deal_from_seed(seed) for seed in seeds], dtype=np.int8).reshape(-1, 4, 7)
        if self.declare == "hand":
            decls = suits(hands[:, 0])
        elif self.declare == "seed":
            decls = np.array([seed % N_DECLARATIONS for seed in seeds], dtype=np.int64)
        else:
            decls = np.full(len(seeds), self.declare)
        return start(hands, decls, bids=self.bid)


@cache
def _hold(seed: int) -> tuple[Hands, HeldAuction]:
    """Return the deal of a seed and its auction."""
    hands = deal_from_seed(seed)
    return hands, hold_auction(hands, [_RULE] * N_SEATS, dealer=N_SEATS - 1, forced=True)


def auction_at_random_score(seed: int, bidder: AnyBidder) -> tuple[Hands, HeldAuction, tuple[int, int]]:
    """Hold the auction of a seed's deal, with four bidders of one kind and seat 3 as the dealer.

    Returns the hands, the auction, and the marks of teams 0 and 1, which are drawn at random.
    """
    hands, marks = deal_from_seed(seed), stream(seed, "score").integers(MARKS_TO_WIN, size=2).tolist()
    score = marks[0], marks[1]
    return hands, hold_auction(hands, [bidder] * N_SEATS, N_SEATS - 1, Score(score)), score


def deal_contracts(seeds: Sequence[int], bidder: AnyBidder) -> Games:
    """Return the games of auctions at random scores (see `start_contracts`), without deals that all pass."""
    dealt = (auction_at_random_score(seed, bidder)[:2] for seed in seeds)
    return start_contracts([(hands, held) for hands, held in dealt if held.contract])


def start_contracts(dealt: Sequence[tuple[Hands, HeldAuction]]) -> Games:
    """Return the games of N contracts before the first play; their seats are numbered from the bidder.

    dealt: hands, and an auction that ended with a contract.
    """
    hands, decls, auctions = [], [], []
    for deal, held in dealt:
        assert held.contract is not None
        first = held.contract.bidder
        hands.append([*deal[first:], *deal[:first]])
        decls.append(held.decl)
        auctions.append(held.auction.seen_from(first))
    bids = np.array([auction.high for auction in auctions], dtype=np.int64)
    return start(hands, np.array(decls, dtype=np.int64), bids=bids, auctions=auctions)


def play_out(
    games: Games,
    players: Sequence[AnyPlayer],
    sides: npt.NDArray[np.int64],
    keys: Keys,
    on_step: Callable[[int], None] | None = None,
) -> Games:
    """Play N games to the end in lockstep, and return them.

    sides: [N, 2], the index into `players` for each team. keys: [N], the key of each game's random draws
    (see `eq.game_keys`). on_step: called after each step with its number, 0..27. A game depends only on
    its deal, contract, players and key, except that the last digit of a network's answer, and thus a
    choice between equal plays, may depend on the batch size.
    """
    while len(games) and not games.over:
        step = games.seen.step
        games = play_step(games, sides, lambda side, own, rows: ask(players[side], own, keys[rows]))
        if on_step:
            on_step(step)
    return games


def play_step(
    games: Games,
    sides: npt.NDArray[np.int64],
    slots_of: Callable[[int, Games, npt.NDArray[np.int64]], npt.NDArray[np.int64]],
) -> Games:
    """Make one play in each of N games. sides: [N, 2], the side of each team.

    slots_of: called with a side, the games in which it is on turn and their rows; returns the slots that it
    plays.
    """
    on_turn = sides[np.arange(len(games)), games.seen.turn % 2]
    slots = np.empty(len(games), dtype=np.int64)
    for which in np.unique(on_turn).tolist():
        own = np.flatnonzero(on_turn == which)
        slots[own] = slots_of(which, games.take(own), own)
    return games.play(slots)
