"""The exact oracle: the value of every play of a deal.

In reading order: boundary (the index of stored values), tricks, cpu (the solver), sampling, queries
and labels (the states of a solved deal), solution (the record), cuda/ (the solver on a GPU), solver
(the entry point); alphabeta/ (single positions); shards/ (solved deals on disk), catalog.
"""

from forge_core.texas42.oracle.alphabeta import root_q
from forge_core.texas42.oracle.sampling import Sample
from forge_core.texas42.oracle.solution import Solution
from forge_core.texas42.oracle.solver import ORACLE_VERSION, hardness, solve, solve_many

__all__ = ["ORACLE_VERSION", "Sample", "Solution", "hardness", "root_q", "solve", "solve_many"]
