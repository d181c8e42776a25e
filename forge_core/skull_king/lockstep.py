"""Games played by compiled players, until a decision from outside is needed or the game is over.

Each seat of a game has a player, a row of `bots` [K, 6] int64: a kind (RANDOM .. CAPTAIN, SEARCH, or LEARNER
for a decision from outside) and the settings of a search. Decision t of a game draws from `mix(key, t)` with
the key of the game, as in `arena.play`, so that results are those of the players one by one.
"""

from __future__ import annotations

import numpy as np

from forge_core.draws import mix
from forge_core.kernels import kernel
from forge_core.skull_king import actions
from forge_core.skull_king.bots import BOT_NAMES, LEARNER
from forge_core.skull_king.bots.rules import act
from forge_core.skull_king.search import SearchSettings, search_action
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.dealing import next_round
from forge_core.skull_king.state.kernels import step
from forge_core.skull_king.state.view import BEFORE_ALL_BIDS

SEARCH = len(BOT_NAMES)
"""kind of a player that searches, after the players by rules"""


def bot_numbers(kind: int, search: SearchSettings | None = None) -> tuple[int, ...]:
    """Return the row of a player in `bots`."""
    return (kind, *(int(number) for number in search.numbers)) if search else (kind, 0, 0, 0, 0, 0)


OUTSIDE = bot_numbers(LEARNER)
"""the row of a player whose decisions come from outside"""


@kernel
def bot_action(row, bot, options, key, buffer):
    """Return the action of a compiled player. bot: its row of `bots`."""
    if bot[0] == SEARCH:
        return search_action(row, options, key, bot[1], bot[2], bot[3], bot[4], bot[5] != 0, buffer)
    return act(row, bot[0], options, key, buffer)


@kernel
def play_on(rows, seats, bots, keys, times, options, bids, won, points, budget):
    """Play each game until a seat whose decisions come from outside is to act, or until it is over.

    seats: [N, P], the row of `bots` of each seat. times: [N], decisions made so far; advanced. bids, won,
    points: [N, R, P], written for each round that ends. budget: decisions by rules and worlds of searches
    after which it returns False, to be called again with the same arrays; else it returns True.
    """
    buffer = np.empty(at.MOST_ACTIONS, np.int64)
    for n in range(len(rows)):
        row = rows[n]
        while row[at.PHASE] != actions.OVER:
            if row[at.PHASE] == actions.SCORED:
                record_round(row, options, bids[n], won[n], points[n])
                if row[at.ROUND] < options[at.O_LAST_ROUND]:
                    next_round(row, options)
                else:
                    row[at.PHASE] = actions.OVER
                continue
            bot = bots[seats[n, row[at.ACTOR]]]
            if bot[0] == LEARNER:
                break
            if budget <= 0:
                return False
            budget -= work_of(row, bot)
            step(row, bot_action(row, bot, options, mix(keys[n], times[n]), buffer), options)
            times[n] += 1
    return True


@kernel
def work_of(row, bot):
    """Return the number of worlds in which a compiled player searches its decision, at least 1."""
    if bot[0] != SEARCH:
        return 1
    return max(1, bot[1] if row[at.PHASE] <= BEFORE_ALL_BIDS else bot[2])


@kernel
def record_round(row, options, bids, won, points):
    """Write the bids, tricks and points of a scored round to its line of arrays [R, P]."""
    line = row[at.ROUND] - 1
    for seat in range(options[at.O_SEATS]):
        bids[line, seat] = row[at.BIDS + seat]
        won[line, seat] = row[at.WON + seat]
        points[line, seat] = row[at.DELTA + seat]
