"""Batches of games: N deals played in lockstep, with all hands visible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.auction import LOWEST_BID, NO_CALL, Auction, Contract, call_text, check_bid
from forge_core.texas42.deals import check_deal, check_leader
from forge_core.texas42.declarations import check_declaration
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.state import FULL_HAND, NO_SLOT, Fields, States, pack
from forge_core.texas42.views import Bytes, Seen, Views


@dataclass(frozen=True, slots=True, eq=False)
class Games:
    """N games, all after the same number of plays."""

    hands: Bytes
    """[N, 4, 7] ids as dealt, ascending within each hand"""
    seen: Seen

    def __len__(self) -> int:
        return len(self.hands)

    @property
    def over(self) -> bool:
        """True after all 28 plays."""
        return self.seen.step == N_PLAYS

    @property
    def views(self) -> Views:
        """The views of the players to move, as copies that hold no reference to the other hands."""
        rows = np.arange(len(self))
        return Views(self.seen.take(rows), self.hands[rows, self.seen.turn].copy())

    @property
    def states(self) -> States:
        """[N] int64 packed states of the current positions: see `state`."""
        n, step = len(self), self.seen.step
        rows, in_trick = np.arange(n)[:, None], step % N_SEATS
        places = self.hands.reshape(n, N_DOMINOES).argsort(axis=1)[rows, self.seen.plays]  # 7 * seat + slot
        remaining = np.full((n, N_SEATS), FULL_HAND)
        np.subtract.at(remaining, (rows, places // HAND_SIZE), 1 << places % HAND_SIZE)
        played = np.full((n, N_SEATS - 1), NO_SLOT)
        played[:, :in_trick] = places[:, step - in_trick :] % HAND_SIZE
        leader = (self.seen.turn.astype(np.int64) - in_trick) % N_SEATS
        return pack(Fields(remaining, leader, np.full(n, in_trick), played))

    def play(self, slots: npt.ArrayLike) -> Games:
        """Play one slot per game (`slots` [N], of the mover's hand as dealt). Raises BadInput if illegal."""
        rows, slots = np.arange(len(self)), np.asarray(slots, dtype=np.int64)
        views = self.views
        inside = (slots >= 0) & (slots < views.hand.shape[1])
        bad = ~inside | ~views.legal[rows, np.where(inside, slots, 0)]
        if bad.any():
            game = int(np.flatnonzero(bad)[0])
            raise BadInput(
                f"game {game}: seat {views.seat[game]} may not play slot {slots[game]} at step "
                f"{self.seen.step}: choose a legal slot"
            )
        return Games(self.hands, self.seen.after(views.hand[rows, slots]))

    def take(self, index) -> Games:
        """Return a copy of the games at `index`: integers or a boolean mask."""
        return Games(np.array(self.hands[index]), self.seen.take(index))


def start(
    hands,
    decls,
    leaders=0,
    bidders=None,
    bids: npt.ArrayLike = LOWEST_BID,
    auctions: Sequence[Auction] | None = None,
) -> Games:
    """Set up games before the first play.

    hands: [N][4][7] ids. decls: [N]. leaders (of the first trick), bidders (default: the leaders)
    and bids: one per game, or one for all. auctions: [N], which led to these bidders and bids, if auctions
    were held. Raises BadInput for invalid values.
    """
    deals = [check_deal(deal) for deal in hands]
    n = len(deals)
    dealt = np.stack(deals) if n else np.zeros((0, 4, 7), dtype=np.int8)

    def each(numbers, what: str) -> npt.NDArray[np.int64]:
        array = np.asarray(numbers)
        if array.shape not in ((), (1,), (n,)) or (array.size and not np.issubdtype(array.dtype, np.integer)):
            raise BadInput(f"{what} for {n} games: give one integer per game, or one for all")
        return np.broadcast_to(array, n).astype(np.int64)

    decl, turn, bid = each(decls, "declarations"), each(leaders, "leaders"), each(bids, "bids")
    bidder = turn if bidders is None else each(bidders, "bidders")
    for each_decl in decl:
        check_declaration(int(each_decl))
    for seat in (*turn, *bidder):
        check_leader(int(seat))
    for each_bid in np.unique(bid):
        check_bid(int(each_bid))
    calls, forced = np.full((n, N_SEATS), NO_CALL, dtype=np.int16), np.zeros(n, dtype=np.bool_)
    if auctions is not None:
        _check_auctions(auctions, bidder, bid)
        calls = np.array([one.calls for one in auctions], dtype=np.int16).reshape(n, N_SEATS)
        forced = np.array([one.forced for one in auctions], dtype=np.bool_)
    return Games(
        dealt,
        Seen(
            decl=decl.astype(np.int8),
            bidder=bidder.astype(np.int8),
            bid=bid.astype(np.int16),
            plays=np.zeros((n, 0), dtype=np.int8),
            players=np.zeros((n, 0), dtype=np.int8),
            turn=turn.astype(np.int8),
            points=np.zeros((n, 2), dtype=np.int16),
            calls=calls,
            forced=forced,
        ),
    )


def _check_auctions(
    auctions: Sequence[Auction], bidder: npt.NDArray[np.int64], bid: npt.NDArray[np.int64]
) -> None:
    """Raise BadInput unless the N auctions led to the contracts of N games."""
    if len(auctions) != len(bid):
        raise BadInput(f"{len(auctions)} auctions for {len(bid)} games: give one per game")
    for game, (auction, seat, of_game) in enumerate(
        zip(auctions, bidder.tolist(), bid.tolist(), strict=True)
    ):
        if not auction.over or auction.contract != Contract(seat, of_game):
            raise BadInput(
                f"game {game}: calls {auction.calls} with dealer {auction.dealer} do not give seat {seat} a "
                f"contract of {call_text(of_game)}: pass the auction that led to it"
            )


def replay(games: Games, plays: npt.ArrayLike) -> Iterator[Games]:
    """Yield the games before each play in `plays` ([N, t] ids in order), then after the last play.

    Raises BadInput if a play is illegal.
    """
    for dominoes in np.asarray(plays).T:
        yield games
        held = games.views.hand == dominoes[:, None]
        games = games.play(np.where(held.any(axis=1), held.argmax(axis=1), -1))
    yield games
