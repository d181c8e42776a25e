"""Training of networks that value options: the one-hand network, and the bid-value network.

The one-hand network learns from recorded games of E[Q]; the label of a decision is the softmax of the regrets
of its legal plays. The bid-value network learns the worth of calls, as rollouts labelled them. In reading
order: lessons (what the trainer asks of decisions), losses, decisions (those of recorded games), bids (those
of auctions), train (a run in a folder).
"""
