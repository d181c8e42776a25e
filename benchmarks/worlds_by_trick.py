"""Worlds of the strongest player by trick: the value that a choice from few worlds loses, and its CPU cost.

    python benchmarks/worlds_by_trick.py --games 60

Games of the val split are played by the player itself. At each decision with a choice, plays are valued from
MOST worlds, and chosen from fewer ones of another draw: from fixed numbers, and from as many as bound the
expected loss of the choice by `loss=POINTS`. Where all consistent worlds are used, nothing is lost. A line of
JSON per trick has, for each of these, the loss in E[Q] plus bonus per game (all four seats) with its standard
error, and CPU seconds per game; the last line has the sums. The best play is that of MOST worlds, so each
loss contains the same constant.
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
from forge_core.texas42.eq.adaptive import AdaptiveConfig, Sampling
from forge_core.texas42.eq.estimate import estimate
from forge_core.texas42.eq.generate import game_keys, world_keys
from forge_core.texas42.players import ask, parse_player
from forge_core.texas42.players.expected import ExpectedPlayer

MOST, FEWER = 3_200, (200, 400, 600, 800)
LOSSES, ROUND, MOST_ROUNDS = (0.1, 0.18, 0.3), 300, 10
"""points; worlds drawn at a time, and the largest number of times"""


def main() -> None:
    """Print a line for each trick."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--games", type=int, default=60)
    parser.add_argument("--player", default="strong")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    player = parse_player(asked.player, "cpu")
    assert isinstance(player, ExpectedPlayer)
    fixed = replace(player.config.sampling, adaptive=None, enumerate_limit=None, by_trick=())
    tried = {f"worlds={worlds}": replace(fixed, n_worlds=worlds) for worlds in FEWER}
    for loss in LOSSES:
        adaptive = AdaptiveConfig(ROUND, MOST_ROUNDS * ROUND, ROUND, loss=loss)
        tried[f"loss={loss}"] = replace(fixed, adaptive=adaptive, enumerate_limit=2 * ROUND)
    games = Conditions().deal(held_out_seeds(asked.games))
    keys, n = game_keys(games, 0), len(games)
    lost: dict[Any, dict[str, Any]] = {"all": {name: np.zeros(n) for name in tried}}
    seconds: dict[Any, dict[str, float]] = {"all": dict.fromkeys(tried, 0.0)}
    while not games.over:
        step = games.seen.step
        trick = step // N_SEATS + 1
        views = games.views
        rows = np.flatnonzero(views.legal.sum(axis=1) > 1)
        some, drawn = views.take(rows), world_keys(keys[rows], step)
        lost.setdefault(trick, {name: np.zeros(n) for name in tried})
        seconds.setdefault(trick, dict.fromkeys(tried, 0.0))
        if len(rows):
            value, _ = _value(player, some, drawn, replace(fixed, n_worlds=MOST))
            for number, (name, sampling) in enumerate(tried.items()):
                began = time.process_time()
                chosen, is_sample = _value(player, some, drawn + np.uint64(1 + number), sampling)
                took = time.process_time() - began
                loss = value.max(axis=1) - value[np.arange(len(rows)), chosen.argmax(axis=1)]
                for part in (trick, "all"):
                    seconds[part][name] += took
                    lost[part][name][rows] += np.where(is_sample, loss, 0.0)
        games = games.play(ask(player, games, keys))
    lost["all"] = lost.pop("all")  # last
    for trick, of_trick in lost.items():
        line = {
            name: {
                "lost": round(loss.mean(), 4),
                "error": round(loss.std() / np.sqrt(n), 4),
                "cpu": round(seconds[trick][name] / n, 5),
            }
            for name, loss in of_trick.items()
        }
        print(json.dumps({"trick": trick, **line}), flush=True)


def _value(player: ExpectedPlayer, views, drawn, sampling: Sampling):
    """Return E[Q] plus bonus [N, 7], -inf where illegal, and [N] True if the worlds are a sample."""
    config = player.config
    found = estimate(player.oracle, views, drawn, sampling, "cpu", config.belief, bonus=config.bonus)
    value = np.where(found.legal, found.mean + config.bonus * found.p_make, -np.inf)
    return value, found.world_count > sampling.enumerate_up_to


if __name__ == "__main__":
    main()
