"""Settings of matches of Texas 42: which contract is played, and what a sequential test compares."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.arena import settings as arena
from forge_core.ranges import whole
from forge_core.settings import setting
from forge_core.texas42.auction import LOWEST_BID

DECLARE = ("hand", "seed", "auction")
"""how a declaration may come about, if it is not given: see `Conditions`"""
MARGINS = {"points": 0.5, "contracts": 0.03}
"""what a sequential test may compare, and the difference per deal that it can detect"""


def read_declare(text: str) -> str | int:
    """Return `hand`, `seed`, `auction`, or one declaration 0..9. Raises BadInput."""
    from forge_core.texas42.declarations import parse_declaration

    name = text.strip().lower()
    return name if name in DECLARE else parse_declaration(text)


def read_bid(text: str) -> int:
    """Return a whole number; Conditions knows which are bids. Raises BadInput."""
    return whole(text, "bid")


@dataclass(frozen=True, slots=True)
class MatchSettings(arena.MatchSettings):
    """Settings of matches: the deals, the contract, and the test that ends them."""

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
    by: str = setting("points", "What the sequential test compares: points or contracts.")
    margin: float | None = setting(
        None,
        "Difference per deal that the sequential test can detect.",
        default_text=", ".join(f"{margin:g} {by}" for by, margin in MARGINS.items()),
    )
