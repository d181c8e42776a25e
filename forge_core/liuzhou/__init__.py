"""Liuzhou (六洲棋), from its rules up; `pyproject.toml` lists its layers.

rules, state and notation say what a position is and what may be done in it; game is the door for
search, environments and players. Its network is registered here, so that it is found by name.
"""

from forge_core.learning.networks import register

register(
    "liuzhou-residual",
    network="forge_core.liuzhou.network:LiuzhouNet",
    spec="forge_core.liuzhou.settings.network:PlaneSpec",
    config="forge_core.liuzhou.settings.network:ResidualConfig",
)
