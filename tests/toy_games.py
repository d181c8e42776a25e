"""Two small games unlike Texas 42, to try the protocol on, and games with one broken rule each.

Noughts: two seats see everything; tensors; a state is one array. SealedBids: three seats, each
with a hidden card, bid in turn; numpy; games differ in length and are not zero-sum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forge_core.device import resolve_device
from forge_core.game import NOBODY, Facts, Observation, cast, library, match_array
from forge_core.streams import mix

_LINES = (0o7, 0o70, 0o700, 0o111, 0o222, 0o444, 0o421, 0o124)


class Noughts:
    """Noughts and crosses. State int64 [N, 3]: cells of seats 0 and 1 as bits, and the seat that began."""

    facts = Facts("noughts", 0, 2, 9, 9, Observation((3, 3, 2), "float32", 0, 1), 1, True, False)

    def init(self, seeds: Any, device: str | None = None) -> Tensor:
        place = "cpu" if device is None else resolve_device(device)
        return torch.tensor([[0, 0, k % 2] for k in seeds], dtype=torch.int64, device=place).view(-1, 3)

    def _cells(self, state: Tensor) -> Tensor:
        return state[:, :2, None] >> torch.arange(9, device=state.device) & 1

    def _won(self, state: Tensor) -> Tensor:
        lines = torch.tensor(_LINES, device=state.device)
        return (state[:, :2, None] & lines == lines).any(2)

    def _turn(self, state: Tensor) -> Tensor:
        return (state[:, 2] + self._cells(state).sum((1, 2))) % 2

    def to_move(self, state: Tensor) -> Tensor:
        return torch.where(self.over(state), NOBODY, self._turn(state))

    def legal(self, state: Tensor) -> Tensor:
        return (self._cells(state).sum(1) == 0) & ~self.over(state)[:, None]

    def step(self, state: Tensor, actions: Tensor) -> Tensor:
        going, turn = ~self.over(state), self._turn(state)
        stone = going * (1 << torch.where(going, actions, 0))
        return torch.stack([state[:, 0] + stone * (turn == 0), state[:, 1] + stone * turn, state[:, 2]], 1)

    def over(self, state: Tensor) -> Tensor:
        return self._won(state).any(1) | (self._cells(state).sum((1, 2)) == 9)

    def returns(self, state: Tensor) -> Tensor:
        won = self._won(state).float()
        return won - won.flip(1)

    def observe(self, state: Tensor, seat: Any = None) -> Tensor:
        if seat is None:
            seat = torch.where(self.over(state), 0, self._turn(state))
        cells = self._cells(state).float()
        first = (torch.zeros_like(state[:, 0]) + seat == 0)[:, None, None]
        mine = torch.where(first, cells, cells.flip(1))
        return mine.transpose(1, 2).reshape(len(state), 3, 3, 2)

    def action_text(self, action: int) -> str:
        return "abc"[action % 3] + str(action // 3 + 1)

    def describe(self, state: Tensor, row: int = 0, seat: int | None = None) -> str:
        cells = self._cells(state[row : row + 1])[0].tolist()
        text = "".join("ox."[0 if o else 1 if x else 2] for o, x in zip(*cells, strict=True))
        return f"{text[:3]}\n{text[3:6]}\n{text[6:]}"


def rotate_noughts(state: Tensor) -> Tensor:
    return torch.stack([state[:, 1], state[:, 0], 1 - state[:, 2]], 1)


@dataclass(frozen=True, eq=False)
class Bids:
    """N games of SealedBids."""

    card: Any
    """[N, 3] 1..4, each seen by its seat alone"""
    bid: Any
    """[N, 3] of this round, NOBODY before it is made; open once all have bid"""
    shown: Any
    """[N, 3] of the round before"""
    made: Any
    """[N] bids made in all"""
    rounds: Any
    """[N] 1 or 2"""
    first: Any
    """[N] seat that bids first in every round"""
    score: Any
    """[N, 3]"""


class SealedBids:
    """Bid 0..4, at most the own card. The highest bid (the first of equals) gains card - bid; others gain
    1."""

    facts = Facts("sealed_bids", 3, 3, 5, 6, Observation((9,), "int16", -1, 8), 8, False, True)

    def init(self, seeds: Any, device: str | None = None) -> Bids:
        seeds = np.asarray(seeds, dtype=np.int64).reshape(-1)
        card = (mix(mix(7, seeds)[:, None], np.arange(3)) % np.uint64(4)).astype(np.int64) + 1
        none = np.full((len(seeds), 3), NOBODY)
        state = Bids(card, none, none, 0 * seeds, 1 + seeds % 2, seeds % 3, 0 * none)
        if device is None:
            return state
        place = resolve_device(device)
        return Bids(**{name: torch.tensor(array, device=place) for name, array in vars(state).items()})

    def _turn(self, state: Bids) -> Any:
        return (state.first + state.made) % 3

    def to_move(self, state: Bids) -> Any:
        xp = library(state.made)
        return xp.where(self.over(state), NOBODY, self._turn(state))

    def legal(self, state: Bids) -> Any:
        bids = match_array(np.arange(5), state.made)
        own = (state.card * self._is(state, self._turn(state))).sum(1)
        return (bids <= own[:, None]) & ~self.over(state)[:, None]

    def _is(self, state: Bids, seat: Any) -> Any:
        return match_array(np.arange(3), state.made) == seat[:, None]

    def step(self, state: Bids, actions: Any) -> Bids:
        xp = library(state.made)
        going = ~self.over(state)
        mine = self._is(state, self._turn(state)) & going[:, None]
        bid, made = xp.where(mine, actions[:, None], state.bid), state.made + going
        closes = going & (made % 3 == 0)
        place = (match_array(np.arange(3), made) - state.first[:, None]) % 3
        rank = bid * 3 - place
        wins = rank == xp.amax(rank, 1)[:, None]
        gain = xp.where(wins, state.card - bid, 1) * closes[:, None]
        shown = xp.where(closes[:, None], bid, state.shown)
        return replace(
            state,
            bid=xp.where(closes[:, None], NOBODY, bid),
            shown=shown,
            made=made,
            score=state.score + gain,
        )

    def over(self, state: Bids) -> Any:
        return state.made >= 3 * state.rounds

    def returns(self, state: Bids) -> Any:
        score = state.score * self.over(state)[:, None]
        return cast(score, "float32")

    def observe(self, state: Bids, seat: Any = None) -> Any:
        xp = library(state.made)
        if seat is None:
            seat = xp.where(self.over(state), 0, self._turn(state))
        seat = 0 * state.made + seat
        order = (match_array(np.arange(3), state.made) + seat[:, None]) % 3
        rows = xp.arange(len(order), device=order.device)[:, None]
        score = state.score[rows, order]
        parts = (
            state.card[rows, order][:, :1],
            state.bid[rows, order][:, :1],
            state.shown[rows, order],
            ((state.first - seat) % 3)[:, None],
            (state.made // 3)[:, None],
            state.rounds[:, None],
            score[:, :1],
        )
        return cast(xp.concatenate(parts, 1), "int16")

    def action_text(self, action: int) -> str:
        return f"bid {action}"

    def describe(self, state: Bids, row: int = 0, seat: int | None = None) -> str:
        cards = [int(card) if seat in (None, k) else "?" for k, card in enumerate(state.card[row])]
        return f"cards {cards}, bids made {int(state.made[row])}, shown {state.shown[row].tolist()}"


def rotate_bids(state: Bids) -> Bids:
    roll = {name: np.roll(getattr(state, name), 1, 1) for name in ("card", "bid", "shown", "score")}
    return replace(state, **roll, first=(state.first + 1) % 3)


def hide_bids(state: Bids, seat: int, generator: np.random.Generator) -> Bids:
    """Change the other cards, and the other bids if any were made in this round."""
    own = np.arange(3) == seat
    card = np.where(own, state.card, generator.integers(1, 5, state.card.shape))
    bid = np.where(own | (state.bid == NOBODY), state.bid, generator.integers(0, 5, state.bid.shape))
    return replace(state, card=card, bid=bid)
