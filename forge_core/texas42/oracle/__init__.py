"""The exact oracle: what every move of a deal is worth.

boundary (the index), cpu and cuda (the solvers), states (enumerate, draw, query),
alphabeta (one position), solver (the door), shards (solved deals on disk).
"""

from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.solver import ORACLE_VERSION, Solution, hardness, solve, solve_many
from forge_core.texas42.oracle.states import Sample

__all__ = ["ORACLE_VERSION", "Sample", "Solution", "hardness", "root_q", "solve", "solve_many"]
