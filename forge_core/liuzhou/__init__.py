"""Liuzhou (六洲棋), a board game for two on 6x6 cells; in dependency order, see docs/architecture.md."""

from forge_core.learning.networks import register

register(
    "liuzhou-residual",
    network="forge_core.liuzhou.network:LiuzhouNet",
    spec="forge_core.liuzhou.settings.network:PlaneSpec",
    config="forge_core.liuzhou.settings.network:ResidualConfig",
)
