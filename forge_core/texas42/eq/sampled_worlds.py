"""The worlds that one decision of a recorded game sampled, one by one, and an oracle's answers in each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import torch

from forge_core.errors import BadInput
from forge_core.texas42.eq.generate import game_keys, world_keys
from forge_core.texas42.eq.oracles import History, Oracle, Positions
from forge_core.texas42.eq.positions import Table, deal_out, replay
from forge_core.texas42.eq.records import start_again
from forge_core.texas42.eq.scenes import Scene
from forge_core.texas42.games import replay as play_again
from forge_core.texas42.state import ILLEGAL
from forge_core.texas42.views import Bytes, Views
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.voids import unseen

Floats = npt.NDArray[np.float32]

MOST_SHOWN = 200
"""worlds of a decision that are built: many more than anyone looks at, and few enough to solve at once"""


@dataclass(frozen=True, slots=True, eq=False)
class SampledWorlds:
    """The first M <= MOST_SHOWN worlds of a decision, in the order in which they were sampled.

    If the game weighed or resampled its worlds, these are the worlds before that.
    """

    scene: Scene
    views: Views
    """of one game: the view of the mover"""
    hands: Bytes
    """[M, 4, 7] ids as dealt, ascending within each hand"""
    positions: Positions
    """the M worlds, and after them the hands as they were dealt"""

    @classmethod
    def of(cls, scene: Scene) -> SampledWorlds:
        """Sample the worlds of a decision again. Raises BadInput for an invalid record."""
        record = scene.record
        start = start_again([record])
        games = next(islice(play_again(start, record.plays[None]), scene.step, None))
        views, hidden = games.views, unseen(games.views)
        seed = record.settings.get("seed", 0)
        if type(seed) is not int:
            raise BadInput(f"the game's settings have seed {seed!r}: a game has a whole number")
        worlds = Worlds(hidden, world_keys(game_keys(start, seed), scene.step))
        one = np.array([0])
        complete = np.array([scene.is_exact])
        ranks = worlds.ranks(one, 0, min(max(1, scene.n_worlds), MOST_SHOWN), complete)
        table = Table.of(views, hidden, "cpu")
        n = ranks.shape[1]
        sampled = deal_out(table, torch.zeros(n, dtype=torch.int64), worlds.owner(one, ranks)[0])
        hands = torch.cat([sampled, torch.from_numpy(games.hands)])
        past = replay(table, torch.zeros(n + 1, dtype=torch.int64), hands, 0)
        positions = Positions(hands, past.decl, past.states[:, 0], torch.arange(n + 1))
        return cls(scene, views, sampled.numpy(), positions)

    def __len__(self) -> int:
        return len(self.hands)

    def q(self, oracle: Oracle, world: int | None = None) -> Floats:
        """Return Q [M, 7] of an oracle in all worlds, or [1, 7] in one; NaN where a play is illegal.

        world: 0..M - 1; M for the hands as they were dealt.
        """
        rows = slice(0, len(self)) if world is None else slice(world, world + 1)
        positions = self.positions.take(rows)
        zeros = torch.zeros(len(positions), dtype=torch.int64)
        history = History(self.views.seen, zeros, zeros + self.scene.step)
        answers = oracle.q(positions, history).numpy()
        return np.where(answers == ILLEGAL, np.float32(np.nan), answers)

    def left(self, world: int) -> list[list[int]]:
        """Return the ids that each of the four seats still holds in a world; M for the hands as dealt."""
        played = self.scene.played
        hands = self.positions.hands[world].tolist()
        return [[domino for domino in hand if domino not in played] for hand in hands]
