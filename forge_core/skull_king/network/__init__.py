"""Skull King's network: one part bids, the other plays."""

from forge_core.skull_king.network.bid_and_play import BidAndPlayNet, Bids, Plays
from forge_core.skull_king.settings.network import BidAndPlayConfig, TableSpec, parse_size

__all__ = ["BidAndPlayConfig", "BidAndPlayNet", "Bids", "Plays", "TableSpec", "parse_size"]
