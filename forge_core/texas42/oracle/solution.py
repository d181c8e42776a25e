"""A solved deal: every position that can occur, and its value.

V is the value to go: future points of team 0 minus those of team 1 under best play by all four seats
with all hands visible. Q[slot] is the same after playing that slot, including the points of the trick
if the play closes it; -128 marks an illegal slot. Both are always in team 0's frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forge_core.texas42.deals import Deal
from forge_core.texas42.oracle.labels import label_all_states
from forge_core.texas42.oracle.queries import query_states
from forge_core.texas42.oracle.sampling import Sample, sample_states
from forge_core.texas42.state import States, initial_state
from forge_core.texas42.tables import DealTables


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """A solved deal, which can be queried for any of its states."""

    hands: Deal
    """[4, 7] int8 domino ids, ascending within each hand"""
    decl: int
    leader: int
    device: str
    """the device that solved the deal: `cpu`, or `cuda:0 (NAME)`"""
    seconds: float
    """wall time of the solve; in a batch, this deal's share"""
    states_per_ply: list[int]
    """number of reachable states at each of the 29 plies"""
    _tables: DealTables
    _values: npt.NDArray[np.int8]
    _reached: npt.NDArray[np.uint64]

    @property
    def value(self) -> int:
        """V at the root; always even: team 0 takes (42 + V) / 2 points."""
        return int(self.query(initial_state(self.leader))[0][0])

    @property
    def q(self) -> list[int]:
        """Q of the leader's seven slots at the root."""
        return self.query(initial_state(self.leader))[1][0].tolist()

    def query(self, states) -> tuple:
        """Return V int8 [S] and Q int8 [S, 7] of packed states [S], as arrays or tensors like the input.

        Raises StateUnreachable for a state that is malformed or cannot occur in this deal.
        """
        if type(states).__module__.partition(".")[0] != "torch":
            return query_states(self._tables, self._values, self._reached, states)
        import torch

        answers = query_states(self._tables, self._values, self._reached, states.cpu().numpy())
        value, q = (torch.from_numpy(answer).to(states.device) for answer in answers)
        return value, q

    def all_states(self) -> States:
        """Return every reachable state, including terminal ones: sorted int64 [sum of states_per_ply]."""
        return self.label_all()[0]

    def label_all(self) -> tuple[States, npt.NDArray[np.int8], npt.NDArray[np.int8]]:
        """Return `all_states` with their V int8 [S] and Q int8 [S, 7], faster than `query` does."""
        return label_all_states(self._tables, self._values, self._reached, np.array(self.states_per_ply))

    def sample(self, rows: int, generator: np.random.Generator) -> Sample:
        """Draw `rows` states stratified by ply 0..27, without replacement, with weights."""
        return sample_states(self._tables, self._reached, np.array(self.states_per_ply), rows, generator)
