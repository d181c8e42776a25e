"""Playing many games in lockstep: each seat's player acts on what the seat may know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from forge_core.arena.players import Keys, Player, View, view_of
from forge_core.arena.seats import Seats
from forge_core.game import NOBODY, Game, State, checked_step, match_array, take, to_numpy
from forge_core.streams import mix, stream


def seed_keys(seeds: Sequence[int], seed: int) -> Keys:
    """Return [N]: the key of the players' random draws for each of N seeds; `seed` is the match's seed.

    The key does not depend on the seat arrangement, so equal players play equal games.
    """
    base = stream(seed, "match").integers(2**64, dtype=np.uint64)
    return mix(base, np.asarray(seeds, dtype=np.uint64))


def play_games(
    game: Game[State],
    state: State,
    players: Sequence[Player],
    seats: Seats,
    keys: Keys,
    view: Callable[[State], View] | None = None,
    on_over: Callable[[int], None] | None = None,
) -> State:
    """Play N games to the end and return the finished rows.

    state: N rows, at any step. seats: [N, P], the index into `players` for each seat. keys: [N], see
    `seed_keys`. view: by default `view_of(game)`. on_over: called after each step with the number of
    games that ended in it. Raises BadInput if a player's action is illegal.
    """
    see, step = view or view_of(game), 0
    while len(going := np.flatnonzero((to_move := to_numpy(game.to_move(state))) != NOBODY)):
        on_turn = seats[going, to_move[going]]
        actions: npt.NDArray[np.int64] = np.zeros(len(to_move), dtype=np.int64)
        for number in np.unique(on_turn):
            rows = going[on_turn == number]
            part = take(state, match_array(rows, game.to_move(state)))
            chosen = players[number].act(see(part), game.legal(part), mix(keys[rows], step))
            actions[rows] = to_numpy(chosen)
        state = checked_step(game, state, actions)
        step += 1
        if on_over:
            on_over(len(going) - int((to_numpy(game.to_move(state)) != NOBODY).sum()))
    return state
