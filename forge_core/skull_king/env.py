"""Many tables of Skull King at once, each at its own decision: one call of `step` is one decision per table.

    env = SkullKing(1024)
    while True:
        bid, play, is_bid = env.observe()
        step = env.step(choose(env.legal(), draws))

Kernels step the tables on a CPU, torch operations on other devices; both give the same numbers. Numpy arrays
are reused: `observe`, `legal` and `step` overwrite those that they returned before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from forge_core.device import resolve_device
from forge_core.draws import mix, uniform
from forge_core.errors import BadInput
from forge_core.game import Array, match_array, to_numpy
from forge_core.kernels import inlined, kernel
from forge_core.skull_king import actions
from forge_core.skull_king.deals import ROUND_DRAW
from forge_core.skull_king.rules import N_ROUNDS, Rules
from forge_core.skull_king.sampler import FullGames, StartSampler
from forge_core.skull_king.state import batch, doors, inputs, observe
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.dealing import next_round, start_game
from forge_core.skull_king.state.kernels import step
from forge_core.skull_king.worlds import sample_worlds
from forge_core.streams import mix as mix_keys
from forge_core.streams import stream

Backend = Literal["kernels", "tensors"]
EPISODE_STRIDE = 1 << 32
"""Game e of table i has the number i + EPISODE_STRIDE e, which does not depend on the number of tables"""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The result of one decision at each table."""

    round_over: Array
    """[N] bool: the round ended and was scored; the table now holds the next one"""
    game_over: Array
    """[N] bool: with the round, the game ended; single rounds of a sampler are games"""
    delta: Array
    """[N, P] int16: points of the round that ended, 0 elsewhere"""


class SkullKing:
    """N tables of P seats. Raises BadInput for contradictory arguments, DeviceUnavailable."""

    def __init__(
        self,
        n: int,
        seats: int = 4,
        rules: Rules | None = None,
        seed: int = 0,
        device: str = "auto",
        sampler: StartSampler | None = None,
        backend: Backend | None = None,
    ) -> None:
        """Deal the first round at every table.

        seed: of the deals. device: auto, cpu, cuda or cuda:N. sampler: by default whole games. backend: by
        default kernels on a CPU and tensors elsewhere.
        """
        if n < 1:
            raise BadInput(f"n={n}: use at least 1 table")
        if backend is not None and backend not in get_args(Backend):
            raise BadInput(f"backend={backend!r}: use {' or '.join(get_args(Backend))}")
        self.rules, self.n, self.seats = rules or Rules(), n, seats
        self.options = at.options_of(self.rules, seats)
        self.device = resolve_device(device)
        self.backend = backend or ("kernels" if self.device == "cpu" else "tensors")
        if self.backend == "kernels" and self.device != "cpu":
            raise BadInput(f"backend='kernels' runs on a CPU, not on {self.device}: leave it out")
        self.sampler = sampler or FullGames()
        self.base = stream(seed, "skull_king", "environment").integers(2**64, dtype=np.uint64)
        self.worlds_key = stream(seed, "skull_king", "environment", "worlds").integers(2**64, dtype=np.uint64)
        self.episodes: Array = np.zeros(n, np.int64)
        """[N] games begun at each table, without the first"""
        self.steps = 0
        self.bounds: Array = np.zeros(N_ROUNDS)
        """[10] cumulative probabilities of the rounds with which games begin"""
        if self.backend == "tensors":
            import torch

            self.episodes, self.bounds = (
                torch.from_numpy(array).to(self.device) for array in (self.episodes, self.bounds)
            )
        self.set_progress(0.0)
        self.rows = self._first_rows()
        """[N, WIDTH], see `state.layout`; each step changes it in place"""
        self._legal = np.zeros((n, actions.N_ACTIONS), np.bool_)
        self._bid = np.zeros((n, inputs.bid_blocks(self.rules, seats).width), np.uint8)
        self._play = np.zeros((n, inputs.play_blocks(self.rules, seats).width), np.uint8)
        self._is_bid, self._listed = np.zeros(n, np.bool_), np.zeros(at.MOST_ACTIONS, np.int64)
        self._ended = np.zeros((2, n), np.bool_)
        self._delta = np.zeros((n, seats), np.int16)

    def set_progress(self, progress: float) -> None:
        """Tell the sampler how much of the training is done, 0..1; it applies to rounds dealt from now on."""
        bounds = np.cumsum(self.sampler.chances(progress))
        self.bounds[:] = bounds if self.backend == "kernels" else match_array(bounds, self.bounds)

    def _first_rows(self) -> Array:
        if self.backend == "kernels":
            keys = mix_keys(self.base, np.arange(self.n))
            return doors.start_rows(keys, first_rounds(keys, self.bounds), self.options)
        from forge_core.skull_king.state import dealing_tensors as dealing

        keys = self._new_keys()
        return dealing.start_rows(keys, dealing.first_rounds(keys, self.bounds), self.options)

    def _new_keys(self) -> Array:
        """Return a tensor [N]: the keys of the newest games, as int64."""
        from forge_core.skull_king.state import dealing_tensors as dealing
        from forge_core.skull_king.state.tensors import as_tensor, numbers

        device = self.episodes.device
        games = numbers(self.n, device) + EPISODE_STRIDE * self.episodes
        return dealing.mix(as_tensor(int(self.base.view(np.int64)), device), games)

    def actor(self) -> Array:
        """Return [N] int64: the seat that acts."""
        return self.rows[:, at.ACTOR] + 0

    def legal(self) -> Array:
        """Return [N, 102] bool: its legal actions, at least one."""
        if self.backend == "tensors":
            return doors.legal_mask(self.rows, self.options)
        self._legal[:] = False
        batch.mask_batch(self.rows, self.options, self._listed, self._legal)
        return self._legal

    def observe(self) -> tuple[Array, Array, Array]:
        """Return (bid uint8 [N, 88], play uint8 [N, 712], is_bid bool [N]) for the seats that act.

        The sizes are those of four seats without options. Only the rows of `bid` where is_bid and those of
        `play` elsewhere are meant; the others hold anything.
        """
        if self.backend == "tensors":
            return doors.observe(self.rows, self.actor(), self.options, self.rules)
        seats = np.ascontiguousarray(self.rows[:, at.ACTOR])
        given = self._bid, self._play, self._is_bid, self._listed
        observe.observe_batch(self.rows, seats, self.options, *given)
        return self._bid, self._play, self._is_bid

    def step(self, taken: Array, checked: bool = False) -> Step:
        """Take actions [N]; score rounds that end, and deal the next ones.

        checked: raise BadInput with card, seat and reason if an action is illegal; else they are not checked.
        Raises BadInput unless there is one action per table.
        """
        doors.check_count(taken, self.n, "table")
        if checked:
            legal = doors.legal_mask(self.rows, self.options)
            doors.check_legal(self.rows, legal, taken, lambda table: f"table {table}")
        self.steps += 1
        if self.backend == "tensors":
            return self._step_tensors(taken)
        step_tables(
            self.rows,
            np.ascontiguousarray(taken, np.int64),
            self.options,
            self.episodes,
            self.base,
            self.bounds,
            self.sampler.plays_games,
            self._ended[0],
            self._ended[1],
            self._delta,
        )
        return Step(self._ended[0], self._ended[1], self._delta)

    def _step_tensors(self, taken: Array) -> Step:
        """Step all tables in place, and deal at all of them: the host would wait to find those to deal at."""
        import torch

        from forge_core.skull_king.state import dealing_tensors as dealing

        rows = doors.step_rows(self.rows, taken, self.options)
        scored = rows[:, at.PHASE] == actions.SCORED
        is_last = rows[:, at.ROUND] >= int(self.options[at.O_LAST_ROUND])
        ended = scored & is_last if self.sampler.plays_games else scored
        delta = torch.where(scored[:, None], doors.points(rows, at.DELTA, self.seats), 0)
        self.episodes += ended
        dealt = dealing.deal_after(rows, ended, self._new_keys(), self.bounds, self.options)
        torch.where(scored[:, None], dealt, rows, out=self.rows)
        return Step(scored, ended, delta)

    def sample_world(self, k: int, bids: str | None = None) -> npt.NDArray[np.int64]:
        """Return [N, k, WIDTH]: k states per table that fit what its actor knows: see `sample_worlds`."""
        keys = mix_keys(mix_keys(self.worlds_key, np.arange(self.n)), self.steps)
        return sample_worlds(to_numpy(self.rows), k, self.options, keys, bids)


def first_rounds(keys: npt.NDArray[np.uint64], bounds: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the rounds [N] with which games begin. bounds: [10] cumulative probabilities of the rounds."""
    draws = (mix_keys(keys, ROUND_DRAW) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return 1 + (draws[:, None] >= bounds[:-1]).sum(1)


@inlined
def first_round(key, bounds):
    """Return the round with which a game begins."""
    draw, round = uniform(mix(key, ROUND_DRAW)), 1
    for i in range(len(bounds) - 1):
        round += draw >= bounds[i]
    return round


@inlined
def restart(row, table, options, episodes, base, bounds):
    """Begin the next game of a table."""
    episodes[table] += 1
    key = mix(base, table + EPISODE_STRIDE * episodes[table])
    start_game(row, key, first_round(key, bounds), options)


@kernel
def step_tables(rows, taken, options, episodes, base, bounds, plays_games, round_over, game_over, delta):
    """Take actions [N]; write which rounds and games ended, and their points; deal what follows."""
    for n in range(len(rows)):
        row = rows[n]
        round_over[n], game_over[n] = step(row, taken[n], options), False
        for seat in range(options[at.O_SEATS]):
            delta[n, seat] = row[at.DELTA + seat] if round_over[n] else 0
        if round_over[n]:
            if plays_games and row[at.ROUND] < options[at.O_LAST_ROUND]:
                next_round(row, options)
            else:
                game_over[n] = True
                restart(row, n, options, episodes, base, bounds)
