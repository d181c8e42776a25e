"""User settings of matches of Texas 42: the contract, and the outcome that a sequential test compares."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.arena import settings as arena
from forge_core.settings import setting
from forge_core.texas42.auction import LOWEST_BID
from forge_core.texas42.settings.games import read_bid

DECLARE = ("hand", "seed", "auction")
"""ways to determine the declaration, other than naming one; see `Conditions`"""
MARGINS = {"points": 0.5, "contracts": 0.03}
"""outcomes that a sequential test can compare, with the default difference per deal that it can detect"""


def read_declare(text: str) -> str | int:
    """Parse `hand`, `seed`, `auction` or a declaration, which becomes 0..9. Raises BadInput."""
    from forge_core.texas42.declarations import parse_declaration

    name = text.strip().lower()
    return name if name in DECLARE else parse_declaration(text)


@dataclass(frozen=True, slots=True)
class MatchSettings(arena.MatchSettings):
    """Settings of matches: the deals, the contract, and the test that can end them early."""

    decl: str | int = setting(
        "hand",
        "Declaration: hand (chosen by a rule for the bidder's hand), seed (seed % 10), the name of one, or "
        "auction (bidder, bid and declaration come from an auction of four equal bidders).",
        metavar="NAME",
        read=read_declare,
    )
    bid: int = setting(
        LOWEST_BID, "Bid of seat 0: 30 to 42, 2 marks (or 84), ...; not with an auction.", read=read_bid
    )
    by: str = setting("points", "Outcome that the sequential test compares: points or contracts.")
    margin: float | None = setting(
        None,
        "Difference per deal that the sequential test can detect.",
        default_text=", ".join(f"{margin:g} {by}" for by, margin in MARGINS.items()),
    )
