"""Players of Skull King. They keep no state: each action depends only on a view of a table and a key.

view (all that a player gets), bots (players by rules and by search), network (the
player with a network), names (the names that users write).
"""

from forge_core.skull_king.players.names import KINDS, make_player, player
from forge_core.skull_king.players.view import TableView

__all__ = ["KINDS", "TableView", "make_player", "player"]
