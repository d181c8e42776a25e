"""Players by simple rules, compiled: they act on one row, from what its actor may know.

values (worth of cards), rules (the players). `players` offers them by name.
"""

from forge_core.skull_king.bots.values import BOT_NAMES, CAPTAIN, EASY, HARD, LEARNER, MEDIUM, RANDOM

__all__ = ["BOT_NAMES", "CAPTAIN", "EASY", "HARD", "LEARNER", "MEDIUM", "RANDOM"]
