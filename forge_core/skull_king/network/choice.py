"""The choice of the network as a kernel, for a place without torch such as a browser.

It makes the choices of `players.network`, but for differences in the last digits of sums. For the size of the
network that ships with the project, at a table of four with the rules of the current print.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from numba import float32

from forge_core import inference
from forge_core.inference import exp_of_negative, multiply, record_of
from forge_core.kernels import kernel
from forge_core.learning.choice import CHOICE_GRAIN
from forge_core.skull_king import actions
from forge_core.skull_king.network.points import points_without_bonus, shares_of_bonus
from forge_core.skull_king.rules import Rules
from forge_core.skull_king.settings.network import POINTS_PER_BONUS
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.inputs import N_BIDS, bid_blocks, play_blocks
from forge_core.skull_king.state.kernels import legal_list
from forge_core.skull_king.state.observe import is_bidding, write_bid, write_play

SEATS, RULES = 4, Rules()
"""the table of the network"""
_WIDTH, _BID_WIDTH = 256, 128
_SEEN, _BID_SEEN = play_blocks(RULES, SEATS).width, bid_blocks(RULES, SEATS).width
_ROUNDING = 1.5 * 2.0**52
"""adding and subtracting it rounds to a whole number, ties to even, as `np.round` does"""

TENSORS = {
    "bid_body.0.weight": (_BID_SEEN, _BID_WIDTH),
    "bid_body.0.bias": (_BID_WIDTH,),
    "bid_body.2.weight": (_BID_WIDTH, _BID_WIDTH),
    "bid_body.2.bias": (_BID_WIDTH,),
    "bid_tricks.weight": (N_BIDS * N_BIDS, _BID_WIDTH),
    "bid_tricks.bias": (N_BIDS * N_BIDS,),
    "bid_bonus.weight": (N_BIDS, _BID_WIDTH),
    "bid_bonus.bias": (N_BIDS,),
    "body.0.weight": (_SEEN, _WIDTH),
    "body.0.bias": (_WIDTH,),
    "body.2.weight": (_WIDTH, _WIDTH),
    "body.2.bias": (_WIDTH,),
    "policy.weight": (actions.N_PLAYS, _WIDTH),
    "policy.bias": (actions.N_PLAYS,),
}
"""the tensors that a choice needs, as they are stored, and their shapes"""


WEIGHTS = record_of(TENSORS)
"""The weights of a network, as kernels read them"""
MEMORY = np.dtype(
    [
        ("bid", np.uint8, _BID_SEEN),
        ("play", np.uint8, _SEEN),
        ("first", np.float32, _WIDTH),
        ("second", np.float32, _WIDTH),
        ("answers", np.float32, N_BIDS * N_BIDS),
        ("bonus", np.float32, N_BIDS),
        ("ratings", np.float32, actions.N_PLAYS),
        ("listed", np.int64, at.MOST_ACTIONS),
    ],
    align=True,
)
"""The memory in which one choice is computed"""
POINTS, BONUS_SHARES = points_without_bonus(RULES), shares_of_bonus(RULES)
"""[11 cards dealt, 11 bids, 11 numbers of tricks] float32: the tables of the rule of scoring"""


def offsets() -> dict[str, int]:
    """Return the place of each tensor in WEIGHTS, in bytes, by its name."""
    return inference.offsets_of(TENSORS)


def pack(tensors: Mapping[str, npt.NDArray[np.float32]]) -> npt.NDArray:
    """Return [1] WEIGHTS, from the tensors of a network by name."""
    return inference.pack(TENSORS, tensors)


@kernel
def network_action(row, options, weights, points, shares, memory):
    """Return the action of the network for the actor of a row, 0 once the round is over.

    weights: WEIGHTS. points, shares: POINTS, BONUS_SHARES. memory: MEMORY; its `ratings` are then the
    expected points of bids, or the logits of plays.
    """
    listed = memory.listed
    n = legal_list(row, options, listed)
    if n <= 1:
        return listed[0] if n else 0
    first_action = 0
    if is_bidding(row):
        first_action = actions.BID_0
        _rate_bids(row, options, weights, points, shares, memory)
    else:
        _rate_plays(row, options, weights, memory)
    best, highest = listed[0], -np.inf
    for i in range(n):
        rating = memory.ratings[listed[i] - first_action]
        grains = float32(rating / float32(CHOICE_GRAIN)) + _ROUNDING - _ROUNDING
        if grains > highest:
            best, highest = listed[i], grains
    return best


@kernel
def _rate_bids(row, options, weights, points, shares, memory):
    """Write the expected points of bids 0..dealt to the ratings."""
    dealt = row[at.DEALT]
    write_bid(row, row[at.ACTOR], options, memory.bid)
    first, second, w = memory.first, memory.second, weights
    _add_rows(memory.bid, w.bid_body_0_weight, w.bid_body_0_bias, first)
    multiply(first, _BID_WIDTH, w.bid_body_2_weight, w.bid_body_2_bias, second, True)
    multiply(second, _BID_WIDTH, w.bid_tricks_weight, w.bid_tricks_bias, memory.answers, False)
    multiply(second, _BID_WIDTH, w.bid_bonus_weight, w.bid_bonus_bias, memory.bonus, False)
    for bid in range(dealt + 1):
        # Softmax over the numbers of tricks that are possible; then the mean of the points.
        start = N_BIDS * bid
        highest = memory.answers[start]
        for won in range(1, dealt + 1):
            highest = max(highest, memory.answers[start + won])
        total = expected = bonus = 0.0
        for won in range(dealt + 1):
            chance = exp_of_negative(memory.answers[start + won] - highest)
            total += chance
            expected += chance * points[dealt, bid, won]
            bonus += chance * shares[dealt, bid, won]
        memory.ratings[bid] = (expected + bonus * memory.bonus[bid] * POINTS_PER_BONUS) / total


@kernel
def _rate_plays(row, options, weights, memory):
    """Write the logits of plays to the ratings."""
    write_play(row, row[at.ACTOR], options, memory.listed, memory.play)
    first, second, w = memory.first, memory.second, weights
    _add_rows(memory.play, w.body_0_weight, w.body_0_bias, first)
    multiply(first, _WIDTH, w.body_2_weight, w.body_2_bias, second, True)
    multiply(second, _WIDTH, w.policy_weight, w.policy_bias, memory.ratings, False)


@kernel
def _add_rows(seen, weight, bias, out):
    """Write the ReLU of the bias plus the rows of `weight` at which `seen` is 1."""
    width = weight.shape[1]
    for k in range(width):
        out[k] = bias[k]
    for i in range(weight.shape[0]):
        if seen[i]:
            for k in range(width):
                out[k] += weight[i, k]
    for k in range(width):
        out[k] = max(out[k], float32(0))
