"""The belief from the declaration as a kernel, which a browser can run, as in `beliefs.DeclarationBelief`.

beliefs and declaring are the readable versions; tests compare the two.
"""

from __future__ import annotations

import numpy as np

from forge_core.kernels import kernel
from forge_core.texas42.declarations import N_DECLARATIONS, has_trump_power
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.tables import CALLED

TRUMPS = CALLED & np.array([has_trump_power(decl) for decl in range(N_DECLARATIONS)])[:, None]
"""[10, 28] bool: True if the domino is a trump"""


@kernel
def count_hand(trumps, led_suit, beaten_by, hand, decl):
    """Return the numbers of trumps and of sure winners of a hand [7], as `declaring.count_sure` counts them.

    trumps: TRUMPS; led_suit and beaten_by: LED_SUIT and BEATEN_BY.
    """
    held = np.int64(0)
    for slot in range(HAND_SIZE):
        held |= np.int64(1) << np.int64(hand[slot])
    n_trumps = n_sure = 0
    for slot in range(HAND_SIZE):
        domino = hand[slot]
        n_trumps += trumps[decl, domino]
        n_sure += np.int64(beaten_by[decl, led_suit[decl, domino], domino]) & ~held == 0
    return n_trumps, n_sure


@kernel
def add_declaration(trumps, led_suit, beaten_by, deals, bidder, decl, temperature, mix, log_p):
    """Add the log probability of the declaration in deals [D, 4, 7] to log_p [D]; see `DeclarationBelief`."""
    for row in range(len(deals)):
        total = chosen = 0.0
        for each in range(N_DECLARATIONS):
            n_trumps, n_sure = count_hand(trumps, led_suit, beaten_by, deals[row, bidder], each)
            odds = np.exp((n_trumps + n_sure) / temperature)
            total += odds
            if each == decl:
                chosen = odds
        log_p[row] += np.log((1 - mix) * chosen / total + mix / N_DECLARATIONS)
