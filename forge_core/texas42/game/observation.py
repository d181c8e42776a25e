"""Observations: what one seat knows, as numbers and as text. Neither reveals hidden dominoes."""

from __future__ import annotations

from itertools import accumulate

from forge_core.game import Array, cast, library, map_arrays, to_numpy
from forge_core.texas42.auction import call_text
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import N_DOMINOES, N_SEATS
from forge_core.texas42.game.actions import CALLS
from forge_core.texas42.game.state import CALL, DECLARE, NONE, OVER, PLAY, TableState, lookups_for
from forge_core.texas42.notation import declaration_text, domino_text, hand_text

_SIZES = {
    "hand": N_DOMINOES,
    "played_by": N_SEATS * N_DOMINOES,
    "order": N_DOMINOES,
    "trick": N_DOMINOES,
    "phase": 3,
    "declaration": N_DECLARATIONS,
    "calls": N_SEATS,
    "dealer": N_SEATS,
    "bidder": N_SEATS,
    "leader": N_SEATS,
    "winning": N_SEATS,
    "points": 2,
    "needed": 1,
    "marks": 1,
}
_ENDS = tuple(accumulate(_SIZES.values()))
SIZE = _ENDS[-1]
LAYOUT: dict[str, slice] = {
    name: slice(end - size, end) for (name, size), end in zip(_SIZES.items(), _ENDS, strict=True)
}
"""The position of each part of an observation. Seats are relative: the observer first, then clockwise.

hand: 28 flags, 1 for a domino still held. played_by: 28 flags per seat, 1 for a domino it played.
order: 1..28 for dominoes in playing order, 0 if not played. trick: the same within the current trick,
1..3. phase: call, declare, play (also after the hand is over). declaration: one-hot over ten, all 0
before it is made. calls: per seat, 0 before it calls, 1 for a pass, 2..18 for bids. dealer, bidder,
leader and current winner of the trick: one-hot over four seats, all 0 for nobody. points: own team,
other team. needed: points that the bidding team must take, 0 without a bid. marks: marks at stake.
"""


def encode(state: TableState, seat: int | Array) -> Array:
    """Return [N, SIZE] uint8: the knowledge of `seat` (one for all, or [N]) in each row."""
    xp, tables = library(state.turn), lookups_for(state.turn)
    seat = (0 * state.turn + seat)[:, None]
    relative = (tables.seats + seat) % N_SEATS  # [N, 4] absolute seats, starting with the observer
    by_seat = state.owner[:, None, :] == relative[:, :, None]
    held = state.ply == NONE
    played_by = by_seat & ~held[:, None, :]
    started = state.plays - state.plays % N_SEATS
    order = state.ply + 1
    in_trick = state.ply - started[:, None] + 1
    trick = xp.where(~held & (in_trick > 0), in_trick, 0)
    playing = (state.phase == PLAY) | (state.phase == OVER)
    phases = (state.phase == CALL, state.phase == DECLARE, playing)
    leader = xp.where(state.decl == NONE, NONE, (state.turn - state.plays) % N_SEATS)
    points = _by_seat(state.points, relative[:, :2] % 2)
    has_bid = (state.bid > 0)[:, None]
    parts = (
        by_seat[:, 0] & held,
        played_by.reshape(len(state), N_SEATS * N_DOMINOES),
        order,
        trick,
        xp.stack(phases, 1),
        state.decl[:, None] == tables.dominoes[:N_DECLARATIONS],
        _by_seat(state.calls, relative) + 1,
        *(
            relative == each[:, None]
            for each in (state.dealer, xp.where(state.bid > 0, state.bidder, NONE), leader, state.winning)
        ),
        points,
        xp.where(has_bid, tables.needed[state.bid][:, None], 0),
        tables.marks[state.bid][:, None],
    )
    return xp.concatenate([cast(part, "uint8") for part in parts], 1)


def _by_seat(array: Array, seats: Array) -> Array:
    """Gather along the second axis: return array[i, seats[i, j]]."""
    if hasattr(array, "gather"):
        return array.gather(1, seats)
    return library(array).take_along_axis(array, seats, 1)


def describe(state: TableState, row: int, seat: int | None) -> str:
    """Return one hand as lines of text; if `seat` is given, show only its dominoes."""
    one = map_arrays(lambda array: to_numpy(array[row]), state)
    turn = None if one.phase == OVER else int(one.turn)
    lines = []
    if one.decl != NONE:
        lines.append(declaration_text(int(one.decl)))
    if one.bid > 0:
        lines.append(f"seat {one.bidder} bid {call_text(CALLS[int(one.bid)])}")
    if one.phase == CALL:
        lines.append(f"seat {one.dealer} deals")
    for each in range(N_SEATS):
        held = [int(d) for d in ((one.owner == each) & (one.ply == NONE)).nonzero()[0]]
        hand = hand_text(held) if seat in (None, each) else f"{len(held)} hidden"
        call = f"  call {call_text(CALLS[int(one.calls[each])])}" if one.calls[each] != NONE else ""
        lines.append(f"{'>' if each == turn else ' '} seat {each}  {hand}{call}")
    played = sorted((int(ply), d) for d, ply in enumerate(one.ply) if ply != NONE)
    for first in range(0, len(played), N_SEATS):
        trick = (f"{one.owner[d]}:{domino_text(d)}" for _, d in played[first : first + N_SEATS])
        lines.append("  ".join(trick))
    lines.append(f"points {one.points[0]} to {one.points[1]}" + ("; over" if turn is None else ""))
    return "\n".join(lines)
