"""Skull King, from its rules up; `pyproject.toml` lists its layers.

The network is registered here, so that it can be found by name.
"""

from forge_core.learning.networks import register

register(
    "skull-king-bid-and-play",
    network="forge_core.skull_king.network:BidAndPlayNet",
    spec="forge_core.skull_king.settings.network:TableSpec",
    config="forge_core.skull_king.settings.network:BidAndPlayConfig",
    play="forge skull-king evaluate {model}",
)
