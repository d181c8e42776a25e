"""Players of Liuzhou. They keep no state: each action depends only on a row and a key.

choice (the best action; ties are broken at random), greedy, playouts, network, names (players as the command
line writes them).
"""

from forge_core.liuzhou.players.names import KINDS, make_player

__all__ = ["KINDS", "make_player"]
