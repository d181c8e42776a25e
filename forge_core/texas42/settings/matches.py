"""Settings of matches: which deals, under which contract, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.ranges import parse_seeds, whole
from forge_core.settings import setting
from forge_core.texas42.auction import LOWEST_BID

DEFAULT_DEALS, MOST_DEALS = 1_000, 1_000_000
DEFAULT_BATCH = 100
"""deals in lockstep: two games of each"""
DECLARE = ("hand", "seed", "auction")
"""how a declaration may come about, if it is not given: see `Conditions`"""
MARGINS = {"points": 0.5, "contracts": 0.03}
"""what a sequential test may compare, and the difference per deal that it can detect"""


def read_count(text: str) -> int:
    """Return a number of deals in 1..MOST_DEALS. Raises BadInput."""
    count = whole(text, "number of deals")
    if not 1 <= count <= MOST_DEALS:
        raise BadInput(f"{count:,} deals: use 1..{MOST_DEALS:,}")
    return count


def read_batch(text: str) -> int:
    """Return a number of deals in lockstep, in 1..MOST_DEALS. Raises BadInput."""
    batch = whole(text, "batch")
    if not 1 <= batch <= MOST_DEALS:
        raise BadInput(f"a batch of {batch:,} deals: use 1..{MOST_DEALS:,}")
    return batch


def read_declare(text: str) -> str | int:
    """Return `hand`, `seed`, `auction`, or one declaration 0..9. Raises BadInput."""
    from forge_core.texas42.declarations import parse_declaration

    name = text.strip().lower()
    return name if name in DECLARE else parse_declaration(text)


def read_bid(text: str) -> int:
    """Return a whole number; Conditions knows which are bids. Raises BadInput."""
    return whole(text, "bid")


def read_seed(text: str) -> int:
    """Return a whole number of at least 0. Raises BadInput."""
    return whole(text, "seed")


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """Which deals players meet on, and how the match is decided."""

    deals: int | None = setting(
        None,
        "Number of deals; their seeds are of the val split, from which no network learns.",
        default_text=f"{DEFAULT_DEALS:,}",
        read=read_count,
    )
    seeds: list[int] | None = setting(
        None, "Seeds of the deals, in place of a number: 0-49.", metavar="LIST", read=parse_seeds
    )
    decl: str | int = setting(
        "hand",
        "Declaration: hand (a rule chooses it for the bidder's hand), seed (seed % 10), one by name, or "
        "auction (bidder, bid and declaration come from an auction of four equal bidders).",
        metavar="NAME",
        read=read_declare,
    )
    bid: int = setting(
        LOWEST_BID, "Bid of seat 0: 30 to 42, 84, 126, ...; not with an auction.", read=read_bid
    )
    seed: int = setting(0, "Seed of what players draw at random, such as worlds.", read=read_seed)
    sprt: bool = setting(
        False, "Stop each pair as soon as a sequential test shows which player is better by the margin."
    )
    by: str = setting("points", "What the sequential test compares: points or contracts.")
    margin: float | None = setting(
        None,
        "Difference per deal that the sequential test can detect.",
        default_text=", ".join(f"{margin:g} {by}" for by, margin in MARGINS.items()),
    )
    batch: int = setting(DEFAULT_BATCH, "Deals played in lockstep; changes no result.", read=read_batch)
