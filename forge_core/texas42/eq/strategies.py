"""Strategies: values of plays to a mover that can tell worlds apart only by what it will have seen.

E[Q] with an exact oracle assumes that the mover, after this play, sees all hands: it would choose another
play in each world. A *strategy* makes the same play in all worlds that have looked alike so far. All other
seats still see everything. The search is alpha-mu (Cazenave and Ventos): each position has a *front* of
vectors, the outcomes in each world under one strategy, of which none is as good as another everywhere.

Letters: W worlds, F vectors of a front.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.lanes import trailing_zeros
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.one_hand.sight import replay
from forge_core.texas42.oracle.alphabeta.positions import workspace
from forge_core.texas42.oracle.alphabeta.rulebook import (
    HELD,
    LEADER,
    LED,
    PLAYS,
    RULEBOOK,
    answers,
    close_trick,
    mover,
    play,
    trick_value,
)
from forge_core.texas42.oracle.alphabeta.search import enter, fit_table, search_value
from forge_core.texas42.views import Views

STRATEGIES_VERSION = "a1"
"""Raised when the same worlds give other values"""
MOST_VECTORS = 64
"""vectors kept per front, those with the best means; a longer front is cut, which may lower a value"""


def strategy_values(
    views: Views,
    hands: npt.NDArray[np.int8],
    n_worlds: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float64] | None = None,
    own_plays: int = HAND_SIZE,
    most: int = MOST_VECTORS,
) -> npt.NDArray[np.float64]:
    """Return [N, 7]: points to come in the mover's frame, for the best strategy that begins with each play.

    views: N views after the same number of plays. hands: [N, W, 4, 7], worlds as dealt; those of game n are
    the first n_worlds[n], at least 1. weights: [N, W] positive; None: all alike. own_plays: number of own
    choices, this one included, that follow a strategy; then the mover sees all hands, so that with 1 the
    values are E[Q]. most: limit of vectors per front; if it is reached, values are lower bounds. Illegal
    plays are NaN. Raises BadInput for an own_plays or most below 1.
    """
    if own_plays < 1 or most < 1:
        raise BadInput(f"own_plays {own_plays} and most {most}: use at least 1")
    seen = views.seen
    weights = np.ones(hands.shape[:2]) if weights is None else weights
    values = np.full((len(views), HAND_SIZE), np.nan)
    _fill_values(
        RULEBOOK,
        workspace(),
        seen.decl.astype(np.int64),
        seen.turn.astype(np.int64),
        np.ascontiguousarray(seen.plays),
        np.ascontiguousarray(seen.players),
        hands,
        n_worlds,
        weights,
        own_plays,
        most,
        values,
    )
    return values


@kernel
def _fill_values(
    rulebook, workspace, decls, seats, plays, players, hands, n_worlds, weights, own_plays, most, values
):
    """Fill values [N, 7] of the legal plays; see `strategy_values`."""
    search, barred = workspace[0], np.zeros(N_SEATS, np.int64)
    for game in range(len(decls)):
        rules, seat, n = rulebook[decls[game]], seats[game], n_worlds[game]
        boundary, trick = replay(rules, plays[game], players[game], barred)
        if trick == 0:
            boundary = boundary & HELD | seat << LEADER
        masks = np.zeros((n, N_SEATS), np.int64)
        for world in range(n):
            for each in range(N_SEATS):
                for slot in range(HAND_SIZE):
                    masks[world, each] |= np.int64(1) << rules.bit[hands[game, world, each, slot]]
        weight, alive = weights[game, :n], np.ones(n, np.bool_)
        legal = _legal(rules, boundary & masks[0, seat], trick)
        for slot in range(HAND_SIZE):
            domino = rules.bit[hands[game, 0, seat, slot]]
            if legal >> domino & 1:
                front = _front(
                    rules,
                    search,
                    hands[game],
                    masks,
                    decls[game],
                    weight,
                    alive,
                    boundary,
                    play(rules, trick, domino),
                    own_plays - 1,
                    seat,
                    np.int64(0),
                    most,
                )
                values[game, slot] = _means(front, weight, alive).max() / weight.sum()


@kernel
def _front(rules, search, deals, masks, decl, weight, alive, boundary, trick, own_plays, seat, gained, most):
    """Return the front [F, W] int16 of a position: points from the first play on, in the frame of `seat`.

    masks: [W, 4] hands as dealt. alive: [W] the worlds in which the position can occur; other columns mean
    nothing. own_plays: choices left to `seat` before it sees all hands. gained: points so far.
    """
    n, sign = len(alive), -1 if seat & 1 else 1
    if trick >> PLAYS == N_SEATS:
        boundary, taker = close_trick(boundary, trick)
        gained += sign * trick_value(rules, trick, taker)
        trick = np.int64(0)
    front = np.full((1, n), gained, np.int16)
    if boundary & HELD == 0:
        return front
    if own_plays == 0:
        for world in range(n):
            if alive[world]:
                enter(rules, search, deals[world], decl)
                fit_table(search, boundary)
                front[0, world] += sign * search_value(rules, search, boundary, trick, np.int64(0))
        return front
    # The plays that each world allows: the same in all worlds if it is the turn of `seat`.
    turn = mover(boundary, trick)
    may, plays = np.zeros(n, np.int64), np.int64(0)
    for world in range(n):
        if alive[world]:
            may[world] = _legal(rules, boundary & masks[world, turn], trick)
            plays |= may[world]
    left = own_plays - 1 if turn == seat and plays & (plays - 1) else own_plays
    reached, is_first = np.zeros(n, np.bool_), True
    while plays:
        domino = trailing_zeros(plays)
        plays &= plays - 1
        where = alive & (may >> domino & 1 == 1)
        after = _front(
            rules,
            search,
            deals,
            masks,
            decl,
            weight,
            where,
            boundary,
            play(rules, trick, domino),
            left,
            seat,
            gained,
            most,
        )
        if is_first:
            front = after
        elif turn == seat:  # one strategy or the other
            front = np.concatenate((front, after))
        else:  # the seat that plays sees the world, and chooses in each
            front = _choices(front, after, reached, where, (turn ^ seat) & 1 == 0)
        reached |= where
        is_first = False
        front = _undominated(front, weight, reached, most)
    return front


@kernel
def _legal(rules, hand, trick):
    """Return the legal plays of a hand (a mask of dominoes still held)."""
    return hand if trick == 0 else answers(rules, hand, trick >> LED & 7)


@kernel
def _choices(front, after, reached, where, is_partner):
    """Return all pairs of two fronts: in each world, the better (opponents: the worse) of the two outcomes.

    reached, where: [W] the worlds in which the outcomes of `front` and of `after` are defined.
    """
    pairs = np.empty((len(front) * len(after), front.shape[1]), np.int16)
    for i in range(len(front)):
        for j in range(len(after)):
            row = pairs[i * len(after) + j]
            for world in range(front.shape[1]):
                a, b = front[i, world], after[j, world]
                if reached[world] and where[world]:
                    row[world] = max(a, b) if is_partner else min(a, b)
                else:
                    row[world] = b if where[world] else a
    return pairs


@kernel
def _undominated(front, weight, alive, most):
    """Return the vectors that no other one matches in all worlds alive; at most `most`, the best means."""
    if len(front) == 1:
        return front
    order, n_kept = np.argsort(-_means(front, weight, alive)), 0
    kept = np.empty((min(len(front), most), front.shape[1]), np.int16)
    for i in order:
        dominated = False
        for k in range(n_kept):
            dominated = True
            for world in range(front.shape[1]):
                if alive[world] and kept[k, world] < front[i, world]:
                    dominated = False
                    break
            if dominated:
                break
        if not dominated:
            kept[n_kept] = front[i]
            n_kept += 1
            if n_kept == most:
                break
    return kept[:n_kept].copy()


@kernel
def _means(front, weight, alive):
    """Return [F]: the sum of weight x outcome over the worlds alive."""
    sums = np.zeros(len(front))
    for i in range(len(front)):
        for world in range(front.shape[1]):
            if alive[world]:
                sums[i] += weight[world] * front[i, world]
    return sums
