"""Players of Liuzhou. They hold no position: each action is an answer to a row and a key.

choice (the best action, ties at random), greedy, playouts, network, names (players as the command line
writes them).
"""

from forge_core.liuzhou.players.names import KINDS, make_player

__all__ = ["KINDS", "make_player"]
