"""The likelihood of past plays in a deal, if every seat follows a policy and sees only its own hand.

A policy plays domino a with probability (1 - mix) x softmax over legal plays of logit / tau + mix / number of
legal plays; for the heuristic, which has no logits, the softmax is 1 for its play. Forced plays, and those
of the seat to move, which knows its own hand, say nothing about hidden hands and are left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.chunks import map_chunks
from forge_core.kernels import kernel
from forge_core.lanes import popcount
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.one_hand.choose import HEURISTIC, Policy, new_memory
from forge_core.texas42.one_hand.features import fill_features
from forge_core.texas42.one_hand.heuristic import heuristic_play
from forge_core.texas42.one_hand.network import fill_logits
from forge_core.texas42.one_hand.sight import DOMINO_TABLE, note_void, see
from forge_core.texas42.oracle.alphabeta.rulebook import HELD, PLAYS, RULEBOOK, play
from forge_core.texas42.views import Seen

LIKELIHOOD_VERSION = "l1"
"""Raised when the same policy, tau and mix give other likelihoods"""
_FEWEST_ROWS, _MOST_ROWS = 512, 4096
"""deals per chunk of a thread: enough to meet the same hands again, few enough for Ctrl-C to interrupt"""
_HANDS = 1024
"""hands of each seat whose likelihoods are kept; a power of 2"""


def log_likelihood_of_plays(
    seen: Seen,
    hands: npt.NDArray[np.int8],
    game: npt.NDArray[np.int64],
    policy: Policy,
    tau: float,
    mix: float,
    workers: int | None = None,
) -> npt.NDArray[np.float64]:
    """Return [D]: the log likelihood, in nats, of the plays of the hidden seats in D deals.

    seen: N games after t plays. hands: [D, 4, 7] as dealt, in which all plays are legal. game: [D], the game
    of each deal; deals of one game should be consecutive, since the game is then replayed once. tau: > 0, in
    logits. mix: 0..1. workers: threads (default: one per core).
    """
    log_p = np.zeros(len(hands))
    numbers = [column.astype(np.int64) for column in (seen.decl, seen.turn, seen.bidder)]
    plays, players = np.ascontiguousarray(seen.plays), np.ascontiguousarray(seen.players)

    def weigh(rows: slice) -> None:
        _weigh(
            RULEBOOK,
            DOMINO_TABLE,
            *new_memory(policy.sizes),
            *numbers,
            plays,
            players,
            hands[rows],
            game[rows],
            policy.index,
            policy.weights,
            tau,
            mix,
            log_p[rows],
        )

    deals = len(hands) if seen.step else 0
    map_chunks(weigh, deals, fewest=_FEWEST_ROWS, most=_MOST_ROWS, per_thread=4, workers=workers)
    return log_p


@kernel
def _weigh(
    rulebook,
    table,
    sights,
    memories,
    decls,
    movers,
    bidders,
    plays,
    players,
    deals,
    games,
    policy,
    weights,
    tau,
    mix,
    log_p,
):
    """Fill log_p [D]; see `log_likelihood_of_plays`."""
    dominoes, sight, memory = table[0], sights[0], memories[0]
    n_plays = plays.shape[1]
    remaining, tricks = np.zeros(n_plays, np.int64), np.zeros(n_plays, np.int64)
    barred = np.zeros((n_plays, N_SEATS), np.int64)
    # The likelihood of a seat's plays depends on its own hand alone, which it has in many deals.
    known, log_shares = np.empty((N_SEATS, _HANDS), np.int64), np.empty((N_SEATS, _HANDS, HAND_SIZE))
    slots, replayed = np.zeros(N_SEATS, np.int64), np.int64(-1)
    for row in range(len(deals)):
        game = games[row]
        rules, by, mover = rulebook[decls[game]], players[game], movers[game]
        if game != replayed:
            _replay_steps(rules, plays[game], by, remaining, tricks, barred)
            known[:] = 0
            replayed = game
        for seat in range(N_SEATS):
            hand = np.int64(0)
            for slot in range(HAND_SIZE):
                hand |= np.int64(1) << rules.bit[deals[row, seat, slot]]
            slot = slots[seat] = (hand * 2654435761 >> 24) % _HANDS
            if seat == mover or known[seat, slot] == hand:
                continue
            known[seat, slot] = hand
            for t in range(n_plays):
                if by[t] != seat:
                    continue
                see(rules, sight, remaining[t], hand, tricks[t], barred[t], np.int64(seat), bidders[game])
                log_share = 0.0
                if sight.legal & (sight.legal - 1):
                    played = rules.bit[plays[game, t]]
                    share, n = _share(rules, dominoes, sight, memory, policy, weights[0], tau, played)
                    log_share = np.log((1 - mix) * share + mix / n)
                log_shares[seat, slot, t // N_SEATS] = log_share
        total = 0.0
        for t in range(n_plays):
            if by[t] != mover:
                total += log_shares[by[t], slots[by[t]], t // N_SEATS]
        log_p[row] = total


@kernel
def _replay_steps(rules, plays, players, remaining, tricks, barred):
    """Fill the position before each of t plays.

    remaining: [t] dominoes not yet played. tricks: [t] the trick so far. barred: [t, 4], as for `see`.
    """
    left, trick = np.int64(HELD), np.int64(0)
    for t in range(len(plays)):
        if t:
            barred[t] = barred[t - 1]
            note_void(rules, tricks[t - 1], rules.bit[plays[t - 1]], players[t - 1], barred[t])
        else:
            barred[t] = 0
        remaining[t], tricks[t] = left, trick
        domino = rules.bit[plays[t]]
        left &= ~(np.int64(1) << domino)
        trick = play(rules, trick, domino)
        if trick >> PLAYS == N_SEATS:
            trick = np.int64(0)


@kernel
def _share(rules, dominoes, sight, memory, policy, weights, tau, played):
    """Return the policy's probability of a legal play without `mix`, and the number of legal plays."""
    if policy == HEURISTIC:
        is_played = heuristic_play(rules, dominoes, sight) == played
        return 1.0 if is_played else 0.0, popcount(sight.legal)
    n = fill_features(rules, dominoes, sight, memory.context, memory.plays, memory.order)
    fill_logits(weights, n, memory)
    highest = memory.logits[0]
    for k in range(1, n):
        highest = max(highest, memory.logits[k])
    total = share = 0.0
    for k in range(n):
        odds = np.exp((memory.logits[k] - highest) / tau)
        total += odds
        if memory.order[k] == played:
            share = odds
    return share / total, n
