"""Times of decisions: CPU milliseconds of a player per bid and per play, at one table at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.arena.play import seed_keys
from forge_core.arena.players import Player
from forge_core.arena.settings import held_out_seeds
from forge_core.game import choose
from forge_core.skull_king.actions import BID, PLAY
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.players.view import TableView
from forge_core.skull_king.state import layout as at
from forge_core.streams import mix, stream

TIMED_GAMES = 4
"""per player: 40 bids, and about 180 plays with a choice"""


@dataclass(frozen=True, slots=True, eq=False)
class DecisionTimes:
    """Mean CPU milliseconds per decision, of R rounds; NaN where there was no choice."""

    name: str
    bids: npt.NDArray[np.float64]
    """[R]"""
    plays: npt.NDArray[np.float64]
    """[R] of plays with more than one legal action"""
    mean_bid: float
    mean_play: float

    def to_dict(self) -> dict[str, Any]:
        """Return the means as JSON types."""
        return {"player": self.name, "bid_ms": round(self.mean_bid, 4), "play_ms": round(self.mean_play, 4)}


def time_decisions(player: Player, game: SkullKingGame | None = None, n: int = TIMED_GAMES) -> DecisionTimes:
    """Return the times of a player's decisions in n games against random players, on deals of the val split.

    CPU time is summed over all threads; the time of a GPU is counted only as far as the host waits for it. A
    network answers chunks of rows (see `players.network`), so that here a decision costs a whole chunk.
    """
    game, draws = game or SkullKingGame(), stream(0, "skull_king", "timing")
    spent, counts = np.zeros((2, game.rounds)), np.zeros((2, game.rounds))
    warm: set[int] = set()
    for number, seed in enumerate(held_out_seeds(n)):
        rows, keys, decision = game.init([seed]), seed_keys([seed], 0), 0
        while not game.over(rows)[0]:
            legal, phase, view = game.legal(rows), int(rows[0, at.PHASE]), TableView.of(game, rows)
            if rows[0, at.ACTOR] == number % game.seats and legal.sum() > 1 and phase in (BID, PLAY):
                key = mix(keys, decision)
                if phase not in warm:
                    warm.add(phase)
                    player.act(view, legal, key)  # compiles what is compiled
                begun = time.process_time()
                taken = np.asarray(player.act(view, legal, key))
                place = int(phase == PLAY), int(rows[0, at.ROUND]) - 1
                spent[place] += time.process_time() - begun
                counts[place] += 1
            else:
                taken = choose(legal, draws.random(1))
            rows, decision = game.step(rows, taken), decision + 1
    with np.errstate(invalid="ignore", divide="ignore"):
        by_round, means = 1e3 * spent / counts, 1e3 * spent.sum(1) / counts.sum(1)
    return DecisionTimes(player.name, by_round[0], by_round[1], float(means[0]), float(means[1]))
