"""Beliefs about the hidden hands before the first play, for example based on the auction."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from forge_core.texas42.views import Seen


class Belief(Protocol):
    """A prior over hands that ignores the plays: for example, a seat that bid 31 has a hand worth the bid.

    It multiplies the posterior weight of every world; worlds are still drawn uniformly.
    """

    def log_prior(self, seen: Seen, game: Tensor, hands: Tensor) -> Tensor:
        """Return the log prior of D worlds, up to a constant per game: float64 [D], -inf if ruled out.

        seen: public knowledge of N games, including the bid. game: int64 [D], the game of each world.
        hands: int8 [D, 4, 7] as dealt. The result is on the same device as `hands`.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Describe the belief for the record, in JSON types."""
        ...
