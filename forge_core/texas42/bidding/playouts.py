"""How a deal is played out to see what a declaration takes, by name.

A playout is one way of playing all four seats. To add one, write a class that satisfies
Playout and name it in PLAYOUTS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.texas42.dominoes import HAND_POINTS
from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.solver import ORACLE_VERSION
from forge_core.texas42.tables import Bytes

BIDDER = 0
"""the seat that has bid, holds the hand in question, and leads"""


class Playout(Protocol):
    """Deals and declarations -> the points that the bidder's team takes."""

    @property
    def name(self) -> str:
        """As PLAYOUTS has it."""
        ...

    @property
    def version(self) -> str:
        """Raised when other points come out; settings that change them are part of it."""
        ...

    @property
    def sees_all(self) -> bool:
        """Whether the players look through the backs of the dominoes: all hands are known to them."""
        ...

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64]) -> Bytes:
        """Points 0..42 of the team of seat 0, which leads: int8 [D].

        hands [D, 4, 7] int8, ascending; decls [D]. What a deal comes to does not depend on what
        is played beside it: who draws at random keys the draw by the deal.
        """
        ...


@dataclass(frozen=True, slots=True)
class OraclePlayout:
    """Perfect play by all four, all hands known: the exact double-dummy value V, as (42 + V) / 2 points."""

    workers: int | None = None
    """threads; default: one a core"""

    @property
    def name(self) -> str:
        """See Playout."""
        return "oracle"

    @property
    def version(self) -> str:
        """See Playout."""
        return ORACLE_VERSION

    @property
    def sees_all(self) -> bool:
        """See Playout."""
        return True

    def points(self, hands: Bytes, decls: npt.NDArray[np.int64]) -> Bytes:
        """See Playout."""
        value = root_q(hands, decls, BIDDER, workers=self.workers).max(axis=1, initial=-HAND_POINTS)
        return ((HAND_POINTS + value.astype(np.int64)) // 2).astype(np.int8)


PLAYOUTS: dict[str, Callable[[], Playout]] = {"oracle": OraclePlayout}
"""name -> what opens it"""


def open_playout(name: str) -> Playout:
    """The playout of a name. Raises BadInput for one that is not there."""
    if name not in PLAYOUTS:
        raise BadInput(f"no playout {name!r}: use {', '.join(PLAYOUTS)}")
    return PLAYOUTS[name]()
