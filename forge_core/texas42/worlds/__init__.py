"""Worlds: the deals of the unseen dominoes that fit everything a player has seen.

voids (what is known), count (how many worlds, exactly), sample (draw them uniformly, or go
through them all), posterior (weigh them by how others played).
"""

from forge_core.texas42.worlds.count import count_worlds
from forge_core.texas42.worlds.sample import Worlds, enumerate_worlds, sample_worlds

__all__ = ["Worlds", "count_worlds", "enumerate_worlds", "sample_worlds"]
