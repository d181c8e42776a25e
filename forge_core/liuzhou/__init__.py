"""Liuzhou (六洲棋), from its rules up; `pyproject.toml` lists its layers.

rules, state and notation define positions and actions; game is the interface for search, environments and
players. The network is registered here, so that it can be found by name.
"""

from forge_core.learning.networks import register

register(
    "liuzhou-residual",
    network="forge_core.liuzhou.network:LiuzhouNet",
    spec="forge_core.liuzhou.settings.network:PlaneSpec",
    config="forge_core.liuzhou.settings.network:ResidualConfig",
    play="forge liuzhou match search:model={model} greedy",
)
