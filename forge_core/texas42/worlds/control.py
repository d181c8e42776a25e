"""Plays that take the trick whatever the hidden hands hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.texas42.dominoes import N_SEATS
from forge_core.texas42.tables import BEATEN_BY, LED_SUIT, TRICK_RANK
from forge_core.texas42.views import Views
from forge_core.texas42.worlds.voids import N_HIDDEN, unseen


def holds_trick(views: Views) -> npt.NDArray[np.bool_]:
    """Return [N, 7]: True for a legal play that takes the trick in every world.

    It beats the plays made so far, and everything that a seat still to play may hold.
    """
    seen, hidden = views.seen, unseen(views)
    decl, hand = seen.decl[:, None].astype(np.int64), views.hand.astype(np.int64)
    trick = seen.trick.astype(np.int64)
    to_come = (1 << N_HIDDEN - seen.step % N_SEATS) - 1
    bits = np.int64(1) << hidden.dominoes.astype(np.int64)
    threats = (bits * (hidden.allowed & to_come > 0)).sum(axis=1, keepdims=True)
    suit = LED_SUIT[decl, trick[:, :1] if trick.shape[1] else hand]
    holds = BEATEN_BY[decl, suit, hand] & threats == 0
    if trick.shape[1]:
        holds &= TRICK_RANK[decl, suit, hand] > TRICK_RANK[decl, suit, trick].max(axis=1, keepdims=True)
    return holds & views.legal
