"""The kernels of Skull King that run in a browser: rules, players, and the values of actions by search.

A table has three to eight seats, with the rules of the current print. Each function adapts one kernel: it
makes arrays of the addresses that it receives, and adds constants. `make wasm` builds the file.
"""

from __future__ import annotations

import numpy as np
from numba import types, uint64
from numba.np.numpy_support import carray, from_dtype

from forge_core.draws import mix
from forge_core.skull_king import actions, deals
from forge_core.skull_king.actions import MOST_SEATS
from forge_core.skull_king.bots import BOT_NAMES, CAPTAIN, HARD
from forge_core.skull_king.bots.rules import act
from forge_core.skull_king.game import DEAL_SEED
from forge_core.skull_king.network.choice import (
    BONUS_SHARES,
    MEMORY,
    POINTS,
    RULES,
    SEATS,
    WEIGHTS,
    network_action,
    offsets,
)
from forge_core.skull_king.search import N_TRICKS, value_row
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.dealing import next_round as deal_next
from forge_core.skull_king.state.dealing import start_game
from forge_core.skull_king.state.kernels import legal_list, step
from forge_core.skull_king.web import FEWEST_SEATS
from forge_core.streams import stream
from forge_core.web.exports import Export, Exports

MODULE = __name__
OPTIONS = np.array([at.options_of(RULES, max(seats, FEWEST_SEATS)) for seats in range(MOST_SEATS + 1)])
"""[9, 14] the options by number of seats; the first rows are not used"""
BASES = np.array(
    [deals.stream_key(DEAL_SEED), stream(0, "match").integers(2**64, dtype=np.uint64)], dtype=np.uint64
)
"""[2] keys of the streams of deals, and of the players' draws as in a match of seed 0; the key of a game is
mix(key, seed of the game)"""


def new_game(row, seats, seed):
    """Write the row of a game before its first bid, as `SkullKingGame(seats).init([seed])` does."""
    start_game(carray(row, at.WIDTH), mix(BASES[0], seed), 1, OPTIONS[seats])


def next_round(row, seats):
    """Deal the next round."""
    deal_next(carray(row, at.WIDTH), OPTIONS[seats])


def legal(row, seats, out):
    """Write the legal actions of the actor to out [16]; return their number."""
    return legal_list(carray(row, at.WIDTH), OPTIONS[seats], carray(out, at.MOST_ACTIONS))


def take(row, seats, action):
    """Take a legal action of the actor; return 1 if it ended the round, which is then scored."""
    return np.int64(step(carray(row, at.WIDTH), action, OPTIONS[seats]))


def bot_action(row, seats, kind, seed, time, listed):
    """Return the action of a player by rules. kind: index into BOT_NAMES. time: decisions made so far."""
    key = mix(mix(BASES[1], seed), time)
    return act(carray(row, at.WIDTH), kind, OPTIONS[seats], key, carray(listed, at.MOST_ACTIONS))


def network_choice(row, weights, memory):
    """Return the action of the network at four seats. weights, memory: one WEIGHTS and one MEMORY record."""
    packed, own = carray(weights, 1), carray(memory, 1)
    return network_action(carray(row, at.WIDTH), OPTIONS[SEATS], packed[0], POINTS, BONUS_SHARES, own[0])


def values(row, seats, seed, time, worlds, total, squares, tricks):
    """Add up points [102], their squares [102] and tricks [102, 11] of legal actions, float64, over worlds.

    Only what the actor may know is read. The captain finishes the round for it, hard for the others.
    """
    key = mix(mix(BASES[1], seed), time)
    value_row(
        carray(row, at.WIDTH),
        OPTIONS[seats],
        key,
        worlds,
        CAPTAIN,
        HARD,
        False,
        carray(total, actions.N_ACTIONS),
        carray(squares, actions.N_ACTIONS),
        carray(tricks, (actions.N_ACTIONS, N_TRICKS)),
    )


def _exports() -> Exports:
    number, row, floats = types.int64, types.CPointer(types.int64), types.CPointer(types.float64)
    weights, memory = types.CPointer(from_dtype(WEIGHTS)), types.CPointer(from_dtype(MEMORY))
    signatures = {
        new_game: types.void(row, number, uint64),
        next_round: types.void(row, number),
        legal: number(row, number, row),
        take: number(row, number, number),
        bot_action: number(row, number, number, uint64, number, row),
        network_choice: number(row, weights, memory),
        values: types.void(row, number, uint64, number, number, floats, floats, floats),
    }
    columns = ("PHASE", "ROUND", "DEALT", "TRICK", "IN_TRICK", "LEADER", "STARTER", "ACTOR", "LED")
    columns += ("BIDS", "WON", "BONUS", "SCORE", "DELTA", "TABLE", "NUMBERS", "SPECIALS")
    layout = {name: int(getattr(at, name)) for name in columns}
    layout |= {f"bot {name}": BOT_NAMES.index(name) for name in BOT_NAMES}
    layout |= {f"tensor {name}": offset for name, offset in offsets().items()}
    sizes = {"width": at.WIDTH, "weights_bytes": WEIGHTS.itemsize, "memory_bytes": MEMORY.itemsize}
    ratings = MEMORY.fields
    assert ratings
    layout |= sizes | {"ratings": int(ratings["ratings"][1]), "most_actions": at.MOST_ACTIONS}
    return Exports([Export(each.__name__, each, signature) for each, signature in signatures.items()], layout)


EXPORTS = _exports()
