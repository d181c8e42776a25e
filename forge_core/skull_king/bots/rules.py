"""Players by rules, compiled. `key` names the draws of a decision; `listed` has room for the actions."""

from __future__ import annotations

import numpy as np
from numba import int64

from forge_core.draws import draw_below, mix, uniform
from forge_core.kernels import inlined, kernel
from forge_core.skull_king import actions, cards
from forge_core.skull_king.bots.values import (
    CAPTAIN,
    EASY,
    FED_WHALE_STRENGTH,
    HARD_NOISE,
    HIGH_NUMBER,
    MEDIUM,
    RANDOM,
    expected_of_words,
    strength,
)
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.kernels import legal_list
from forge_core.skull_king.state.standing import standing_of, would_win
from forge_core.skull_king.state.words import number_of

EASY_NOISE, MEDIUM_NOISE = 1.0, 0.5
EASY_RANDOM = 0.3
"""share of plays for which `easy` chooses its mode at random"""
WEAKEST, MIDDLE, STRONGEST = range(3)
"""modes: the card that `easy`, `medium` and `hard` play, by strength"""
BID_DRAW, MODE_DRAW, MODE_CHOICE = range(3)
"""counters of the draws of a decision"""

AS_PIRATE, AS_ESCAPE = 0.84, 0.01
"""strength of the Tigress as a pirate and as an Escape to `captain`"""
KEPT_TIGRESS = 0.5
"""strength of the Tigress as an Escape where `captain` throws its weakest card: it would rather keep her"""
SURPLUS = 0.8
"""`captain` lets a trick go if its cards promise this many tricks more than it needs"""


@kernel
def act(row, kind, options, key, listed):
    """Return the action of a player by rules, 0 once the round is over. kind: RANDOM .. CAPTAIN."""
    if row[at.PHASE] == actions.BID and kind != RANDOM:
        return actions.BID_0 + bid_of(row, row[at.ACTOR], kind, key)
    n = legal_list(row, options, listed)
    if n <= 1:
        return listed[0] if n else 0
    if kind == RANDOM:
        return listed[draw_below(mix(key, BID_DRAW), n)]
    if row[at.PHASE] == actions.PLAY:
        if kind == CAPTAIN:
            return captain_play(row, options, listed, n)
        return play_by_strength(row, kind, key, listed, n)
    return use_option(row, listed, n)


@kernel
def bid_of(row, seat, kind, key):
    """Return the bid of a seat: the tricks that it expects, with the noise of the kind."""
    expected = expected_of_words(row[at.NUMBERS + seat], row[at.SPECIALS + seat])
    noise = EASY_NOISE if kind == EASY else MEDIUM_NOISE if kind == MEDIUM else HARD_NOISE
    bid = int64(np.rint(expected + (2 * uniform(mix(key, BID_DRAW)) - 1) * noise))
    return min(max(bid, 0), row[at.DEALT])


# --- easy, medium, hard -----------------------------------------------------------------------


@kernel
def play_by_strength(row, kind, key, listed, n):
    """Return the weakest, the middle or the strongest card, by the tricks still needed and left."""
    seat = row[at.ACTOR]
    need, left = row[at.BIDS + seat] - row[at.WON + seat], row[at.DEALT] - row[at.TRICK]
    if need > left or need <= 0:
        mode = WEAKEST
    elif need == left or need > left // 2:
        mode = STRONGEST
    else:
        mode = MIDDLE
    if kind == EASY and uniform(mix(key, MODE_DRAW)) < EASY_RANDOM:
        mode = draw_below(mix(key, MODE_CHOICE), 3)
    if listed[n - 1] == actions.TIGRESS_AS_PIRATE:
        n -= 1
    chosen = of_strength(listed, n, mode)
    if chosen == actions.TIGRESS_AS_ESCAPE and row[at.WON + seat] < row[at.BIDS + seat]:
        return actions.TIGRESS_AS_PIRATE
    return chosen


@inlined
def of_strength(listed, n, mode):
    """Return the weakest, middle or strongest of n plays; of equals the lowest, but for the middle."""
    high = 0
    for i in range(n):
        high += listed[i] >= at.FIRST_NUMBERED - 1 and is_high(listed[i] + 1)
    whale = FED_WHALE_STRENGTH if high >= 2 else strength(cards.WHALE)
    if mode == MIDDLE:
        return middle_of(listed, n, whale)
    best, best_strength = listed[0], 2.0 if mode == WEAKEST else -1.0
    for i in range(n):
        here = whale if listed[i] + 1 == cards.WHALE else strength(listed[i] + 1)
        if here < best_strength if mode == WEAKEST else here > best_strength:
            best, best_strength = listed[i], here
    return best


@inlined
def is_high(card):
    """Return True for a number of at least HIGH_NUMBER."""
    return card <= at.LAST_NUMBERED and number_of(card) >= HIGH_NUMBER


@kernel
def middle_of(listed, n, whale):
    """Return the play in the middle by strength: that with n // 2 weaker ones, or equal ones before it."""
    for i in range(n):
        here = whale if listed[i] + 1 == cards.WHALE else strength(listed[i] + 1)
        before = 0
        for j in range(n):
            other = whale if listed[j] + 1 == cards.WHALE else strength(listed[j] + 1)
            before += other < here or (other == here and j < i)
        if before == n // 2:
            return listed[i]
    return listed[0]


# --- captain ----------------------------------------------------------------------------------


@inlined
def captain_strength(action):
    """Return the strength of a play to `captain`."""
    if action == actions.TIGRESS_AS_PIRATE:
        return AS_PIRATE
    if action == actions.TIGRESS_AS_ESCAPE:
        return AS_ESCAPE
    return strength(action + 1)


@kernel
def captain_play(row, options, listed, n):
    """Return the play of `captain`: it takes the trick if it wants it, else sheds its strongest loser."""
    seat, standing = row[at.ACTOR], standing_of(row)
    need, left = row[at.BIDS + seat] - row[at.WON + seat], row[at.DEALT] - row[at.TRICK]
    is_last = row[at.IN_TRICK] == options[at.O_HANDS] - 1
    wants = need > 0
    if wants and need < left and not is_last:
        promised = expected_of_words(row[at.NUMBERS + seat], row[at.SPECIALS + seat])
        wants = promised <= need + SURPLUS
    strongest = weakest = loser = -1  # of the plays that win now: the strongest and weakest; the best loser
    strongest_worth = loser_worth = -1.0
    weakest_worth = 2.0
    for i in range(n):
        worth = captain_strength(listed[i])
        if would_win(listed[i], standing):
            if worth > strongest_worth:
                strongest_worth, strongest = worth, listed[i]
            if worth < weakest_worth:
                weakest_worth, weakest = worth, listed[i]
        elif worth > loser_worth:
            loser_worth, loser = worth, listed[i]
    if not wants:
        return loser if loser >= 0 else weakest
    if strongest >= 0:
        return weakest if is_last and need != left else strongest
    return weakest_of(listed, n)


@inlined
def weakest_of(listed, n):
    """Return the weakest play; the Tigress is rather kept."""
    best, best_worth = listed[0], 2.0
    for i in range(n):
        tigress = listed[i] == actions.TIGRESS_AS_ESCAPE
        worth = KEPT_TIGRESS if tigress else captain_strength(listed[i])
        if worth < best_worth:
            best_worth, best = worth, listed[i]
    return best


# --- options of the rules ---------------------------------------------------------------------


@kernel
def use_option(row, listed, n):
    """Return the decision that players by rules take on abilities and loads.

    They load grapeshot and bet nothing. While they need tricks, they lead themselves and discard the weakest
    cards, otherwise the strongest ones. They move the bid towards the tricks won.
    """
    seat, phase = row[at.ACTOR], row[at.PHASE]
    need = row[at.BIDS + seat] - row[at.WON + seat]
    if phase == actions.LEAD:
        return listed[0] if need > 0 else listed[1]
    if phase == actions.DISCARD:
        return of_strength(listed, n, WEAKEST if need > 0 else STRONGEST)
    if phase == actions.MOVE:
        is_over = row[at.TRICK] == row[at.DEALT]
        move = 1 if need < 0 else -1 if need > 0 and is_over else 0
        wanted = actions.HARRY_0 + 1 + move
        return min(max(wanted, listed[0]), listed[n - 1])
    return listed[0]
