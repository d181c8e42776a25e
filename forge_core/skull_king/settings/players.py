"""Names of players for the help of verbs, and the size of a search for advice."""

from __future__ import annotations

PLAYERS = "random, easy, medium, hard, captain, search:100, search:100,others=captain, models/NAME"
"""examples of players' names"""
DEFAULT_WORLDS = 200
"""worlds of the advice for one hand, where a second is well spent"""
