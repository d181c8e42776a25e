"""Settings of a tree search: how many simulations, and how each of them chooses actions."""

from __future__ import annotations

import math
from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.ranges import check_numbers
from forge_core.settings import setting

MOST_ROWS = 32_767
"""Most rows of a tree: an edge stores the number of the row it leads to in 16 bits"""
KEPT_SIMS = 2
"""With reuse, a subtree is kept if it has at most this many times `sims` rows; a larger one is dropped.
A third of a tree's rows then stays free for the next search, which needs at most `sims` of them."""


def read_fpu(text: str) -> float | None:
    """Return a number, or None for `none`. Raises BadInput."""
    if text.strip().lower() == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"fpu {text!r} is not a number: use a number of at least 0, or none") from None


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Settings of a tree search. Raises BadInput for values out of range and for contradictions."""

    sims: int = setting(64, "Simulations per search; each evaluates one position.")
    c: float = setting(
        1.25, "Weight of the prior against the values found so far; larger values explore more."
    )
    fpu: float | None = setting(
        0.2,
        "First-play urgency: an action without visits counts as its position's value minus this times the "
        "square root of the prior already visited; none: as 0.",
        read=read_fpu,
    )
    beta: float = setting(
        0.0, "Value of a drawn game for the side with more stones, at a lead of at least draw-scale stones."
    )
    draw_scale: float = setting(14.0, "Lead in stones from which a drawn game counts beta.", metavar="STONES")
    noise: float = setting(
        0.0,
        "Share of random noise in the priors of the root, 0 to 1; self-play uses 0.25. With gumbel: scale of "
        "the Gumbel noise, where 1 samples from the policy.",
    )
    gumbel: bool = setting(
        False,
        "Search by Gumbel AlphaZero: sequential halving at the root, and an improved policy as the result.",
    )
    reuse: bool = setting(False, "Keep the subtree of the chosen action for the game's next search.")

    def __post_init__(self) -> None:
        check_numbers(self)
        most = (MOST_ROWS - 1) // (KEPT_SIMS + 1 if self.reuse else 1)
        if not 1 <= self.sims <= most:
            raise BadInput(f"sims {self.sims}{' with reuse' if self.reuse else ''}: use 1..{most:,}")
        if not 0 < self.c < math.inf:
            raise BadInput(f"c {self.c}: use a number above 0")
        if self.fpu is not None and not 0 <= self.fpu < math.inf:
            raise BadInput(f"fpu {self.fpu}: use a number of at least 0, or none")
        if not 0 <= self.beta <= 1:
            raise BadInput(f"beta {self.beta}: use 0 to 1, as a drawn game is worth no more than a won one")
        if not 0 < self.draw_scale < math.inf:
            raise BadInput(f"draw scale {self.draw_scale}: use more than 0 stones")
        if not 0 <= self.noise <= 1:
            raise BadInput(f"noise {self.noise}: use 0 to 1")
        if self.gumbel and self.reuse:
            raise BadInput(
                "gumbel and reuse exclude each other, since sequential halving counts the visits of the root "
                "from 0: leave one of them out"
            )

    @property
    def tree_rows(self) -> int:
        """Rows that a tree needs: the root, one per simulation, and those that reuse may keep."""
        return 1 + self.sims + (KEPT_SIMS * self.sims if self.reuse else 0)
