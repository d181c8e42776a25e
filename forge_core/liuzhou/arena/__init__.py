"""Tree search of many positions at once: one leaf of each tree per simulation, evaluated together.

In reading order: reference (plain Python), gumbel and noise (shared formulas), result, kernels and cpu
(compiled), tensors, cuda, and search, which picks one of them.
"""

from forge_core.liuzhou.arena.result import NO_ACTION, RootStatistics, SearchResult
from forge_core.liuzhou.arena.search import Arena, ArenaKind, search
from forge_core.liuzhou.settings.search import SearchSettings

__all__ = ["NO_ACTION", "Arena", "ArenaKind", "RootStatistics", "SearchResult", "SearchSettings", "search"]
