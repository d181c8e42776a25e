"""The choice of the best legal action; ties are broken at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.arena.players import Keys
from forge_core.game import choose, match_array, to_numpy
from forge_core.liuzhou.state import EMPTY_SLOT
from forge_core.streams import uniform


def choose_best(actions: npt.NDArray[np.uint8], worth: npt.NDArray[Any], keys: Keys) -> npt.NDArray[np.int64]:
    """Return [N] the legal action with the greatest worth; ties are broken at random, by the keys.

    actions: [N, SLOTS] as `legal_actions` lists them. worth: [N, SLOTS], finite where an action is legal.
    """
    worth = np.where(actions == EMPTY_SLOT, -np.inf, worth)
    slot = choose(worth == worth.max(axis=1, keepdims=True), uniform(keys))
    return actions[np.arange(len(actions)), slot].astype(np.int64)


def rows_of(view: Any) -> npt.NDArray[np.int64]:
    """Return the rows [N, 4] of a view, an array or a tensor on any device, as a numpy array."""
    return np.ascontiguousarray(to_numpy(view), dtype=np.int64)


def as_actions(chosen: npt.NDArray[np.int64], legal: Any) -> Any:
    """Return actions in the library and on the device of `legal`."""
    return match_array(chosen, legal)
