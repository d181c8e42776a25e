"""Self-play: many games side by side, whose positions go into a buffer on the device that plays.

Games are divided into tables. On a CPU each table is played by a thread of its own: the tree and the
network release the interpreter's lock. A finished game is replaced in the same ply, so that every search has
a full batch. The choice between full and fast searches is the same for all tables.

All randomness comes from streams keyed by seed, table and ply: a run can be continued at any ply without a
generator's state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forge_core.errors import BadInput
from forge_core.learning.threads import Pieces
from forge_core.liuzhou.arena import Arena
from forge_core.liuzhou.buffer import NO_GAME, TrajectoryBuffer, Writer, to_mover_frame
from forge_core.liuzhou.evaluators import Evaluator, count_bits, final_values
from forge_core.liuzhou.playouts import PlayoutSettings, search_by_playouts
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.state import (
    BLACK_WON,
    DRAWN,
    EMPTY_SLOT,
    GOING,
    START,
    WHITE_WON,
    legal_actions,
    outcomes,
    step_rows,
)
from forge_core.liuzhou.state.layout import COUNT_MASK, COUNT_SHIFT, PLAYER_SHIFT
from forge_core.streams import stream

COUNTED = ("games", "black_won", "white_won", "drawn", "plies", "lead")
"""figures of finished games: number, results, plies, and the sum of the leads in stones at the end"""
NO_SIDE = -1
"""`weak_side` of a game in which neither side has a handicap"""
_KEPT = ("rows", "game", "weak_side", "weak_until")
"""tensors of a table that a checkpoint holds"""


@dataclass(frozen=True, slots=True)
class PlayFigures:
    """The figures of a part of self-play."""

    positions: int
    plies: int
    """plies of all games: positions / games"""
    evaluations: int
    """positions that the network evaluated"""
    finished: dict[str, float]
    """figures of the games that ended, by the names in COUNTED"""

    def __add__(self, other: PlayFigures) -> PlayFigures:
        return PlayFigures(
            self.positions + other.positions,
            self.plies + other.plies,
            self.evaluations + other.evaluations,
            {name: self.finished[name] + other.finished[name] for name in COUNTED},
        )


NOTHING_PLAYED = PlayFigures(0, 0, 0, dict.fromkeys(COUNTED, 0.0))


class Table:
    """Some of the games: their positions, and their columns of the buffer."""

    def __init__(self, settings: SelfPlaySettings, number: int, writer: Writer, seed: int) -> None:
        self.settings, self.number, self.writer, self.seed = settings, number, writer, seed
        self.device = writer.device
        self._arenas = {
            full: Arena(writer.games, settings.search(full), self.device) for full in (True, False)
        }
        self.game = torch.arange(writer.games, dtype=torch.int32, device=self.device) + writer.first
        """[g] number of the game in each column; the next one in the column has G more"""
        self.weak_side = torch.full((writer.games,), NO_SIDE, device=self.device)
        """[g] the side that has a handicap: 0 black, 1 white, or NO_SIDE"""
        self.weak_until = torch.zeros(writer.games, dtype=torch.int64, device=self.device)
        """[g] ply before which that side plays at random"""
        start = torch.from_numpy(np.tile(START, (writer.games, 1))).to(self.device)
        is_new = torch.ones(writer.games, dtype=torch.bool, device=self.device)
        self.rows = self._replace(start, is_new, self._stream("first"))
        """[g, 4]"""
        self.finished = torch.zeros(len(COUNTED), dtype=torch.float64, device=self.device)
        """sums by COUNTED"""
        self.evaluations = 0

    def _stream(self, *key: int | str) -> np.random.Generator:
        return stream(self.seed, "self-play", self.number, *key)

    def play(self, are_full: Sequence[bool], evaluator: Evaluator | None) -> None:
        """Play a ply of all games per entry, by full or fast search; without an evaluator, by playouts."""
        for is_full in are_full:
            self._play_ply(is_full, evaluator)

    def _play_ply(self, is_full: bool, evaluator: Evaluator | None) -> None:
        draws = self._stream(self.writer.head)
        if evaluator is None:
            actions, visits, value = self._search_by_playouts(draws)
        else:
            actions, visits, value = self._search(is_full, evaluator, draws)
        weights = visits.double()
        move_count = self.rows[:, 3] >> COUNT_SHIFT & COUNT_MASK
        power = torch.where(move_count < self.settings.warm_plies, 1.0, 1 / self.settings.temperature)
        slots = _draw_slots(weights ** power[:, None], draws)
        has_handicap = (self.weak_side != NO_SIDE) & (move_count < self.weak_until)
        is_weak = has_handicap & (self.rows[:, 3] >> PLAYER_SHIFT & 1 == self.weak_side)
        slots = torch.where(is_weak, _draw_slots((actions != EMPTY_SLOT).double(), draws), slots)
        chosen = actions.gather(1, slots[:, None]).squeeze(1).long()
        self.writer.write(
            self.rows,
            actions,
            action=chosen,
            policy=weights / weights.sum(1, keepdim=True),
            value=to_mover_frame(value, self.rows),
            taught=is_full or evaluator is None,
            game=torch.where(has_handicap, NO_GAME, self.game),
        )
        self.rows = by_library(step_rows, self.rows, chosen)
        is_over = outcomes(self.rows) != GOING
        if self.device == "cpu" and not is_over.any():  # on CUDA the question would wait for the device
            return
        is_kept = is_over & ~has_handicap  # a game that ends during its handicap leaves nothing
        self._count(self.rows, is_kept)
        self.game = torch.where(is_kept, self.game + self.writer.all_games, self.game)
        self.rows = self._replace(self.rows, is_over, draws)

    def _search(
        self, is_full: bool, evaluator: Evaluator, draws: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return actions [g, 64], visits [g, 64], and values [g] in the mover's frame."""
        arena, on_cpu = self._arenas[is_full], self.rows.device.type == "cpu"
        found = arena.search(self.rows.numpy() if on_cpu else self.rows, evaluator, draws)
        self.evaluations += found.evaluations
        parts = found.actions, found.visits, found.value
        actions, visits, value = map(torch.from_numpy, parts) if on_cpu else parts
        return actions, visits, value

    def _search_by_playouts(self, draws: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return the same from playouts."""
        settings = self.settings
        how = PlayoutSettings(settings.playouts, beta=settings.beta, draw_scale=settings.draw_scale)
        seeds = draws.integers(1 << 63, size=len(self.rows), dtype=np.uint64)
        found = search_by_playouts(self.rows.cpu().numpy(), how, seeds)
        actions, visits, value = (
            torch.from_numpy(part).to(self.device) for part in (found.actions, found.visits, found.value)
        )
        return actions, visits, value

    def _count(self, rows: Tensor, is_over: Tensor) -> None:
        """Write the results of games that are over to their positions, and add to `finished`."""
        outcome = outcomes(rows)
        result = (outcome == BLACK_WON).to(torch.int8) - (outcome == WHITE_WON).to(torch.int8)
        self.writer.finish(is_over, self.game, result, final_values(rows, 1.0, self.settings.draw_scale))
        lead = count_bits(rows[:, 0]) - count_bits(rows[:, 1])
        figures = (
            torch.ones_like(lead),
            outcome == BLACK_WON,
            outcome == WHITE_WON,
            outcome == DRAWN,
            rows[:, 3] >> COUNT_SHIFT & COUNT_MASK,
            lead.abs(),
        )
        self.finished += torch.stack([(each * is_over).sum(dtype=torch.float64) for each in figures])

    def _replace(self, rows: Tensor, is_over: Tensor, draws: np.random.Generator) -> Tensor:
        """Return the rows with each finished game replaced by a new one after its random opening.

        The new games also get their handicaps.
        """
        n, settings = len(rows), self.settings
        sides = np.where(draws.random(n) < settings.handicap, draws.integers(2, size=n), NO_SIDE)
        until = draws.integers(settings.handicap_plies + 1, size=n)
        self.weak_side = torch.where(is_over, torch.from_numpy(sides).to(self.device), self.weak_side)
        self.weak_until = torch.where(is_over, torch.from_numpy(until).to(self.device), self.weak_until)
        start = torch.tensor(START.tolist(), device=self.device)
        rows = torch.where(is_over[:, None], start, rows)
        most = settings.opening
        lengths = torch.from_numpy(draws.integers(most + 1, size=n)).to(self.device)
        drawn = torch.from_numpy(draws.random((most, n))).to(self.device)
        for ply in range(most):
            actions, counts = by_library(legal_actions, rows)
            slots = (drawn[ply] * counts).long()
            chosen = actions.gather(1, slots[:, None]).squeeze(1).long()
            after = by_library(step_rows, rows, chosen)
            rows = torch.where((is_over & (ply < lengths))[:, None], after, rows)
        return rows

    def state_dict(self) -> dict[str, Any]:
        """Return the table's part of a checkpoint."""
        return {name: getattr(self, name) for name in _KEPT}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        for name in _KEPT:
            setattr(self, name, state[name].to(self.device))


class SelfPlay:
    """Games that are played without end, whose positions go into a buffer."""

    def __init__(
        self,
        settings: SelfPlaySettings,
        buffer: TrajectoryBuffer,
        evaluator: Evaluator | None,
        seed: int = 0,
    ) -> None:
        """buffer: has as many games as are played side by side. evaluator: None means playouts."""
        self.settings, self.buffer, self.evaluator, self.seed = settings, buffer, evaluator, seed
        n = settings.tables if buffer.device == "cpu" else 1
        if n > buffer.games:
            raise BadInput(f"{n} tables for {buffer.games} games: use at least one game per table")
        self._pieces = Pieces(n)
        bounds = [buffer.games * number // n for number in range(n + 1)]
        self.tables = [
            Table(settings, number, buffer.writer(first, last - first), seed)
            for number, (first, last) in enumerate(pairwise(bounds))
        ]

    def play(self, positions: int) -> PlayFigures:
        """Play at least this many positions, in whole plies of all games, and return their figures."""
        plies = -(-positions // self.buffer.games)
        first = self.buffer.head
        are_full = [
            stream(self.seed, "playout cap", ply).random() < self.settings.full_share
            for ply in range(first, first + plies)
        ]
        before = self._totals()
        self._pieces.run([partial(table.play, are_full, self.evaluator) for table in self.tables])
        self.buffer.advance(plies)
        evaluations, *finished = (after - was for after, was in zip(self._totals(), before, strict=True))
        return PlayFigures(
            positions=plies * self.buffer.games,
            plies=plies,
            evaluations=int(evaluations),
            finished=dict(zip(COUNTED, finished, strict=True)),
        )

    def _totals(self) -> list[float]:
        """Return the evaluations so far, then the sums by COUNTED; waits for the device."""
        finished = sum(table.finished for table in self.tables)
        assert isinstance(finished, Tensor)
        return [sum(table.evaluations for table in self.tables), *finished.tolist()]

    def state_dict(self) -> dict[str, Any]:
        """Return the games' part of a checkpoint; the buffer has a part of its own."""
        return {"tables": [table.state_dict() for table in self.tables]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint, with a buffer that has been loaded."""
        for table, kept in zip(self.tables, state["tables"], strict=True):
            table.load_state_dict(kept)
            table.writer.head = self.buffer.head


def by_library(function: Callable[..., Any], *tensors: Tensor) -> Any:
    """Call a function of `state`; on a CPU with arrays that share the tensors' memory, which is faster."""
    if tensors[0].device.type != "cpu":
        return function(*tensors)
    found = function(*(tensor.numpy() for tensor in tensors))
    return tuple(map(torch.from_numpy, found)) if isinstance(found, tuple) else torch.from_numpy(found)


def _draw_slots(weights: Tensor, draws: np.random.Generator) -> Tensor:
    """Return a slot [g] of each row of weights [g, 64], drawn in proportion to them."""
    reach = weights.cumsum(1)
    drawn = torch.from_numpy(draws.random((len(weights), 1))).to(weights.device) * reach[:, -1:]
    return (reach > drawn).int().argmax(1)
