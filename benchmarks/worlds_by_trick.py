"""Worlds of the strongest player by trick: the value that a choice from fewer worlds loses, and its CPU cost.

    python benchmarks/worlds_by_trick.py --games 60

Games of the val split are played by the player itself. At each decision with a choice, plays are valued from
MOST worlds, and chosen from fewer ones of another draw; where all consistent worlds are used, nothing is
lost. A line of JSON per trick has, for each number of worlds, the loss in E[Q] plus bonus per game (all four
seats) with its standard error, and CPU seconds per game. The best play is that of MOST worlds, so each loss
contains the same constant.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from forge_core.arena.settings import held_out_seeds
from forge_core.texas42.arena import Conditions
from forge_core.texas42.dominoes import N_SEATS
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.generate import game_keys, world_keys
from forge_core.texas42.players import ask, parse_player
from forge_core.texas42.players.expected import ExpectedPlayer

MOST, FEWER = 3_200, (50, 100, 200, 400, 800)


def main() -> None:
    """Print a line for each trick."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--games", type=int, default=60)
    parser.add_argument("--player", default="strong")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    player = parse_player(asked.player, "cpu")
    assert isinstance(player, ExpectedPlayer)
    games = Conditions().deal(held_out_seeds(asked.games))
    keys, n = game_keys(games, 0), len(games)
    lost: dict[int, dict[int, Any]] = {}
    seconds: dict[int, dict[int, float]] = {}
    while not games.over:
        step = games.seen.step
        trick = step // N_SEATS + 1
        views = games.views
        rows = np.flatnonzero(views.legal.sum(axis=1) > 1)
        some, drawn = views.take(rows), world_keys(keys[rows], step)
        value = _value(player, some, drawn, MOST)[0] if len(rows) else None
        of_trick = lost.setdefault(trick, {worlds: np.zeros(n) for worlds in FEWER})
        cpu = seconds.setdefault(trick, dict.fromkeys(FEWER, 0.0))
        for worlds in FEWER if value is not None else ():
            began = time.process_time()
            chosen, is_sample = _value(player, some, drawn + np.uint64(worlds), worlds)
            cpu[worlds] += time.process_time() - began
            each = np.arange(len(rows))
            loss = value.max(axis=1) - value[each, chosen.argmax(axis=1)]
            of_trick[worlds][rows] += np.where(is_sample, loss, 0.0)
        games = games.play(ask(player, games, keys))
    for trick, of_trick in lost.items():
        line = {
            worlds: {
                "lost": round(loss.mean(), 4),
                "error": round(loss.std() / np.sqrt(n), 4),
                "cpu": round(seconds[trick][worlds] / n, 5),
            }
            for worlds, loss in of_trick.items()
        }
        print(json.dumps({"trick": trick, "worlds": line}), flush=True)


def _value(player: ExpectedPlayer, views, drawn, worlds: int):
    """Return E[Q] plus bonus [N, 7], -inf where illegal, and [N] True if the worlds are a sample."""
    config = player.config
    sampling = replace(config.sampling, n_worlds=worlds, by_trick=())
    found = estimate(player.oracle, views, drawn, sampling, "cpu", config.belief)
    value = np.where(found.legal, found.mean + config.bonus * found.p_make, -np.inf)
    return value, found.world_count > sampling.enumerate_up_to


if __name__ == "__main__":
    main()
