"""Rollouts, compiled: tables advance to decisions of networks, and finished rounds go to buffers.

`advance` plays rule players and forced moves until each table waits for a network; `take_bids` and
`take_plays` draw actions from the network's answers, keep what learning needs, and take them. A round may end
by an action of a rule player or of a network: it is scored at once, and `advance` collects it and deals the
next one.
"""

from __future__ import annotations

import numpy as np
from numba import float32

from forge_core.draws import draw_below, mix, uniform
from forge_core.kernels import inlined, kernel
from forge_core.skull_king import actions
from forge_core.skull_king.bots import LEARNER
from forge_core.skull_king.bots.rules import act
from forge_core.skull_king.settings.network import POINTS_PER_VALUE
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.dealing import start_game
from forge_core.skull_king.state.inputs import N_BIDS
from forge_core.skull_king.state.kernels import legal_list, step
from forge_core.skull_king.state.observe import write_bid, write_hidden, write_play


@inlined
def next_draw(tables, table):
    """Return the next 64 random bits of a table."""
    tables.draws[table] += 1
    return mix(tables.keys[table], tables.draws[table])


@inlined
def find(cumulative, share):
    """Return the first place at which a cumulative distribution exceeds a number in [0, 1)."""
    place = 0
    while place + 1 < len(cumulative) and cumulative[place] <= share:
        place += 1
    return place


@kernel
def start_round(tables, table, options, mix_of_rounds, mix_of_players, kinds):
    """Deal a round at a table: its number, its players and the learner's seat are drawn.

    mix_of_rounds [10], mix_of_players [K]: cumulative probabilities of the rounds and of `kinds` [K], the
    opponents; LEARNER: all seats learn.
    """
    seats = options[at.O_SEATS]
    round = 1 + find(mix_of_rounds, uniform(next_draw(tables, table)))
    opponent = kinds[find(mix_of_players, uniform(next_draw(tables, table)))]
    tables.players[table, :] = opponent
    tables.players[table, draw_below(next_draw(tables, table), seats)] = LEARNER
    start_game(tables.rows[table], mix(tables.deal_keys[table], tables.rounds[table]), round, options)
    tables.rounds[table] += 1


@kernel
def advance(
    tables, staged, collected, own, past, options, mix_of_rounds, mix_of_players, kinds, trace, start
):
    """Bring every table to a decision of a network with more than one legal action.

    own, past: requests of learners and of the older network. start: deal at all tables first.
    """
    listed = np.empty(at.MOST_ACTIONS, np.int64)
    own.n[:] = 0
    past.n[:] = 0
    for table in range(len(tables.rows)):
        row = tables.rows[table]
        if start:
            start_round(tables, table, options, mix_of_rounds, mix_of_players, kinds)
        while True:
            if row[at.PHASE] == actions.SCORED:
                collect_round(tables, table, staged, collected, options, trace)
                start_round(tables, table, options, mix_of_rounds, mix_of_players, kinds)
            player = tables.players[table, row[at.ACTOR]]
            if player >= 0:
                action = act(row, player, options, next_draw(tables, table), listed)
            else:
                if legal_list(row, options, listed) > 1:
                    if player == LEARNER:
                        request(row, table, own, options, listed)
                    else:
                        request(row, table, past, options, listed)
                    break
                action = listed[0]
            step(row, action, options)


@kernel
def request(row, table, requests, options, listed):
    """Write the observation of the actor to the requests. listed: room for actions."""
    seat = row[at.ACTOR]
    if row[at.PHASE] == actions.BID:
        n = requests.n[0]
        requests.bid_tables[n] = table
        write_bid(row, seat, options, requests.bid[n])
        requests.n[0] += 1
    else:
        n = requests.n[1]
        requests.play_tables[n] = table
        write_play(row, seat, options, listed, requests.play[n])
        if requests.hidden.shape[1]:
            write_hidden(row, seat, options, requests.hidden[n])
        requests.n[1] += 1


@kernel
def write_requests(tables, requests, options):
    """Write the observations of the decisions that wait again, where `advance` wrote them."""
    listed = np.empty(at.MOST_ACTIONS, np.int64)
    for i in range(requests.n[0]):
        row = tables.rows[requests.bid_tables[i]]
        write_bid(row, row[at.ACTOR], options, requests.bid[i])
    for i in range(requests.n[1]):
        row = tables.rows[requests.play_tables[i]]
        write_play(row, row[at.ACTOR], options, listed, requests.play[i])
        if requests.hidden.shape[1]:
            write_hidden(row, row[at.ACTOR], options, requests.hidden[i])


# --- decisions of networks --------------------------------------------------------------------


@inlined
def draw_from(chances, n, share):
    """Return a place 0..n - 1, drawn by unnormalised chances with a number in [0, 1)."""
    total = float32(0)
    for i in range(n):
        total += chances[i]
    rest = float32(share) * total
    place = n - 1  # also if the sum of all chances is rounded below `rest`
    for i in range(n):
        rest -= chances[i]
        if rest < 0:
            place = i
            break
    return place


@kernel
def take_bids(tables, staged, requests, points, temperature, random_share, options):
    """Draw and take the bids that wait: with probability random_share at random, else by softmax.

    points: [N, 11] float32, divided by `temperature` before the softmax; temperature 0: the highest.
    """
    chances = np.empty(N_BIDS, np.float32)
    for i in range(requests.n[0]):
        table = requests.bid_tables[i]
        row = tables.rows[table]
        seat, n = row[at.ACTOR], row[at.DEALT] + 1
        best = np.argmax(points[i, :n])
        bid = best
        if temperature > 0:
            total = float32(0)
            for k in range(n):
                chances[k] = np.exp((points[i, k] - points[i, best]) / temperature)
                total += chances[k]
            for k in range(n):
                chances[k] = (1 - random_share) * chances[k] / total + random_share / n
            bid = draw_from(chances, n, uniform(next_draw(tables, table)))
        if tables.players[table, seat] == LEARNER:
            staged.n[table, seat] = 0
            staged.bid[table, seat] = requests.bid[i]
            staged.bid_log_prob[table, seat] = np.log(chances[bid])
        step(row, actions.BID_0 + bid, options)


@kernel
def take_plays(tables, staged, requests, logits, values, greedy, options):
    """Draw and take the plays that wait, by softmax; greedy: the best ones.

    logits: [N, 75] float32. values: [N] float32.
    """
    listed = np.empty(at.MOST_ACTIONS, np.int64)
    chances = np.empty(at.MOST_ACTIONS, np.float32)
    for i in range(requests.n[1]):
        table = requests.play_tables[i]
        row = tables.rows[table]
        seat, n = row[at.ACTOR], legal_list(row, options, listed)
        best = 0
        for k in range(1, n):
            if logits[i, listed[k]] > logits[i, listed[best]]:
                best = k
        total, place = float32(0), best
        for k in range(n):
            chances[k] = np.exp(logits[i, listed[k]] - logits[i, listed[best]])
            total += chances[k]
        if not greedy:
            place = draw_from(chances, n, uniform(next_draw(tables, table)))
        if tables.players[table, seat] == LEARNER:
            m = staged.n[table, seat]
            staged.play[table, seat, m] = requests.play[i]
            staged.hidden[table, seat, m] = requests.hidden[i]
            staged.action[table, seat, m] = listed[place]
            staged.log_prob[table, seat, m] = np.log(chances[place] / total)
            staged.value[table, seat, m] = values[i]
            staged.n[table, seat] = m + 1
        step(row, listed[place], options)


# --- finished rounds --------------------------------------------------------------------------


@kernel
def collect_round(tables, table, staged, collected, options, trace):
    """Move the decisions of the learners in a scored round to the buffers, with their advantages.

    The points of a round are its only reward, at its end, without discount. With values V and the points R,
    the temporal differences are V' - V, and R - V at the last play; an advantage sums those that follow, each
    weighted by `trace` per play.
    """
    row, seats = tables.rows[table], options[at.O_SEATS]
    for seat in range(seats):
        if tables.players[table, seat] != LEARNER:
            continue
        points, tricks = row[at.DELTA + seat], row[at.WON + seat]
        r = collected.n[0]
        collected.bid[r] = staged.bid[table, seat]
        collected.bid_made[r] = row[at.BIDS + seat]
        collected.bid_log_prob[r] = staged.bid_log_prob[table, seat]
        collected.bid_tricks[r] = tricks
        collected.bid_points[r] = points
        collected.bid_opponents[r] = tables.players[table, (seat + 1) % seats]
        collected.n[0] = r + 1
        later_value = float32(points / POINTS_PER_VALUE)
        advantage = float32(0)
        for m in range(staged.n[table, seat] - 1, -1, -1):
            value = staged.value[table, seat, m]
            advantage = later_value - value + float32(trace) * advantage
            c = collected.n[1]
            collected.play[c] = staged.play[table, seat, m]
            collected.hidden[c] = staged.hidden[table, seat, m]
            collected.action[c] = staged.action[table, seat, m]
            collected.log_prob[c] = staged.log_prob[table, seat, m]
            collected.advantage[c] = advantage
            collected.target[c] = advantage + value
            collected.tricks[c] = tricks
            collected.n[1] = c + 1
            later_value = value
        staged.n[table, seat] = 0
