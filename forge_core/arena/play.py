"""Games of any kind in lockstep: each seat is played by its player, by what the seat may know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from forge_core.arena.players import Keys, Player, View, view_of
from forge_core.arena.seats import Seats
from forge_core.game import NOBODY, Game, State, checked_step, match_array, take, to_numpy
from forge_core.streams import mix, stream


def seed_keys(seeds: Sequence[int], seed: int) -> Keys:
    """Return [N] the key of all that players draw in the games of N seeds; `seed` is that of the match.

    It is the same however the seats are arranged, so equal players play equal games.
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
    """Play N games to their end and return the finished rows.

    state: N rows, at any step. seats: [N, P] which of `players` has each seat. keys: [N], see
    `seed_keys`. view: default `view_of(game)`. on_over: called after each step with the number of
    games that it ended. Raises BadInput for an illegal action.
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
