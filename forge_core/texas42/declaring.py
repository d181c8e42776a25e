"""The declaration that suits a hand by a simple rule: trumps held, and dominoes that nothing can beat.

Matches and games of E[Q] can declare by it, so that contracts resemble those of a table.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.texas42.declarations import N_DECLARATIONS, has_trump_power
from forge_core.texas42.tables import BEATEN_BY, CALLED, LED_SUIT

DECLARING_VERSION = "d1"
"""Raised when the scores change"""

Numbers = npt.NDArray[np.int64]


def count_sure(hands: npt.NDArray[np.int8]) -> tuple[Numbers, Numbers]:
    """Count the trumps and the sure winners of N hands [N, 7]: two arrays [N, 10], by declaration.

    A sure winner is a domino that no domino outside the hand can beat when it is led.
    """
    ids = hands.astype(np.int64)
    elsewhere = ~(np.int64(1) << ids).sum(axis=1, keepdims=True)
    trumps, unbeaten = np.empty((2, len(ids), N_DECLARATIONS), dtype=np.int64)
    for decl in range(N_DECLARATIONS):
        trumps[:, decl] = (CALLED[decl, ids] & has_trump_power(decl)).sum(axis=1)
        unbeaten[:, decl] = ((BEATEN_BY[decl, LED_SUIT[decl, ids], ids] & elsewhere) == 0).sum(axis=1)
    return trumps, unbeaten


def declaration_scores(hands: npt.NDArray[np.int8]) -> Numbers:
    """Return [N, 10]: trumps plus sure winners of N hands [N, 7] under each declaration."""
    trumps, unbeaten = count_sure(hands)
    return trumps + unbeaten


def suits(hands: npt.NDArray[np.int8]) -> Numbers:
    """Choose the declaration with the highest score for each of N hands [N, 7]: [N], the lowest if tied."""
    return declaration_scores(hands).argmax(axis=1)
