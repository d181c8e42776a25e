"""Fast policies that see one hand, and playouts in which all four seats follow one of them.

The policies read a *sight*: 28-bit masks of what one seat knows. It has no room for a hidden hand, so a
playout in which all hands are dealt still plays like a table where nobody sees another hand.

In reading order: sight (the masks), heuristic (the rules of the heuristic player), features (the input of
the network), option_network (networks of its kind), network (the weights), choose (the plays of a policy) and
playouts (deals played to the end). reference computes the features slowly, from a view; tests compare the
two. tensors and lockstep are the same policies and playouts as tensors, for a card; parity compares them with
the kernels.
"""
