"""Bidder names as users write them: `rule`, `rollout:worlds=200`.

    rule      a formula of trumps and sure winners, without playouts
    playouts  P(make) by playouts of its hand: the option `playout` names their kind
    rollout   follows every call to the end of the hand in worlds that fit the auction
    learned   values every call by a network that learnt from rollouts, without playouts

The options after the colon depend on the kind; see BIDDERS.
"""

from __future__ import annotations

import re

from forge_core.arena.names import PlayerKind, PlayerName, make_player
from forge_core.errors import BadInput
from forge_core.texas42.bidding.bidders import DEFAULT_SAMPLES, Bidder, Caller, PlayoutBidder, RuleBidder
from forge_core.texas42.settings.bidding import (
    AUCTION_CANDIDATES,
    AUCTION_WORLDS,
    SHORTLIST,
)
from forge_core.texas42.settings.games import CALLED_MIX

AnyBidder = Bidder | Caller


def parse_bidder(text: str, device: str = "auto") -> AnyBidder:
    """Return the bidder with this name, `NAME` or `NAME:option=value,...`. device: for its networks.

    Raises BadInput for an unknown name, option or value, and DeviceUnavailable.
    """
    return make_player(text, BIDDERS, device, noun="bidder")


def _rule(name: PlayerName, device: str) -> AnyBidder:
    return RuleBidder()


def _playouts(name: PlayerName, device: str) -> AnyBidder:
    from forge_core.texas42.bidding.playouts import open_playout

    playout = open_playout(name.options.get("playout", "network"), device)
    return PlayoutBidder(playout, name.whole("samples", DEFAULT_SAMPLES))


def _rollout(name: PlayerName, device: str) -> AnyBidder:
    from forge_core.texas42.bidding.evidence import AuctionEvidence
    from forge_core.texas42.bidding.rollouts import RolloutBidder
    from forge_core.texas42.one_hand.choose import open_policy

    return RolloutBidder(
        open_policy(name.options.get("policy", "network")),
        AuctionEvidence(
            _number(name, "mix", CALLED_MIX),
        ),
        name.whole("worlds", AUCTION_WORLDS),
        name.whole("candidates", AUCTION_CANDIDATES),
        name.whole("shortlist", SHORTLIST),
    )


def _learned(name: PlayerName, device: str) -> AnyBidder:
    from forge_core.texas42.bidding.learned import LearnedBidder
    from forge_core.texas42.bidding.network import BID_MODEL, load_weights

    return LearnedBidder(load_weights(name.options.get("model", BID_MODEL)))


BIDDERS: dict[str, PlayerKind[AnyBidder]] = {
    "rule": PlayerKind((), _rule),
    "playouts": PlayerKind(("playout", "samples"), _playouts),
    "rollout": PlayerKind(("worlds", "candidates", "mix", "policy", "shortlist"), _rollout),
    "learned": PlayerKind(("model",), _learned),
}


def _number(name: PlayerName, option: str, default: float) -> float:
    """Return the value of an option as a number of at least 0. Raises BadInput."""
    text = name.options.get(option, f"{default}")
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise BadInput(f"bidder {name.text!r}: {option}={text}: use a number, such as {default:g}")
    return float(text)
