"""Learning from stored generations: their positions are read once, and sampled as those of live games are.

The steps, the losses and the averaged weights are those of the live loop (`learner`), and so are the folder
of the run and its exact resumption (`train`); only the positions stand still.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import groupby
from typing import Any

import numpy as np
import torch

from forge_core.errors import BadInput
from forge_core.files import Store
from forge_core.learning.runs import ORIGIN
from forge_core.liuzhou.buffer import TrajectoryBuffer
from forge_core.liuzhou.files import FOLDER, Games, read_games
from forge_core.liuzhou.generations import GamesCatalog, join, read_catalog
from forge_core.liuzhou.learner import LOSSES
from forge_core.liuzhou.settings.generation import STORED, generation_name
from forge_core.liuzhou.settings.learning import LearningSettings
from forge_core.liuzhou.state import legal_actions
from forge_core.liuzhou.state.layout import COUNT_MASK, COUNT_SHIFT
from forge_core.liuzhou.train import Plan, Run
from forge_core.ranges import numbers_of, ranges_text

_STEPS = 32
"""between two times at which a run may stop"""


def choose_window(root: Store, positions: int, last: int | None = None) -> GamesCatalog:
    """Return the files of the last generations of a store that hold `positions`: see `GamesCatalog.window`.

    Numbers that were never played, or are no longer kept, are left out; `describe_data` names those that are
    used. Raises BadInput where there is none, or where generation `last` is missing.
    """
    window = read_catalog(root).window(positions, last)
    if not window.entries:
        upto = "" if last is None else f" up to {generation_name(last)}"
        raise BadInput(
            f"{root.join(FOLDER).url} holds no games{upto}: play some with forge liuzhou selfplay, or learn "
            "from live games"
        )
    if last is not None and last != window.generations[-1]:
        raise BadInput(
            f"{root.join(FOLDER).url} holds no games of {generation_name(last)}: play them first with forge "
            f"liuzhou selfplay --generation {last}, or choose another last"
        )
    return window


def describe_data(root: Store, window: GamesCatalog) -> dict[str, Any]:
    """Return `data` of config.json: the version of a window of games, and the files that it was read from."""
    generations = []
    for key, group in groupby(window.entries, lambda e: (e.key.folder, e.header.fingerprint)):
        entries = list(group)
        generations.append(
            {
                "generation": key[0],
                "files": {entry.key.filename: entry.header.digest for entry in entries},
                "games": ranges_text(number for entry in entries for number in entry.key.games),
                "positions": sum(entry.header.positions for entry in entries),
                "fingerprint": key[1],
                "settings": entries[0].header.settings,
            }
        )
    return {
        "game": "liuzhou",
        "kind": STORED,
        "version": window.version,
        "store": root.url,
        "config": {"generations": ranges_text(window.generations)},
        ORIGIN: {"generations": generations},
    }


def last_generation(data: Mapping[str, Any]) -> int:
    """Return the number of the last generation of `describe_data`. Raises ValueError for a damaged one."""
    return numbers_of(data["config"]["generations"])[-1]


def read_window(root: Store, window: GamesCatalog) -> Games:
    """Return all positions of a window, verified. Raises FileCorrupt, StoreUnusable."""
    return join([read_games(root, entry.key) for entry in window.entries])


def buffer_of(games: Games, draw_scale: float, device: str = "cpu") -> TrajectoryBuffer:
    """Return a buffer that holds games, as self-play would have written them."""
    stones = np.clip(games.difference / draw_scale, -1, 1)
    ply, ends = games.rows[:, 3] >> COUNT_SHIFT & COUNT_MASK, games.ends
    last_ply = np.repeat(ply[ends], np.diff(ends, prepend=-1))
    columns = {
        "rows": games.rows,
        "actions": legal_actions(games.rows)[0],
        "action": games.action,
        "policy": games.policy,
        "value": games.value,
        "result": games.result,
        "difference": np.where(games.result != 0, games.result, stones).astype(np.float32),
        "remaining": (last_ply + 1 - ply).astype(np.uint8),
        "taught": games.taught,
        "game": games.game,
        "ply": ply.astype(np.uint8),
    }
    buffer = TrajectoryBuffer(1, len(games), device)
    buffer.load_state_dict({"head": len(games), **{k: torch.from_numpy(v) for k, v in columns.items()}})
    return buffer


class StoredRun(Run):
    """A run that learns from games which were played before."""

    def __init__(self, root: Store, window: GamesCatalog, *arguments: Any) -> None:
        """arguments: those of Run; `positions` of its settings is the number of those of the window."""
        super().__init__(*arguments)
        draw_scale = float(window.entries[0].header.settings["draw_scale"])
        self.buffer = buffer_of(read_window(root, window), draw_scale, self.device)

    @property
    def played(self) -> int:
        """Positions learnt from so far, of those in the window."""
        due = self.learning.steps_after(self.learning.positions)
        return self.learning.positions * self.learner.step // due

    def iterate(self) -> None:
        """Take some steps."""
        due = self.learning.steps_after(self.learning.positions)
        self.learn(min(self.learner.step + _STEPS, due))

    def figures(self) -> dict[str, float]:
        """Return the losses since the last point."""
        names = ("loss", *LOSSES, "learn_seconds")
        return {name: figure for name, figure in super().figures().items() if name in names}


def plan_stored(root: Store, learning: LearningSettings, last: int | None = None) -> Plan:
    """Return the plan of a run that learns from the last generations of a store.

    The generations are those that hold `learning.window` positions. last: number of the last one that counts.
    Settings for live games have no effect. Raises BadInput where there are none, or too few for a step.
    """
    window = choose_window(root, learning.window, last)
    positions = sum(entry.header.positions for entry in window.entries)
    learning = replace(learning, positions=positions, playout_positions=0)
    if not learning.steps_after(positions):
        raise BadInput(f"{positions:,} positions make no step of {learning.batch_size}: lower the batch size")
    return Plan(
        make=lambda *arguments: StoredRun(root, window, *arguments),
        learning=learning,
        train=asdict(learning),
        data=describe_data(root, window),
    )
