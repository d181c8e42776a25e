"""E[Q]: play without seeing the other hands.

For each decision: the deals that fit what the mover knows (worlds), the value of each play in them
(oracles, estimate), and the choice of a play (policies). `generate` plays whole games.
"""

from forge_core.texas42.eq.adaptive import AdaptiveConfig, Sampling
from forge_core.texas42.eq.generate import (
    EQ_VERSION,
    GameConfig,
    decide,
    game_keys,
    generate_games,
    play_games,
)
from forge_core.texas42.eq.oracles import ExactOracle, HybridOracle, ModelOracle, Oracle, open_oracle
from forge_core.texas42.eq.policies import ExplorationPolicy
from forge_core.texas42.eq.records import GameRecord
from forge_core.texas42.eq.rows import collate
from forge_core.texas42.worlds.posterior import PosteriorConfig

__all__ = [
    "EQ_VERSION",
    "AdaptiveConfig",
    "ExactOracle",
    "ExplorationPolicy",
    "GameConfig",
    "GameRecord",
    "HybridOracle",
    "ModelOracle",
    "Oracle",
    "PosteriorConfig",
    "Sampling",
    "collate",
    "decide",
    "game_keys",
    "generate_games",
    "open_oracle",
    "play_games",
]
