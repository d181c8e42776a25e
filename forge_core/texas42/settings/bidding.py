"""User settings of bidding: the kind and the number of playouts of a hand."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.ranges import whole
from forge_core.settings import like, setting

DEFAULT_SAMPLES, MOST_SAMPLES = 500, 1_000_000
"""the default and the largest number of deals per declaration; more than that is a typing error"""
CONVERGENCE_SAMPLES = 1_000
DEFAULT_PLAYOUT = "heuristic"
"""Real players make bids about as often as these rules do. `eq` costs 200 times as much, and perfect play
with all hands seen makes bids far too often (see `benchmarks/bid_panels.py`)."""
PLAYOUT_WORLDS, PLAYOUT_ORACLE = 20, "hybrid"
"""defaults of `eq` playouts; a game with 20 worlds takes two fifths of the time of one with 50"""

AUCTION_WORLDS, AUCTION_CANDIDATES = 400, 8
"""defaults of the bidder by rollouts: the most worlds per call, and worlds dealt for each of them"""
SHORTLIST = 3
"""declarations of a hand that are played out with the network; the heuristic chooses them"""


def read_samples(text: str) -> int:
    """Parse a number of samples, 1..MOST_SAMPLES. Raises BadInput."""
    samples = whole(text, "samples")
    if not 1 <= samples <= MOST_SAMPLES:
        raise BadInput(f"samples {samples}: use 1 to {MOST_SAMPLES:,}")
    return samples


@dataclass(frozen=True, slots=True)
class PlayoutSettings:
    """Settings of playouts: their number and kind."""

    samples: int = setting(DEFAULT_SAMPLES, "Deals per declaration.", read=read_samples)
    playout: str = setting(
        DEFAULT_PLAYOUT,
        "Way to play out deals: heuristic (fixed rules), network (a small network) or eq (E[Q], much "
        "slower), where each seat sees only its own hand, as at a real table; policy (a network) or oracle "
        "(perfect play), where all hands are seen, so that bids are made too often.",
    )
    worlds: int | None = setting(
        None, "With eq playouts: worlds sampled per decision.", default_text=f"{PLAYOUT_WORLDS}"
    )
    oracle: str | None = setting(
        None,
        "With eq playouts: oracle that evaluates plays in a world, either exact (the solver), model (a "
        "network), hybrid (a network in the first tricks, then the solver) or playout (all seats play on by "
        "a small network that sees one hand).",
        default_text=PLAYOUT_ORACLE,
    )


@dataclass(frozen=True, slots=True)
class BiddingSettings(PlayoutSettings):
    """Settings of playouts that can stop at a given precision."""

    ci_width: float | None = setting(
        None,
        "Stop a declaration once the full width of its 95 % intervals is at most this.",
        metavar="W",
    )


@dataclass(frozen=True, slots=True)
class ConvergenceSettings(PlayoutSettings):
    """Settings of playouts for measuring convergence, with more deals by default."""

    samples: int = like(PlayoutSettings, "samples", default=CONVERGENCE_SAMPLES)
