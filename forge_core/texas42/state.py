"""Packed states: a position in 41 bits of an int64.

    bits  0..27  remaining slots of seat p at [7p, 7p + 7)
    bits 28..29  leader of the trick
    bits 30..31  plays in the trick so far, 0..3
    bits 32..40  slots played by the first, second and third player, three bits each; 7 = none

A slot is an index into the initial, ascending hand. When the fourth play closes the trick, the
played fields are reset to 7 and the winner becomes the leader. All functions work on arrays [S]. A
packed state does not contain the dominoes, so functions that need the rules take DealTables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput, StateUnreachable
from forge_core.texas42.dominoes import HAND_SIZE, N_PLAYS, N_SEATS
from forge_core.texas42.tables import DealTables

States = npt.NDArray[np.int64]
"""[S] int64 packed states"""

FULL_HAND = (1 << HAND_SIZE) - 1
NO_SLOT = 7
"""an empty played field"""
LEADER_BIT, IN_TRICK_BIT, PLAYED_BIT = 28, 30, 32
STATE_BITS = 41
ILLEGAL = -128
"""Q of an illegal slot"""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of S packed states."""

    remaining: npt.NDArray[np.int64]
    """[S, 4] 7-bit mask of the slots that each seat still holds"""
    leader: npt.NDArray[np.int64]
    """[S] seat that leads the current trick"""
    in_trick: npt.NDArray[np.int64]
    """[S] plays in the trick so far, 0..3"""
    played: npt.NDArray[np.int64]
    """[S, 3] slots played by the first, second and third player of the trick; 7 = none"""

    @property
    def mover(self) -> npt.NDArray[np.int64]:
        """[S] seat to play (in a terminal state, the winner of the last trick)"""
        return (self.leader + self.in_trick) % N_SEATS

    @property
    def ply(self) -> npt.NDArray[np.int64]:
        """[S] number of plays so far, 0..28"""
        return N_PLAYS - np.bitwise_count(self.remaining).sum(axis=1).astype(np.int64)


def initial_state(leader: int = 0) -> int:
    """Return the root state: nothing has been played and `leader` leads the first trick."""
    return (1 << LEADER_BIT) - 1 | leader << LEADER_BIT | 0o777 << PLAYED_BIT


def pack(fields: Fields) -> States:
    """Pack fields into states; the inverse of `unpack`."""
    packed = fields.leader.astype(np.int64) << LEADER_BIT | fields.in_trick.astype(np.int64) << IN_TRICK_BIT
    for seat in range(N_SEATS):
        packed |= fields.remaining[:, seat].astype(np.int64) << HAND_SIZE * seat
    for place in range(3):
        packed |= fields.played[:, place].astype(np.int64) << PLAYED_BIT + 3 * place
    return packed


def unpack(states: npt.ArrayLike) -> Fields:
    """Split packed states [S] into fields, without checking them: see `check_states`."""
    packed = as_states(states)
    return Fields(
        remaining=packed[:, None] >> HAND_SIZE * np.arange(N_SEATS) & FULL_HAND,
        leader=packed >> LEADER_BIT & 3,
        in_trick=packed >> IN_TRICK_BIT & 3,
        played=packed[:, None] >> PLAYED_BIT + 3 * np.arange(3) & 7,
    )


def as_states(states: npt.ArrayLike) -> States:
    """Return integers, one or a list of them, as int64 [S]; raise BadInput for other types or shapes."""
    try:
        array = np.asarray(states)
    except ValueError as error:  # lists of different lengths
        raise BadInput(f"states are not a list of integers ({error}): give int64 [S]") from error
    if array.ndim > 1:
        raise BadInput(f"states of shape {array.shape}: give them as one list, [S]")
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise BadInput(f"states of type {array.dtype}: use integers (packed states are int64)")
    return np.atleast_1d(array).astype(np.int64, copy=False)


def is_well_formed(states: States) -> npt.NDArray[np.bool_]:
    """Return [S] bool: True if the fields are consistent with each other.

    A player who has already played to the trick holds one domino fewer, and a played slot is no
    longer in the hand. Legality of the plays is not checked, because it depends on the deal.
    """
    f = unpack(states)
    ok = (states >= 0) & (states < 1 << STATE_BITS)
    held = np.bitwise_count(f.remaining)
    fewest = held.min(axis=1)
    rows = np.arange(len(states))
    for offset in range(N_SEATS):
        seat = (f.leader + offset) % N_SEATS
        has_played = offset < f.in_trick
        ok &= held[rows, seat] == fewest + (~has_played & (f.in_trick > 0))
        if offset < 3:
            slot = f.played[:, offset]
            gone = (f.remaining[rows, seat] >> slot & 1) == 0
            ok &= np.where(has_played, (slot != NO_SLOT) & gone, slot == NO_SLOT)
    return ok


def check_states(states: npt.ArrayLike) -> States:
    """Return the states as int64 [S]; raise StateUnreachable if any of them is malformed."""
    packed = as_states(states)
    ok = is_well_formed(packed)
    if not ok.all():
        raise StateUnreachable(
            f"state {int(packed[~ok][0])} is malformed (its hands, leader and trick are inconsistent): "
            "build states with forge_core.texas42.state.pack"
        )
    return packed


def legal_slots(states: States, tables: DealTables) -> npt.NDArray[np.int64]:
    """Return [S] 7-bit masks of the mover's legal slots; 0 in a terminal state."""
    f = unpack(states)
    hand = f.remaining[np.arange(len(states)), f.mover]
    lead = np.minimum(f.played[:, 0], HAND_SIZE - 1)
    following = hand & tables.follow[f.leader, lead, f.in_trick]
    return np.where((f.in_trick > 0) & (following > 0), following, hand)


def advance(states: States, slots: npt.ArrayLike, tables: DealTables) -> tuple[States, npt.NDArray[np.int8]]:
    """Play the mover's `slots` [S]; return (next states [S], points [S] int8 in team 0's frame).

    points: the points of the trick if the play closes it, otherwise 0. Raises BadInput for an illegal slot.
    """
    f = unpack(states)
    slots = np.atleast_1d(np.asarray(slots, dtype=np.int64))
    bad = (slots < 0) | (slots >= HAND_SIZE) | (legal_slots(states, tables) >> np.maximum(slots, 0) & 1 == 0)
    if bad.any():
        slot, state = int(slots[bad][0]), int(states[bad][0])
        raise BadInput(f"slot {slot} is illegal in state {state}: use a legal slot")
    rows = np.arange(len(states))
    remaining, played = f.remaining.copy(), f.played.copy()
    remaining[rows, f.mover] &= ~(1 << slots)
    open_trick = f.in_trick < 3
    played[rows[open_trick], f.in_trick[open_trick]] = slots[open_trick]
    trick = (f.leader, *np.minimum(f.played, HAND_SIZE - 1).T, slots)
    points = np.where(open_trick, 0, tables.points[trick]).astype(np.int8)
    played[~open_trick] = NO_SLOT
    following = Fields(
        remaining=remaining,
        leader=np.where(open_trick, f.leader, tables.winner[trick]),
        in_trick=np.where(open_trick, f.in_trick + 1, 0),
        played=played,
    )
    return pack(following), points


def to_mover_frame(values: npt.NDArray[np.int8], states: States) -> npt.NDArray[np.int8]:
    """Convert V [S] or Q [S, 7] from team 0's frame to the mover's; -128 (illegal) is kept.

    Only this function and `reached_by_mover` change the sign of values.
    """
    sign = np.where(unpack(states).mover & 1, -1, 1).astype(np.int8)
    sign = sign.reshape(-1, *(1,) * (values.ndim - 1))
    return np.where(values == ILLEGAL, values, sign * values)


def reached_by_mover(
    at: npt.NDArray[np.int64], states: States
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Convert the question "does the mover get at least `at` points?" [S] to team 0's frame.

    Returns bounds [S] and answers [S] bool: the mover gets them if (V or Q >= bound) == answer.
    """
    is_team_0 = unpack(states).mover & 1 == 0
    # Team 1 needs -V >= at, which is not V >= 1 - at.
    return np.where(is_team_0, at, 1 - at), is_team_0
