"""Worlds as positions: the hands of each world, and its packed states now and at earlier plays.

Tensors on one device. The D worlds of N games are concatenated; `game` is the game of each world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.device import to_device
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.state import IN_TRICK_BIT, LEADER_BIT, NO_SLOT, PLAYED_BIT
from forge_core.texas42.tables import on_device
from forge_core.texas42.views import Views
from forge_core.texas42.worlds.voids import Unseen

_ALL_HELD = (1 << N_DOMINOES) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """N views as tensors."""

    decl: Tensor
    """[N] int64"""
    plays: Tensor
    """[N, t] int64 ids"""
    players: Tensor
    """[N, t + 1] int64 seats; the last one makes the next play"""
    known: Tensor
    """[N, 28] int8 seat that was dealt each domino; -1 if unknown"""
    unseen: Tensor
    """[N, U] int64 ids of the dominoes whose seat is unknown"""

    @classmethod
    def of(cls, views: Views, unseen: Unseen, device: str) -> Table:
        """Copy the views to tensors on `device`, without waiting for it."""
        seen, seat, rows = views.seen, views.seat[:, None], np.arange(len(views))[:, None]
        known = np.full((len(views), N_DOMINOES), -1, dtype=np.int8)
        known[rows, seen.plays] = seen.players
        known[rows, views.hand] = seat
        players = np.concatenate([seen.players, seat], axis=1)

        def tensor(array: npt.NDArray) -> Tensor:
            return to_device(array.astype(np.int64), device)

        return cls(
            decl=tensor(seen.decl),
            plays=tensor(seen.plays),
            players=tensor(players),
            known=to_device(known, device),
            unseen=tensor(unseen.dominoes),
        )

    @property
    def step(self) -> int:
        """The number of plays so far, t."""
        return self.plays.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """D worlds at J consecutive steps; the last step is the next play."""

    hands: Tensor
    """[D, 4, 7] int8 ids as dealt, ascending within each hand"""
    decl: Tensor
    """[D] int64"""
    states: Tensor
    """[D, J] int64 packed states"""
    actor: Tensor
    """[D, J] int64 seat that plays"""
    legal: Tensor
    """[D, J, 7] bool legal slots"""
    played: Tensor
    """[D, J] int64 slot that was played; -1 at the next play"""


def deal_out(table: Table, game: Tensor, owner: Tensor) -> Tensor:
    """Convert worlds to deals int8 [D, 4, 7]. owner: int8 [D, U] seats 0..2, clockwise after the mover."""
    mover = table.players[game, -1:]
    dealt_to = table.known[game]
    dealt_to.scatter_(1, table.unseen[game], ((mover + 1 + owner) % N_SEATS).to(torch.int8))
    by_seat = dealt_to.argsort(dim=1, stable=True)  # ids by seat, ascending within each
    return by_seat.view(-1, N_SEATS, HAND_SIZE).to(torch.int8)


def replay(table: Table, game: Tensor, hands: Tensor, window: int) -> Replay:
    """Replay D worlds: the next step, and up to `window` steps before it, in order.

    hands: int8 [D, 4, 7] as dealt.
    """
    device, first = hands.device, max(0, table.step - window)
    decl, plays, players = table.decl[game], table.plays[game], table.players[game]
    place = torch.empty(len(hands), N_DOMINOES, dtype=torch.int64, device=device)
    place.scatter_(1, hands.flatten(1).long(), torch.arange(N_DOMINOES, device=device).expand(len(hands), -1))
    bits = place.gather(1, plays)  # bit of each play in a packed state: 7 x seat + slot
    slots = bits - HAND_SIZE * players[:, : table.step]
    gone = torch.nn.functional.pad((1 << bits).cumsum(1), (1, 0))[:, first:]  # before each step
    remaining = _ALL_HELD - gone

    states, legal = [], []
    every_slot = torch.arange(HAND_SIZE, device=device)
    tables = on_device(device)
    rows = torch.arange(len(hands), device=device)
    for step in range(first, table.step + 1):
        in_trick = step % N_SEATS
        lead = step - in_trick
        left = remaining[:, step - first]
        state = left | players[:, lead] << LEADER_BIT | in_trick << IN_TRICK_BIT
        for offset in range(3):
            slot = slots[:, lead + offset] if offset < in_trick else NO_SLOT
            state = state | slot << PLAYED_BIT + 3 * offset
        states.append(state)
        actor = players[:, step]
        may = (left[:, None] >> HAND_SIZE * actor[:, None] + every_slot & 1).bool()
        if in_trick:
            suit = tables.led_suit[decl, plays[:, lead]]
            following = may & tables.follows[decl[:, None], suit[:, None], hands[rows, actor].long()]
            may = torch.where(following.any(dim=1, keepdim=True), following, may)
        legal.append(may)
    return Replay(
        hands=hands,
        decl=decl,
        states=torch.stack(states, dim=1),
        actor=players[:, first:],
        legal=torch.stack(legal, dim=1),
        played=torch.nn.functional.pad(slots, (0, 1), value=-1)[:, first:],
    )


def uninformative(past: Replay) -> Tensor:
    """Return [D, J] bool: True for plays without evidence on hidden hands: forced ones, and the mover's."""
    return (past.legal.sum(dim=2) == 1) | (past.actor == past.actor[:, -1:])
