"""Bids of each bidder with hands of a known worth, and how often their contracts are made.

    python benchmarks/litmus_hands.py rule playouts rollout learned --strong 40

Litmus hands: one that cannot be set for all 42 points under sixes, one of three doubles and four blanks with
which a low trump must not be led, and the 13 hands of `tests/golden/bid_panels.json`, which another maker's
players played out for a bid of 30 under one declaration. Each bidder calls first at no score; its promise is
the chance to make its bid that it sees after three passes. Made: the share of `--deals` deals of the unseen
dominoes in which four network players make this contract, and of `--strong` deals for the strongest player,
who knows the bid. A bidder that passes shows what it promises for a bid of 30 in place of its contract.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from forge_core.texas42.auction import LOWEST_BID, PASS, call_text, points_needed
from forge_core.texas42.bidding.advice import Best, Situation
from forge_core.texas42.bidding.bidders import Caller, CallsSoFar, call
from forge_core.texas42.bidding.names import AnyBidder, parse_bidder
from forge_core.texas42.bidding.table import bid_index, draw_deals
from forge_core.texas42.declarations import NAMES, parse_declaration
from forge_core.texas42.eq.generate import game_keys
from forge_core.texas42.games import start
from forge_core.texas42.notation import hand_text, parse_hand
from forge_core.texas42.one_hand.choose import open_policy
from forge_core.texas42.one_hand.playouts import deal_points
from forge_core.texas42.players import ask_at_choices, parse_player

PANELS = Path(__file__).parents[1] / "tests" / "golden" / "bid_panels.json"
PASSES = (PASS, PASS, PASS)
SEED = 1
"""of the deals: not those of the bidders by playouts, whose seed is 0"""


@dataclass(frozen=True, slots=True)
class Litmus:
    """A hand, and what is known of it."""

    hand: tuple[int, ...]
    decl: int
    known: str


def litmus_hands() -> list[Litmus]:
    """Return the litmus hands."""
    hands = [
        _named("6-6 6-5 6-4 6-2 6-1 6-0 2-2", "sixes", "all 42 points in every deal"),
        _named("0-0 1-0 3-0 3-2 3-3 5-0 5-5", "blanks", "three doubles; no low trump may be led"),
    ]
    for panel in json.loads(PANELS.read_text())["panels"]:
        made = panel["made_30"] / panel["games"]
        known = f"30 made in {made:.3f} of {panel['games']} games under {NAMES[panel['decl']]}"
        hands.append(Litmus(tuple(panel["hand"]), panel["decl"], known))
    return hands


def _named(hand: str, decl: str, known: str) -> Litmus:
    return Litmus(tuple(parse_hand(hand)), parse_declaration(decl), known)


def bid_of(bidder: AnyBidder, hand: Sequence[int]) -> tuple[int, Best]:
    """Return the call of the first to call at no score, and the contract with its promise.

    The contract of a pass is a bid of 30 under the declaration that makes it most often.
    """
    made = call(bidder, hand, Situation())
    bid = made.call if made.call != PASS else LOWEST_BID
    if isinstance(bidder, Caller):
        return made.call, bidder.declare(hand, CallsSoFar((bid, *PASSES), 0))
    p_make = bidder.p_make(hand)[:, bid_index(bid)]
    decl = made.decl if made.decl is not None else int(np.nanargmax(p_make))
    return made.call, Best(bid, decl, float(p_make[decl]))


@cache
def share_made(hand: tuple[int, ...], decl: int, bid: int, deals: int) -> float:
    """Return the share of deals in which four network players make a contract."""
    drawn = draw_deals(hand, decl, SEED, 0, deals)
    points = deal_points(drawn, np.full(deals, decl), open_policy("network"))
    return float((points >= points_needed(bid)).mean())


@cache
def share_made_by(name: str, hand: tuple[int, ...], decl: int, bid: int, deals: int) -> float:
    """Return the same for four players of another kind, who know the bid."""
    player = parse_player(name, "cpu")
    games = start(draw_deals(hand, decl, SEED, 0, deals), [decl] * deals, bids=bid)
    keys = game_keys(games, 0)
    while not games.over:
        games = games.play(ask_at_choices(player, games, keys))
    return float((games.seen.points[:, 0] >= points_needed(bid)).mean())


def main() -> None:
    """Print the bids and contracts of every hand."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bidders", nargs="*", default=["rule", "playouts", "rollout", "learned"])
    parser.add_argument("--deals", type=int, default=2_000)
    parser.add_argument("--strong", type=int, default=0, help="deals for the strongest player; 0: none")
    parser.add_argument("--hands", type=int, default=None, help="only the first hands")
    asked = parser.parse_args()
    bidders = {name: parse_bidder(name) for name in asked.bidders}
    for litmus in litmus_hands()[: asked.hands]:
        print(f"{hand_text(litmus.hand)}: {litmus.known}")
        for name, bidder in bidders.items():
            called, contract = bid_of(bidder, litmus.hand)
            assert contract.decl is not None and contract.p_make is not None
            played = litmus.hand, contract.decl, contract.call
            made = f"made {share_made(*played, asked.deals):.3f} by network"
            if asked.strong:
                made += f", {share_made_by('strong', *played, asked.strong):.3f} by strong"
            bid = f"{call_text(contract.call)} under {NAMES[contract.decl]}"
            print(
                f"  {name:10} {call_text(called):8} {bid:24} promised {contract.p_make:.3f}, {made}",
                flush=True,
            )


if __name__ == "__main__":
    main()
