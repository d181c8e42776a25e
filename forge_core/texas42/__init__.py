"""Texas 42, from its rules up. Each module imports only modules to its left:

dominoes, declarations, rules, deals, benchmark, tables, state, views, tricks, notation, domino_art,
oracle, one_hand, auction, games, game, worlds, tokens, eq, players, bidding, arena, cli.

The one-hand network and the bid-value network are registered here, so that they can be found by name.
"""

from forge_core.learning.networks import register

register(
    "texas42-one-hand",
    network="forge_core.texas42.one_hand.network:OneHandNet",
    spec="forge_core.texas42.one_hand.network:FeatureSpec",
    config="forge_core.texas42.one_hand.network:FeatureConfig",
    play="forge match network:model={model} heuristic",
)
register(
    "texas42-bids",
    network="forge_core.texas42.bidding.network:BidNet",
    spec="forge_core.texas42.bidding.network:BidSpec",
    config="forge_core.texas42.bidding.network:BidConfig",
)
