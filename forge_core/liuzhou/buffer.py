"""The positions of self-play, kept on the device that plays, where the learner samples them.

The buffer is a ring of plies: each ply holds one position of each game that is played side by side, so
position `ply * games + game` needs no allocation and no lookup of its game. A position can be sampled once
its game is over and its result is known.

Letters: G games, C positions, N sampled positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forge_core.errors import BadInput
from forge_core.liuzhou.rules import MAX_MOVES, N_ACTIONS
from forge_core.liuzhou.state import EMPTY_SLOT, N_SYMMETRIES, SLOTS, planes, turn_actions, turn_rows
from forge_core.liuzhou.state.layout import COUNT_MASK, COUNT_SHIFT, PLAYER_SHIFT

PENDING = 2
"""`result` of a position whose game is not over, or which belongs to no game"""
NO_GAME = -1
"""`game` of a position that belongs to no game: one of a random opening, or one never written"""


@dataclass(frozen=True, slots=True)
class Batch:
    """Sampled positions, each under a random symmetry of the board; all values in the mover's frame."""

    planes: Tensor
    """[N, 20, 6, 6] float32"""
    policy: Tensor
    """[N, 220] float32: shares of visits, by action id; zeros where `taught` is False"""
    legal: Tensor
    """[N, 220] bool"""
    wdl: Tensor
    """[N] int64: how the mover's game ended, 0 won, 1 drawn, 2 lost"""
    difference: Tensor
    """[N] float32: 1 for a won game, -1 for a lost one, else the lead at the end / draw scale"""
    soft_value: Tensor
    """[N] float32: the value that the search found"""
    taught: Tensor
    """[N] bool: True for a full search, whose visits teach the policy"""

    def __len__(self) -> int:
        return len(self.wdl)


def to_mover_frame(values: Tensor, rows: Tensor) -> Tensor:
    """Convert values [N] from black's frame to that of the player to move in rows [N, 4], or back."""
    return torch.where(rows[:, 3] >> PLAYER_SHIFT & 1 == 1, -values, values)


class TrajectoryBuffer:
    """A ring of the latest plies of G games, as flat tensors [C, ...] on one device."""

    def __init__(self, games: int, window: int, device: str = "cpu") -> None:
        """window: positions to keep, rounded up to whole plies; at least two full-length games."""
        if games < 1 or window < 1:
            raise BadInput(f"a buffer of {games} games and {window} positions: use at least 1 of each")
        self.games, self.plies = games, max(-(-window // games), 2 * MAX_MOVES)
        self.device = device
        self.head = 0
        """plies written since the beginning; ply p is stored at p % plies"""
        size = self.plies * games
        self.rows = torch.zeros((size, 4), dtype=torch.int64, device=device)
        """[C, 4]"""
        self.actions = torch.full((size, SLOTS), EMPTY_SLOT, dtype=torch.uint8, device=device)
        """[C, 64] legal actions, ascending, then EMPTY_SLOT"""
        self.action = torch.full((size,), EMPTY_SLOT, dtype=torch.uint8, device=device)
        """[C] the action that was played"""
        self.policy = torch.zeros((size, SLOTS), dtype=torch.float16, device=device)
        """[C, 64] shares of visits; zeros where `taught` is False"""
        self.value = torch.zeros(size, dtype=torch.float32, device=device)
        """[C] value that the search found, black's frame"""
        self.result = torch.full((size,), PENDING, dtype=torch.int8, device=device)
        """[C] 1 black won, -1 white won, 0 drawn, PENDING while the game goes on"""
        self.difference = torch.zeros(size, dtype=torch.float32, device=device)
        """[C] black's frame: 1 or -1 for a won game, else the lead at the end divided by the draw scale"""
        self.remaining = torch.zeros(size, dtype=torch.uint8, device=device)
        """[C] actions of the game from this position to its end"""
        self.taught = torch.zeros(size, dtype=torch.bool, device=device)
        """[C] True for a full search"""
        self.game = torch.full((size,), NO_GAME, dtype=torch.int32, device=device)
        """[C] number of the game, NO_GAME for none"""
        self.ply = torch.zeros(size, dtype=torch.uint8, device=device)
        """[C] actions of the game before this position"""
        self._ready: tuple[int, Tensor] | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors by name, without copying them."""
        names = (
            "rows",
            "actions",
            "action",
            "policy",
            "value",
            "result",
            "difference",
            "remaining",
            "taught",
            "game",
            "ply",
        )
        return {name: getattr(self, name) for name in names}

    def writer(self, first: int, games: int) -> Writer:
        """Return the writer of the columns of `games` games from `first` on; a column has one writer."""
        return Writer(self, first, games)

    def advance(self, plies: int) -> None:
        """Count plies that all writers have written."""
        self.head += plies
        self._ready = None

    def ready(self) -> Tensor:
        """Return the places [R] int64 of positions whose games are over, ascending."""
        if self._ready is None or self._ready[0] != self.head:
            self._ready = self.head, torch.nonzero(self.result != PENDING).squeeze(1)
        return self._ready[1]

    def sample(self, n: int, stream: np.random.Generator, discount: float = 1.0) -> Batch:
        """Return n positions of finished games, drawn with replacement. Raises BadInput if there are none.

        discount: see LearningSettings.
        """
        ready = self.ready()
        if not len(ready):
            raise BadInput("the buffer holds no finished game: play more positions before sampling")
        drawn = torch.from_numpy(stream.integers(len(ready), size=n)).to(self.device)
        symmetry = torch.from_numpy(stream.integers(N_SYMMETRIES, size=n)).to(self.device)
        return self.batch(ready[drawn], symmetry, discount)

    def batch(self, places: Tensor, symmetry: Tensor, discount: float = 1.0) -> Batch:
        """Return the positions at places [N] int64, under symmetries [N] int64."""
        rows = self.rows[places]
        turned = turn_rows(rows, symmetry)
        actions = turn_actions(self.actions[places], symmetry).long()
        # Empty slots are written to an extra column, which is cut off.
        column = torch.where(actions == EMPTY_SLOT, N_ACTIONS, actions)
        policy = torch.zeros((len(places), N_ACTIONS + 1), device=self.device)
        policy.scatter_(1, column, self.policy[places].float())
        legal = torch.zeros((len(places), N_ACTIONS + 1), dtype=torch.bool, device=self.device)
        legal.scatter_(1, column, True)
        difference = self.difference[places] * discount ** self.remaining[places].float()
        on_cpu = self.rows.device.type == "cpu"
        return Batch(
            planes=torch.from_numpy(planes(turned.numpy())) if on_cpu else planes(turned),
            policy=policy[:, :N_ACTIONS],
            legal=legal[:, :N_ACTIONS],
            wdl=1 - to_mover_frame(self.result[places], rows).long(),
            difference=to_mover_frame(difference, rows),
            soft_value=to_mover_frame(self.value[places], rows),
            taught=self.taught[places],
        )

    def state_dict(self) -> dict[str, Tensor | int]:
        """Return the buffer's part of a checkpoint: the plies written so far."""
        kept = min(self.head, self.plies) * self.games
        return {"head": self.head, **{name: t[:kept].clone() for name, t in self.tensors().items()}}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Fill a fresh buffer of the same games and window from `state_dict`."""
        for name, tensor in self.tensors().items():
            stored = state[name]
            assert isinstance(stored, Tensor)
            tensor[: len(stored)].copy_(stored)
        self.head, self._ready = int(state["head"]), None


class Writer:
    """Writes the plies of some of the games, one after another."""

    def __init__(self, buffer: TrajectoryBuffer, first: int, games: int) -> None:
        if not 0 <= first < first + games <= buffer.games:
            raise BadInput(f"games {first}..{first + games - 1}: this buffer has games 0..{buffer.games - 1}")
        self.first, self.games, self.all_games, self.device = first, games, buffer.games, buffer.device
        self.head = buffer.head
        """plies written by this writer since the beginning"""
        self._plies = buffer.plies
        columns = slice(first, first + games)
        self._views = {
            name: tensor.view(buffer.plies, buffer.games, *tensor.shape[1:])[:, columns]
            for name, tensor in buffer.tensors().items()
        }
        self._ages = torch.arange(MAX_MOVES, device=buffer.device)

    def writes_into(self, buffer: TrajectoryBuffer) -> bool:
        """Return True if this writer writes directly to the tensors of `buffer`, without a copy."""
        return all(
            view.untyped_storage().data_ptr() == buffer.tensors()[name].untyped_storage().data_ptr()
            for name, view in self._views.items()
        )

    def write(
        self,
        rows: Tensor,
        actions: Tensor,
        action: Tensor,
        policy: Tensor,
        value: Tensor,
        taught: bool,
        game: Tensor,
    ) -> None:
        """Write one ply: rows [g, 4], actions [g, 64], the action played [g], policy [g, 64] and value [g].

        value: in black's frame. taught: True for a full search; else the policy is not kept. game: [g] int32,
        the number of each game, NO_GAME for a position that must not be sampled.
        """
        at = self.head % self._plies
        views = self._views
        views["rows"][at], views["actions"][at], views["value"][at] = rows, actions, value
        views["action"][at] = action.to(torch.uint8)
        views["policy"][at] = policy if taught else 0.0
        views["taught"][at], views["game"][at], views["result"][at] = taught, game, PENDING
        views["ply"][at] = (rows[:, 3] >> COUNT_SHIFT & COUNT_MASK).to(torch.uint8)
        self.head += 1

    def finish(self, is_over: Tensor, game: Tensor, result: Tensor, difference: Tensor) -> None:
        """Write the results of games that ended with the last ply written.

        is_over: [g] bool. game: [g] int32. result: [g] int8. difference: [g] float32, black's frame.
        """
        latest = (self.head - 1 - self._ages) % self._plies
        of_game = (self._views["game"][latest] == game) & is_over & (game != NO_GAME)
        remaining = (self._ages + 1).to(torch.uint8)[:, None]
        for name, found in (("result", result), ("difference", difference), ("remaining", remaining)):
            view = self._views[name]
            view[latest] = torch.where(of_game, found, view[latest])
