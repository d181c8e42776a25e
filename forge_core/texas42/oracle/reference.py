"""The oracle as a plain minimax over the rules, slow and readable: the reference for the kernels.

It uses no tables, pruning or memory, and is fast enough for endings of three tricks.
"""

from __future__ import annotations

import numpy as np

from forge_core.texas42.deals import Deal
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS, team
from forge_core.texas42.rules import legal_plays, trick_points, trick_winner
from forge_core.texas42.state import ILLEGAL, unpack

Hand = tuple[int, ...]


def reference_q(deal: Deal, decl: int, state: int) -> tuple[int, list[int]]:
    """Return V and the seven Q of a packed state, in team 0's frame; -128 marks an illegal slot.

    deal: [4, 7] domino ids, ascending within each hand. The state must be reachable; this is not checked.
    """
    fields = unpack([state])
    leader, n_played = int(fields.leader[0]), int(fields.in_trick[0])
    held = tuple(
        tuple(int(deal[seat][slot]) for slot in range(HAND_SIZE) if fields.remaining[0, seat] >> slot & 1)
        for seat in range(N_SEATS)
    )
    trick = tuple(int(deal[(leader + place) % N_SEATS][fields.played[0, place]]) for place in range(n_played))
    mover = (leader + n_played) % N_SEATS
    q = [ILLEGAL] * HAND_SIZE
    for domino, value in _values_of_plays(held, leader, trick, decl).items():
        q[int(np.flatnonzero(np.asarray(deal[mover]) == domino)[0])] = value
    return _value(held, leader, trick, decl), q


def _value(held: tuple[Hand, ...], leader: int, trick: Hand, decl: int) -> int:
    """Return the future points of team 0 minus team 1: team 0 maximises them, team 1 minimises them."""
    values = _values_of_plays(held, leader, trick, decl).values()
    best = max if team((leader + len(trick)) % N_SEATS) == 0 else min
    return best(values, default=0)


def _values_of_plays(held: tuple[Hand, ...], leader: int, trick: Hand, decl: int) -> dict[int, int]:
    """Return the value of each legal play, by domino id; empty in the terminal state."""
    mover = (leader + len(trick)) % N_SEATS
    values = {}
    for domino in legal_plays(held[mover], trick, decl):
        kept = tuple(other for other in held[mover] if other != domino)
        after = (*held[:mover], kept, *held[mover + 1 :])
        played = (*trick, domino)
        if len(played) < N_SEATS:
            values[domino] = _value(after, leader, played, decl)
        else:
            taker = (leader + trick_winner(played, decl)) % N_SEATS
            points = trick_points(played)
            values[domino] = (points if team(taker) == 0 else -points) + _value(after, taker, (), decl)
    return values
