"""Games of Liuzhou by random play, as self-play records them."""

from __future__ import annotations

import numpy as np

from forge_core.files import Store
from forge_core.liuzhou.files import Games, GamesKey, write_games
from forge_core.liuzhou.state import BLACK_WON, SLOTS, START, WHITE_WON, legal_actions, outcomes, step_rows

SETTINGS = {"version": "s0", "sims": 8, "weights": None}
SIMS = 8
"""visits of which a policy is made"""


def random_games(key: GamesKey, seed: int = 0) -> Games:
    """The games of a file: at random, with policies and values at random."""
    draws, numbers = np.random.default_rng([seed, key.generation, key.first]), np.array(key.games, np.int32)
    rows, columns = np.tile(START, (len(numbers), 1)), []
    while (outcomes(rows) == 0).any():
        actions, counts = legal_actions(rows)
        live, slots = counts > 0, np.arange(SLOTS) < counts[:, None]
        chosen = actions[np.arange(len(rows)), (draws.random(len(rows)) * counts).astype(int)]
        visits = draws.multinomial(SIMS, slots / np.maximum(counts, 1)[:, None])
        taught = draws.random(len(rows)) < 0.4
        policy = (visits / SIMS * taught[:, None]).astype(np.float16)
        value = draws.uniform(-1, 1, len(rows)).astype(np.float32)
        columns.append([column[live] for column in (numbers, rows, chosen, policy, value)])
        rows = step_rows(rows, np.where(live, chosen, 0))
    game, *others = (np.concatenate(column) for column in zip(*columns, strict=True))
    order, of_game = np.argsort(game, kind="stable"), np.searchsorted(numbers, np.sort(game))
    outcome, stones = outcomes(rows), np.bitwise_count(rows[:, :2]).astype(np.int8)
    result = (outcome == BLACK_WON).astype(np.int8) - (outcome == WHITE_WON).astype(np.int8)
    difference = stones[:, 0] - stones[:, 1]
    return Games(game[order], *(each[order] for each in others), result[of_game], difference[of_game])


def store_games(root: Store, generation: int, files: int = 1, seed: int = 0, settings=SETTINGS) -> int:
    """Put random games of a generation into a store: the number of its positions."""
    positions = 0
    for number in range(files):
        key = GamesKey(generation, number * len(GamesKey(0, 0).games))
        games = random_games(key, seed)
        write_games(root, key, games, files * len(key.games), settings)
        positions += len(games)
    return positions
