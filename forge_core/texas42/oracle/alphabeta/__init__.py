"""Values of single positions without solving the whole deal: alpha-beta search over trick boundaries.

In reading order: rulebook (the rules as 28-bit masks), bounds (points that a team is certain to win),
ordering (which play to try first), search (MTD(f) with a table), positions (the entry point).
"""

from forge_core.texas42.oracle.alphabeta.positions import root_q, root_reached

__all__ = ["root_q", "root_reached"]
