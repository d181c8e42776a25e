"""What a hand is worth in the auction: P(make) by playing out deals of what one does not see.

playouts (how a deal is played out), table (P(make) with intervals), field (what the others
at the table may bid), advice (what to bid), bidders (who bids, and the auction of four),
convergence (how many deals it takes), investigate (why a bid fell short), records (tables on
disk), poster (a page of it), summary (many hands): each uses only what stands before it.
"""
