"""The value of a hand in the auction: P(make), estimated by playing out deals of the unseen dominoes.

Modules: playouts (ways to play out a deal), table (P(make) with intervals), field (a model of the other
bidders), advice (the best call), bidders (calls and auctions), calls (the same, compiled), chances (to win
the game, by score), evidence (worlds that fit an auction), rollouts (a bidder that follows each call to the
end of the hand), features, network and learned (a bidder by a network that values calls without playouts),
labels (what the network learns from), names (bidders by name), convergence (how many deals an estimate
needs), investigate (why a bid fell short), records (tables on disk), poster (a page about one hand) and
summary (figures of many hands). Each module uses only those listed before it.
"""
