"""Worlds: the deals of the unseen dominoes that are consistent with everything a player has seen.

In reading order: voids (who may hold each unseen domino), count (the exact number of worlds), sample
(draw worlds uniformly, or enumerate all of them), posterior (weight worlds by how the others played).
"""

from forge_core.texas42.worlds.count import count_worlds
from forge_core.texas42.worlds.sample import Worlds, enumerate_worlds, sample_worlds

__all__ = ["Worlds", "count_worlds", "enumerate_worlds", "sample_worlds"]
