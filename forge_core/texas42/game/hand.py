"""One hand of Texas 42 as a game: N hands at once, each at its own step.

rules.py and auction.py are the slow, readable references; tests compare this module with them and
with `games`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.device import resolve_device
from forge_core.errors import BadInput
from forge_core.game import NOBODY, Array, Facts, Observation, cast, library, map_arrays
from forge_core.splits import check_seed
from forge_core.streams import mix, stream
from forge_core.texas42.deals import check_deal, check_leader, deal_from_seed
from forge_core.texas42.declarations import N_DECLARATIONS, check_declaration
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.game import observation
from forge_core.texas42.game.actions import CALL_FROM, DECLARE_FROM, MOST_MARKS, N_ACTIONS, action_text
from forge_core.texas42.game.state import (
    CALL,
    DECLARE,
    NO_SUIT,
    NONE,
    OVER,
    PLAY,
    Lookups,
    TableState,
    lookups_for,
)

TEXAS42_VERSION = 0
"""Raised when actions, observations or results change"""
REDEALS = 3
"""number of times that a hand is dealt again if everyone passes; it bounds the number of steps"""
FIRST_DEALER = N_SEATS - 1
"""Seat 3 deals, so seat 0 calls first, just as seat 0 leads when the declaration is given."""


@dataclass(frozen=True, slots=True)
class Texas42:
    """One hand, with a given declaration or with an auction.

    auction=False: seat 0 leads and all 28 dominoes are played. Returns are points: those of the
    seat's team minus those of the other team.
    auction=True: each seat calls once, starting with seat 0; the highest bidder declares and leads;
    the hand ends with the trick that decides the contract. Returns are marks, positive for the team
    that wins them. If everyone passes, the next seat deals again, at most `redeals` times; after
    that, the hand ends and nobody wins marks.
    Raises BadInput for contradictory settings.
    """

    auction: bool = False
    declaration: int | None = None
    """the declaration of every hand without an auction; None: seed % 10"""
    forced: bool = False
    """house rule for auctions: the dealer must bid if everyone else has passed"""
    redeals: int = REDEALS
    """number of times that a hand is dealt again if everyone passes"""

    def __post_init__(self) -> None:
        if self.declaration is not None:
            check_declaration(self.declaration)
            if self.auction:
                raise BadInput("declaration= has no effect with an auction: the bidder declares")
        if self.forced and not self.auction:
            raise BadInput("forced= needs an auction: set auction=True too")
        if not 0 <= self.redeals <= 100:
            raise BadInput(f"redeals={self.redeals}: use 0..100")

    @property
    def facts(self) -> Facts:
        """28 actions and 28 steps; with an auction, 56 actions and at most 4 steps per deal plus 29."""
        return _facts(self)

    @property
    def _first_seat(self) -> int:
        """The leader; with an auction, the dealer."""
        return FIRST_DEALER if self.auction else 0

    # --- start --------------------------------------------------------------------------------

    def init(self, seeds: Sequence[int], device: str | None = None) -> TableState:
        """Return hands dealt by `deal_from_seed` before the first action; device=None gives numpy arrays.

        Each redeal after four passes depends only on the seed and the number of the redeal. Raises
        BadInput for an invalid seed, DeviceUnavailable for a missing device.
        """
        for seed in seeds:
            check_seed(seed)
        seeds = [int(seed) for seed in seeds]
        deals = [deal_from_seed(seed) for seed in seeds]
        decls = [seed % N_DECLARATIONS if self.declaration is None else self.declaration for seed in seeds]
        owners = _owners(np.array(deals, dtype=np.int64).reshape(-1, N_SEATS, HAND_SIZE))[:, None]
        if self.auction and self.redeals and not self.forced:
            owners = np.concatenate([owners, _following(seeds, self.redeals)], 1)
        return self._first(
            owners, np.full(len(deals), self._first_seat), np.array(decls, dtype=np.int64), device
        )

    def start(
        self,
        hands: Any,
        decls: npt.ArrayLike | None = None,
        seats: npt.ArrayLike | None = None,
        device: str | None = None,
    ) -> TableState:
        """Return the given hands before the first action.

        hands: [N][4][7] ids. decls: [N], or one for all; required without an auction, not allowed
        with one. seats: [N], or one for all: the leader of the first trick (default 0) or, with an
        auction, the dealer (default 3). These hands are never redealt: if everyone passes, the hand
        is over. Raises BadInput for invalid values, DeviceUnavailable for a missing device.
        """
        deals = np.array([check_deal(deal) for deal in hands], dtype=np.int64).reshape(-1, N_SEATS, HAND_SIZE)
        if (decls is None) is not self.auction:
            raise BadInput("decls= is required with auction=False and not allowed with auction=True")
        first = _whole_numbers(self._first_seat if seats is None else seats, len(deals), "seats")
        decl = _whole_numbers(NONE if decls is None else decls, len(deals), "declarations")
        for seat in first:
            check_leader(int(seat))
        for each in () if self.auction else decl:
            check_declaration(int(each))
        return self._first(_owners(deals)[:, None], first, decl, device)

    def _first(self, owners: Array, first: Array, decl: Array, device: str | None) -> TableState:
        """Return hands for owners [N, R, 28] by deal. first: [N] leaders or, with an auction, dealers."""
        n, auction = len(owners), self.auction
        each = np.ones(n, dtype=np.int64)
        arrays = TableState(
            deals=owners.astype(np.int8),
            deal=0 * each,
            owner=owners[:, 0].astype(np.int8),
            ply=np.full((n, N_DOMINOES), NONE, dtype=np.int8),
            phase=(CALL if auction else PLAY) * each,
            turn=(first + auction) % N_SEATS,
            dealer=(first if auction else NONE) * each,
            calls=np.full((n, N_SEATS), NONE, dtype=np.int64),
            bid=0 * each,
            bidder=NONE * each,
            decl=(NONE if auction else decl) * each,
            plays=0 * each,
            led=NO_SUIT * each,
            winning=NONE * each,
            rank=0 * each,
            worth=0 * each,
            points=np.zeros((n, 2), dtype=np.int64),
        )
        if device is None:
            return arrays
        import torch

        place = resolve_device(device)
        return map_arrays(lambda array: torch.tensor(array, device=place), arrays)

    # --- turn and legal actions ---------------------------------------------------------------

    def to_move(self, state: TableState) -> Array:
        """Return [N] int64: the seat that calls, declares or plays; NOBODY once the hand is over."""
        return library(state.turn).where(state.phase == OVER, NOBODY, state.turn)

    def over(self, state: TableState) -> Array:
        """Return [N] bool: True if the hand is over."""
        return state.phase == OVER

    def legal(self, state: TableState) -> Array:
        """Return the legal actions: [N, 28] bool or, with an auction, [N, 56] bool."""
        xp, tables = library(state.turn), lookups_for(state.turn)
        held = (state.owner == state.turn[:, None]) & (state.ply == NONE)
        following = held & tables.follows[state.decl, state.led]
        plays = xp.where(following.any(1)[:, None], following, held) & (state.phase == PLAY)[:, None]
        if not self.auction:
            return plays
        must = cast((state.turn == state.dealer) & (state.bid == 0) & self.forced, "int64")
        calls = tables.may_call[must, state.bid] & (state.phase == CALL)[:, None]
        declarations = tables.unlimited & (state.phase == DECLARE)[:, None]
        return xp.concatenate((plays, calls, declarations), 1)

    # --- steps --------------------------------------------------------------------------------

    def step(self, state: TableState, actions: Array) -> TableState:
        """Return the hands after one action (a call, declaration or play) in each hand that is not over."""
        tables, before = lookups_for(state.turn), state
        if self.auction:
            if _some(calling := before.phase == CALL):
                state = self._call(state, calling, actions, tables)
            if _some(declaring := before.phase == DECLARE):
                state = _declare(state, declaring, actions)
        if _some(playing := before.phase == PLAY):
            state = self._play(state, playing, actions, tables)
        return state

    def _call(self, state: TableState, calling: Array, action: Array, tables: Lookups) -> TableState:
        xp = library(action)
        call = xp.where(calling, action - CALL_FROM, 0)
        calls = xp.where(calling[:, None] & (tables.seats == state.turn[:, None]), call[:, None], state.calls)
        higher = call > state.bid
        bid, bidder = xp.where(higher, call, state.bid), xp.where(higher, state.turn, state.bidder)
        last = calling & (state.turn == state.dealer)
        passed = last & (bid == 0)
        again = passed & (state.deal < state.deals.shape[1] - 1)

        # If everyone passed, the next seat deals the next deal and this auction is discarded.
        deal, dealer = state.deal + again, (state.dealer + again) % N_SEATS
        rows = xp.arange(len(state), device=action.device)
        owner = xp.where(again[:, None], state.deals[rows, deal], state.owner)
        calls = xp.where(again[:, None], NONE, calls)
        turn = xp.where(calling, (xp.where(again, dealer, state.turn) + 1) % N_SEATS, state.turn)
        phase = xp.where(passed & ~again, OVER, xp.where(last & ~passed, DECLARE, state.phase))
        return replace(
            state,
            deal=deal,
            owner=owner,
            phase=phase,
            turn=xp.where(last & ~passed, bidder, turn),
            dealer=dealer,
            calls=calls,
            bid=bid,
            bidder=bidder,
        )

    def _play(self, state: TableState, playing: Array, action: Array, tables: Lookups) -> TableState:
        xp = library(action)
        domino = xp.where(playing, action, 0)
        leads = state.led == NO_SUIT
        led = xp.where(leads, tables.led_suit[state.decl, domino], state.led)
        rank = tables.trick_rank[state.decl, led, domino]
        takes = playing & (leads | (rank > state.rank))
        winning = xp.where(takes, state.turn, state.winning)
        worth = state.worth + xp.where(playing, tables.counts[domino], 0)

        # The fourth play closes the trick: its winner takes the points and leads.
        closes = playing & (state.plays % N_SEATS == N_SEATS - 1)
        to_team = closes[:, None] & (tables.teams == (winning % 2)[:, None])
        points = state.points + xp.where(to_team, 1 + worth[:, None], 0)
        stays = playing & ~closes
        turn = xp.where(closes, winning, xp.where(stays, (state.turn + 1) % N_SEATS, state.turn))
        played = playing[:, None] & (tables.dominoes == domino[:, None])
        after = replace(
            state,
            ply=xp.where(played, cast(state.plays, "int8")[:, None], state.ply),
            turn=turn,
            plays=state.plays + playing,
            led=xp.where(stays, led, NO_SUIT),
            winning=xp.where(stays, winning, NONE),
            rank=xp.where(stays, xp.where(takes, rank, state.rank), 0),
            worth=xp.where(stays, worth, 0),
            points=points,
        )
        if self.auction:
            ours, theirs, needed = _contract(after, tables)
            ends = playing & ((ours >= needed) | (theirs > HAND_POINTS - needed))
        else:
            ends = playing & (after.plays == N_PLAYS)
        return replace(after, phase=xp.where(ends, OVER, state.phase))

    # --- returns and observations -------------------------------------------------------------

    def returns(self, state: TableState) -> Array:
        """Return [N, 4] float32: points (marks with an auction) of the seat's team minus the other team's."""
        xp, tables = library(state.turn), lookups_for(state.turn)
        if self.auction:
            ours, _, needed = _contract(state, tables)
            marks = xp.where(ours >= needed, 1, -1) * tables.marks[state.bid]
            of_team_0 = xp.where(state.bidder % 2 == 0, marks, -marks)
        else:
            of_team_0 = state.points[:, 0] - state.points[:, 1]
        result = xp.where(state.phase == OVER, of_team_0, 0)
        return cast(result[:, None] * tables.signs, "float32")

    def observe(self, state: TableState, seat: int | Array | None = None) -> Array:
        """Return [N, 233] uint8 observations: see `observation.LAYOUT`."""
        if seat is None:
            seat = library(state.turn).where(state.phase == OVER, 0, state.turn)
        return observation.encode(state, seat)

    def action_text(self, action: int) -> str:
        """Return `6-4`, `call 31`, `call pass` or `declare sixes`. Raises BadInput for an unknown id."""
        return action_text(action)

    def describe(self, state: TableState, row: int = 0, seat: int | None = None) -> str:
        """Return hands, auction and trick as lines of text; if `seat` is given, show only its hand."""
        return observation.describe(state, row, seat)


@cache
def _facts(game: Texas42) -> Facts:
    redeals = 0 if game.forced else game.redeals
    return Facts(
        name="texas42_auction" if game.auction else "texas42",
        version=TEXAS42_VERSION,
        n_seats=N_SEATS,
        n_actions=N_ACTIONS if game.auction else N_DOMINOES,
        max_steps=N_PLAYS + (1 + N_SEATS * (1 + redeals) if game.auction else 0),
        observation=Observation((observation.SIZE,), "uint8", 0, HAND_POINTS),
        return_bound=MOST_MARKS if game.auction else HAND_POINTS,
        zero_sum=True,
        hidden=True,
    )


def _declare(state: TableState, declaring: Array, action: Array) -> TableState:
    xp = library(action)
    decl = xp.where(declaring, action - DECLARE_FROM, state.decl)
    return replace(state, decl=decl, phase=xp.where(declaring, PLAY, state.phase))


def _contract(state: TableState, tables: Lookups) -> tuple[Array, Array, Array]:
    """Return three [N] arrays: the bidding team's points, the other team's, and the points needed."""
    first = state.bidder % 2 == 0
    xp, points = library(first), state.points
    ours = xp.where(first, points[:, 0], points[:, 1])
    return ours, points.sum(1) - ours, tables.needed[state.bid]


def _whole_numbers(numbers: npt.ArrayLike, n: int, name: str) -> npt.NDArray[np.int64]:
    """Return one number per hand as int64 [n]. Raises BadInput unless `numbers` is one integer, or n."""
    array = np.asarray(numbers)
    if array.shape not in ((), (n,)) or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise BadInput(f"{name} for {n} hands: give one integer per hand, or one for all")
    return np.broadcast_to(array, n).astype(np.int64)


def _owners(deals: npt.NDArray) -> npt.NDArray:
    """Return [N, 28]: the seat that holds each domino, for deals [N, 4, 7]."""
    return deals.reshape(-1, N_DOMINOES).argsort(axis=1) // HAND_SIZE


def _following(seeds: Sequence[int], n: int) -> npt.NDArray:
    """Return owners [N, n, 28] of the redeals: dominoes sorted by random keys and cut into sevens."""
    key = stream(0, "texas42 redeals").integers(2**63)
    seed = np.array([seed % 2**64 for seed in seeds], dtype=np.uint64)
    deals = mix(mix(key, seed)[:, None], np.arange(n))
    keys = mix(deals[:, :, None], np.arange(N_DOMINOES))
    return keys.argsort(axis=2, kind="stable").argsort(axis=2) // HAND_SIZE


def _some(rows: Array) -> bool:
    """Return False for a numpy array without a True; return True for any tensor, to avoid synchronising."""
    return not isinstance(rows, np.ndarray) or bool(rows.any())
