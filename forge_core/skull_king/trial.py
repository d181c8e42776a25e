"""Whole games of a network against rule players, for the curve of a run: greedy, seat-balanced, all at once.

Each deal is played once from each seat against the same opponents; the games of a deal are one observation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from forge_core.kernels import kernel
from forge_core.skull_king import actions
from forge_core.skull_king.bots import CAPTAIN, HARD
from forge_core.skull_king.bots.rules import act
from forge_core.skull_king.deals import game_keys
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.rollouts.kernels import next_draw, request, take_bids, take_plays
from forge_core.skull_king.rollouts.records import LEARNER, new_requests, new_staged, new_tables
from forge_core.skull_king.rules import N_ROUNDS
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.dealing import next_round
from forge_core.skull_king.state.doors import start_rows
from forge_core.skull_king.state.kernels import legal_list, step
from forge_core.stats import Difference, mean_interval
from forge_core.streams import mix, stream


@dataclass(frozen=True, slots=True)
class Trial:
    """Results of a network at a table, with intervals over deals."""

    score: Difference
    """points per game"""
    hit: Difference
    """share of bids met"""
    wins: Difference
    """share of games won; a win is shared by equal scores"""
    others: float
    """mean points per game of the others"""


def try_network(network: BidAndPlayNet, opponent: int, deals: int, seed: int) -> Trial:
    """Play games of a network against three rule players of one kind. seed: of the deals and draws."""
    spec, seats = network.spec, network.spec.seats
    options = at.options_of(spec.rules, seats)
    games = np.arange(deals * seats)
    keys = game_keys(seed, games // seats)
    tables = new_tables(len(games), seats, mix(_key(seed), games), keys)
    tables.rows[:] = start_rows(keys, np.ones(len(games), np.int64), options)
    tables.players[:] = opponent
    own = games % seats
    tables.players[games, own] = LEARNER
    widths = spec.bid_width, spec.play_width, 0
    requests, staged = new_requests(len(games), widths), new_staged(0, seats, widths)
    hits = np.zeros(len(games), np.int64)
    with torch.inference_mode():
        while True:
            _advance(tables, requests, options, hits)
            n_bids, n_plays = requests.n
            if n_bids + n_plays == 0:
                break
            if n_bids:
                points = network.bids(torch.from_numpy(requests.bid[:n_bids])).points.numpy()
                take_bids(tables, staged, requests, points, 0.0, 0.0, options, False)
            if n_plays:
                plays = network.plays(torch.from_numpy(requests.play[:n_plays]))
                logits, values = plays.logits.numpy(), plays.value.numpy()
                take_plays(tables, staged, requests, logits, values, True, options, False)
    scores = tables.rows[:, at.SCORE : at.SCORE + seats].astype(float)
    mine, best = scores[games, own], scores.max(1)
    wins = (mine == best) / (scores == best[:, None]).sum(1)
    return Trial(
        score=_interval(mine, seats),
        hit=_interval(hits / N_ROUNDS, seats),
        wins=_interval(wins, seats),
        others=float((scores.sum(1) - mine).mean() / (seats - 1)),
    )


def _interval(numbers: npt.NDArray[np.float64], seats: int) -> Difference:
    return mean_interval(numbers.reshape(-1, seats).mean(1))


def _key(seed: int) -> np.uint64:
    return stream(seed, "skull_king", "trials").integers(2**64, dtype=np.uint64)


@kernel
def _advance(tables, requests, options, hits):
    """Bring every game to a decision of the network with more than one legal action, or to its end."""
    listed = np.empty(at.MOST_ACTIONS, np.int64)
    requests.n[:] = 0
    for table in range(len(tables.rows)):
        row = tables.rows[table]
        while row[at.PHASE] != actions.OVER:
            if row[at.PHASE] == actions.SCORED:
                for seat in range(options[at.O_SEATS]):
                    is_hit = row[at.WON + seat] == row[at.BIDS + seat]
                    hits[table] += tables.players[table, seat] == LEARNER and is_hit
                if row[at.ROUND] == options[at.O_LAST_ROUND]:
                    row[at.PHASE] = actions.OVER
                else:
                    next_round(row, options)
                continue
            player = tables.players[table, row[at.ACTOR]]
            if player >= 0:
                action = act(row, player, options, next_draw(tables, table), listed)
            elif legal_list(row, options, listed) > 1:
                request(row, table, requests, options, listed)
                break
            else:
                action = listed[0]
            step(row, action, options)


CURVE_SEED = 1
"""seed of the deals of the curve"""
CURVE_DEALS = 250
"""an interval of about 6 points on each side"""


def curve_figures(network: BidAndPlayNet) -> dict[str, float]:
    """Return the figures of a network against three hard players and three captains, for a curve."""
    hard, captain = (try_network(network, kind, CURVE_DEALS, CURVE_SEED) for kind in (HARD, CAPTAIN))
    return {
        "score": hard.score.mean,
        "score_low": hard.score.low,
        "hit": hard.hit.mean,
        "wins": hard.wins.mean,
        "captain_score": captain.score.mean,
        "captain_score_low": captain.score.low,
        "captain_hit": captain.hit.mean,
        "captain_wins": captain.wins.mean,
    }
