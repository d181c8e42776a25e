"""Players of Texas 42, which choose plays from what one hand can know; clairvoyants only measure them.

Modules: protocol (the protocols of players and clairvoyants), names (player names as users write them),
and one per kind: random, heuristic, expected (E[Q] and P(make)), policy, one_hand (a small network),
transcript (Stage 2), clairvoyant.
"""

from forge_core.texas42.players.names import AnyPlayer, parse_player
from forge_core.texas42.players.protocol import Clairvoyant, Player, ask, ask_at_choices

__all__ = ["AnyPlayer", "Clairvoyant", "Player", "ask", "ask_at_choices", "parse_player"]
