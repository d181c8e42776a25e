"""Settings of evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count, islice

from forge_core.arena import settings as arena
from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.settings import like, setting
from forge_core.splits import Split, split_of

DEFAULT_DEALS = 1_000
"""deals of an evaluation: the interval of a score is then about 3 points to either side"""


def read_deals(text: str) -> int:
    """Return a number of deals, at least two. Raises BadInput."""
    deals = whole(text, "deals")
    if not 2 <= deals <= arena.MOST_SEEDS:
        raise BadInput(f"--deals {deals:,}: use 2..{arena.MOST_SEEDS:,}, since one deal gives no interval")
    return deals


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """Settings of an evaluation."""

    deals: int = setting(
        DEFAULT_DEALS,
        "Number of deals; each is played once with the player in every seat.",
        read=read_deals,
    )
    seed: int = like(arena.MatchSettings, "seed")
    final: bool = setting(
        False, "Use deals of the test split, which otherwise only the gate plays: only for a final result."
    )

    @property
    def seeds(self) -> list[int]:
        """The seeds of the deals."""
        return seeds_of_split(self.deals, Split.TEST) if self.final else arena.held_out_seeds(self.deals)


def seeds_of_split(n: int, split: Split) -> list[int]:
    """Return the first n seeds of a split."""
    return list(islice((seed for seed in count() if split_of(seed) is split), n))
