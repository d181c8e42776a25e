"""Settings of bidding: how a hand is played out, and how often."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.settings import like, setting

DEFAULT_SAMPLES, MOST_SAMPLES = 500, 1_000_000
"""deals of each declaration of a hand; more than the most is a typing error"""
CONVERGENCE_SAMPLES = 1_000
PLAYOUT_WORLDS, PLAYOUT_ORACLE = 20, "hybrid"
"""of `eq` playouts: a game of 20 worlds takes two fifths of the time of one of 50"""


def read_samples(text: str) -> int:
    """Return a whole number in 1..MOST_SAMPLES. Raises BadInput."""
    samples = whole(text, "samples")
    if not 1 <= samples <= MOST_SAMPLES:
        raise BadInput(f"{samples} samples: use 1..{MOST_SAMPLES:,}")
    return samples


@dataclass(frozen=True, slots=True)
class PlayoutSettings:
    """Settings of playouts: their number, and the players."""

    samples: int = setting(DEFAULT_SAMPLES, "Deals per declaration.", read=read_samples)
    playout: str = setting(
        "oracle",
        "Plays out a deal: oracle (perfect play, all hands seen), policy (a network, all hands seen), or eq "
        "(each seat sees its own hand only, as at a table).",
    )
    worlds: int | None = setting(
        None, "With eq playouts: worlds sampled per decision.", default_text=f"{PLAYOUT_WORLDS}"
    )
    oracle: str | None = setting(
        None,
        "With eq playouts: evaluates the plays in a world: exact (the solver), model (a network), or hybrid "
        "(a network in the first tricks, then the solver).",
        default_text=PLAYOUT_ORACLE,
    )


@dataclass(frozen=True, slots=True)
class BiddingSettings(PlayoutSettings):
    """The same, with a precision at which a declaration has been played out often enough."""

    ci_width: float | None = setting(
        None,
        "Stop a declaration once its 95 % intervals are at most this wide, from end to end.",
        metavar="W",
    )


@dataclass(frozen=True, slots=True)
class ConvergenceSettings(PlayoutSettings):
    """The same, with more deals."""

    samples: int = like(PlayoutSettings, "samples", default=CONVERGENCE_SAMPLES)
