"""Players of Texas 42: each chooses a play from what one hand can know; clairvoyants only measure them.

protocol (what a player is, and is given), names (players as the command line writes them), and a
file each: random, heuristic, expected (E[Q] and P(make)), policy, transcript (Stage 2), clairvoyant.
"""

from forge_core.texas42.players.names import AnyPlayer, parse_player
from forge_core.texas42.players.protocol import Clairvoyant, Player, ask

__all__ = ["AnyPlayer", "Clairvoyant", "Player", "ask", "parse_player"]
