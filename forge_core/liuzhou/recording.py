"""Recorded self-play: the games of the files of a generation, as `generations.fill_generation` needs them.

All games are played side by side, and a file is ready as soon as the last of its games has ended. If some
files of a generation exist already, the other games are drawn differently, so that no game is played twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain, count
from typing import Any

import numpy as np
import torch

from forge_core.device import device_name, resolve_device
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model, weights_digest
from forge_core.learning.threads import Pieces, one_torch_thread
from forge_core.liuzhou.buffer import TrajectoryBuffer
from forge_core.liuzhou.files import Games, GamesKey
from forge_core.liuzhou.generations import GamesReport, fill_generation, join
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator
from forge_core.liuzhou.selfplay import NOTHING_PLAYED, SelfPlay
from forge_core.liuzhou.settings.generation import GenerationSettings
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.state import step_rows
from forge_core.streams import stream

SELF_PLAY_VERSION = "s1"
"""Raised when the same settings and network play different games."""
_PLIES = 16
"""number of plies between two searches for ended games; the buffer holds plies of two whole games"""
_ANY_MACHINE = ("games", "tables")
"""settings that only divide the work: games differ, but not in distribution"""


def describe_play(play: SelfPlaySettings, seed: int, weights: str | None) -> dict[str, Any]:
    """Return everything that the games of a generation depend on, for `write_games`.

    weights: digest of the network's weights; None: games by playouts.
    """
    settings = {name: value for name, value in asdict(play).items() if name not in _ANY_MACHINE}
    return {"version": SELF_PLAY_VERSION, **settings, "seed": seed, "weights": weights}


@dataclass(frozen=True, slots=True)
class Played:
    """The outcome of a generation."""

    reports: tuple[GamesReport, ...]
    """of all its files"""
    settings: dict[str, Any]
    """see `describe_play`"""
    positions: int
    """positions played in this run; some belong to games that no file needed"""
    evaluations: int
    """positions that the network evaluated; 0 for playouts"""
    seconds: float
    """time spent playing; 0 if every file existed"""
    bare: float | None
    """positions per second of the network's forward pass alone, in equal batches and threads; None if the
    network evaluated nothing"""
    device: str

    @property
    def share_of_bare(self) -> float | None:
        """Evaluations per second over those of the forward pass alone; None if there were none."""
        return self.evaluations / self.seconds / self.bare if self.bare else None


def play_generation(
    root: Store,
    generation: int,
    settings: GenerationSettings,
    play: SelfPlaySettings,
    model: str | None = None,
    device: str = "auto",
    *,
    verify: bool = True,
    on_file: Callable[[GamesReport], None] = lambda report: None,
) -> Played:
    """Play the games of a generation that a store lacks.

    root: of the store. model: folder of the network that plays; None: games by playouts. verify: read
    existing files whole, not only footers. on_file: called with each report. Raises BadInput,
    DeviceUnavailable, StoreUnusable.
    """
    device = resolve_device(device)
    network = None if model is None else load_model(model, kind=LiuzhouNet)
    described = describe_play(play, settings.seed, None if model is None else weights_digest(model))
    recorder = Recorder(play, network, generation, settings.seed, device)
    reports: list[GamesReport] = []
    with one_torch_thread() if device == "cpu" else nullcontext():
        for report in fill_generation(root, generation, settings.count, described, recorder, verify=verify):
            reports.append(report)
            on_file(report)
        bare = recorder.measure_bare()
    figures = recorder.figures
    return Played(
        reports=tuple(reports),
        settings=described,
        positions=figures.positions,
        evaluations=figures.evaluations,
        seconds=recorder.seconds,
        bare=bare,
        device=device_name(device),
    )


class Recorder:
    """Plays the games of some files of one generation: see `generations.Play`."""

    def __init__(
        self, play: SelfPlaySettings, network: LiuzhouNet | None, generation: int, seed: int, device: str
    ) -> None:
        """network: None plays by playouts. device: resolved."""
        self.settings, self.generation, self.seed, self.device = play, generation, seed, device
        self.evaluator = None if network is None else NetworkEvaluator(network, play.beta, device)
        self.figures = NOTHING_PLAYED
        """figures of all play so far, including games that no file needed"""
        self.seconds = 0.0
        self.batches: list[int] = []
        """games at each table, once there was play"""

    def __call__(self, keys: Sequence[GamesKey]) -> Iterator[tuple[GamesKey, Games]]:
        """Play all games of `keys`; yield the games of each file as soon as they have ended."""
        wanted = sum(len(key.games) for key in keys)
        if not wanted:
            return
        n = min(self.settings.games_on(self.device), wanted)
        buffer = TrajectoryBuffer(n, 1, self.device)
        draws = stream(self.seed, "generation", self.generation, keys[0].first, len(keys))
        settings = replace(self.settings, games=n, tables=min(self.settings.tables, n))
        playing = SelfPlay(settings, buffer, self.evaluator, int(draws.integers(2**62)))
        self.batches = [table.writer.games for table in playing.tables]
        # Games are numbered as they start: the first ones are those of the first file, and so on.
        ended, numbers = dict[int, Games](), count()
        pending = {key: [next(numbers) for _ in key.games] for key in keys}
        while pending:
            started = time.perf_counter()
            self.figures += playing.play(_PLIES * n)
            ended |= take_ended(buffer, set(chain.from_iterable(pending.values())) - ended.keys())
            self.seconds += time.perf_counter() - started
            for key in [key for key, numbers in pending.items() if ended.keys() >= set(numbers)]:
                of_file = [ended.pop(number) for number in pending.pop(key)]
                game = np.repeat(np.array(key.games, np.int32), [len(each) for each in of_file])
                yield key, replace(join(of_file), game=game)

    def measure_bare(self) -> float | None:
        """Return positions per second of the forward pass alone, as all tables would call it at once."""
        if not self.evaluator or not self.figures.evaluations:
            return None
        works = [partial(self.evaluator.measure_forward, games) for games in self.batches]
        return sum(Pieces(len(works)).run(works))


def take_ended(buffer: TrajectoryBuffer, wanted: Collection[int]) -> dict[int, Games]:
    """Return those of some games that have ended, by their numbers in the buffer."""
    ready = buffer.ready()
    game = buffer.game[ready].cpu().numpy()
    ready = ready[torch.from_numpy(np.isin(game, list(wanted))).to(buffer.device)]
    if not len(ready):
        return {}
    game, ply = (column[ready].cpu().numpy() for column in (buffer.game, buffer.ply))
    ready = ready[torch.from_numpy(np.lexsort((ply, game))).to(buffer.device)]
    game, rows, action, policy, value, result = (
        column[ready].cpu().numpy()
        for column in (buffer.game, buffer.rows, buffer.action, buffer.policy, buffer.value, buffer.result)
    )
    games = Games(game, rows, action, policy, value, result, np.zeros_like(result))
    ends = games.ends
    stones = np.bitwise_count(step_rows(rows[ends], action[ends])[:, :2]).astype(np.int8)
    first = np.append(0, ends[:-1] + 1)
    games = replace(games, difference=np.repeat(stones[:, 0] - stones[:, 1], ends + 1 - first))
    return {int(game[end]): games.take(slice(begin, end + 1)) for begin, end in zip(first, ends, strict=True)}
