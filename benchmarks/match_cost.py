"""Matches of Texas 42 with the CPU seconds of each player: one line of JSON after every block of deals.

    python benchmarks/match_cost.py strong eq --deals 2000 --out games

All figures are those of `forge match` over the deals so far, and CPU seconds per deal (28 decisions of each
player), of one thread of torch. Run it again to continue: deals whose games are in the folder are not played
again, and seconds are those of the deals played now.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch

from forge_core.arena.settings import held_out_seeds
from forge_core.files import Store
from forge_core.texas42.arena import Conditions, play_all
from forge_core.texas42.arena.match import play_match
from forge_core.texas42.arena.report import Comparison
from forge_core.texas42.dominoes import N_PLAYS
from forge_core.texas42.games import Games
from forge_core.texas42.players import AnyPlayer, parse_player
from forge_core.texas42.players.protocol import Clairvoyant, Keys, Slots
from forge_core.texas42.views import Views


@dataclass(eq=False)
class Timed:
    """A player that measures the CPU seconds of its decisions."""

    player: AnyPlayer
    seconds: float = 0.0
    decisions: int = 0

    @property
    def name(self) -> str:
        """The name of the player."""
        return self.player.name

    def describe(self) -> dict[str, Any]:
        """Return the description of the player."""
        return self.player.describe()

    @property
    def per_deal(self) -> float | None:
        """CPU seconds per deal; None before the first decision."""
        return round(self.seconds * N_PLAYS / self.decisions, 4) if self.decisions else None

    def _timed(self, decide: Callable[..., Slots], known: Views | Games, keys: Keys) -> Slots:
        began = time.process_time()
        slots = decide(known, keys)
        self.seconds += time.process_time() - began
        self.decisions += len(keys)
        return slots


class TimedPlayer(Timed):
    """A timed player that sees one hand."""

    def slots(self, views: Views, keys: Keys) -> Slots:
        """Return the plays of the player."""
        return self._timed(self.player.slots, views, keys)  # pyright: ignore[reportAttributeAccessIssue]


class TimedClairvoyant(Timed):
    """A timed clairvoyant."""

    def slots_seeing_all(self, games: Games, keys: Keys) -> Slots:
        """Return the plays of the clairvoyant."""
        decide = self.player.slots_seeing_all  # pyright: ignore[reportAttributeAccessIssue]
        return self._timed(decide, games, keys)


def timed(text: str) -> Timed:
    """Return the player with a name, with kernels compiled and networks loaded."""
    player = parse_player(text, "cpu")
    play_all([player, parse_player("random", "cpu")], held_out_seeds(2), Conditions())
    return TimedClairvoyant(player) if isinstance(player, Clairvoyant) else TimedPlayer(player)


def main() -> None:
    """Play all pairs of the players and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("players", nargs="+", metavar="PLAYER")
    parser.add_argument("--deals", type=int, default=1000)
    parser.add_argument("--block", type=int, default=100)
    parser.add_argument("--out", default=None, help="folder that keeps the games")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        store, seeds = Store(asked.out or folder), held_out_seeds(asked.deals)
        for one, other in combinations(asked.players, 2):
            a, b = timed(one), timed(other)
            for end in range(asked.block, asked.deals + asked.block, asked.block):
                match = play_match(a, b, seeds[:end], Conditions(), store, batch=asked.block)
                found = Comparison.of(match).to_dict()
                print(json.dumps(found | {"cpu_a": a.per_deal, "cpu_b": b.per_deal}), flush=True)


if __name__ == "__main__":
    main()
