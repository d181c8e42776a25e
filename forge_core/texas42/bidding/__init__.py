"""The value of a hand in the auction: P(make) from playing out deals of the unseen dominoes.

playouts (how a deal is played out), table (P(make) with intervals), field (bids of the other
players), advice (the best call), bidders (a call per hand, and the auction of four), convergence
(how many deals an estimate takes), investigate (why a bid fell short), records (tables on disk),
poster (one page), summary (many hands). Each module uses only those before it.
"""
