"""What else is believed of the hidden hands, before a domino is played: by the auction, say."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from forge_core.texas42.views import Seen


class Belief(Protocol):
    """How likely hands are, whatever was played: who bid 31 holds a hand worth bidding.

    Every world is weighed by it beside its posterior weight; worlds are still drawn uniformly.
    """

    def log_prior(self, seen: Seen, game: Tensor, hands: Tensor) -> Tensor:
        """Of D worlds, up to a constant of each game: float64 [D], -inf for what is ruled out.

        seen: what everybody saw of N games, the bid among it; game int64 [D]: whose world
        each is; hands int8 [D, 4, 7] as dealt. On the device of `hands`.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """What it is, for the record: JSON types."""
        ...
