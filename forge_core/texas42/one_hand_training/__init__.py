"""Training of the one-hand network on recorded games of E[Q].

The label of a decision is the softmax of the regrets of its legal plays, as the games recorded them. In
reading order: decisions (what a split of a store holds to learn from), losses, train (a run in a folder).
"""
