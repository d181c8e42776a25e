"""A deal solved on a CUDA device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from forge_core.errors import BadInput
from forge_core.texas42.dominoes import HAND_SIZE
from forge_core.texas42.oracle.cuda.answers import find_states, query_states
from forge_core.texas42.oracle.cuda.device import PLY_OFFSET, device_index
from forge_core.texas42.oracle.labels import label_all_states
from forge_core.texas42.oracle.queries import unreachable
from forge_core.texas42.oracle.sampling import Sample, draw_places, weigh_sample
from forge_core.texas42.oracle.solution import Solution
from forge_core.texas42.state import ILLEGAL, as_states, check_states


@dataclass(frozen=True, slots=True, eq=False)
class CudaSolution(Solution):
    """A solved deal whose tables stay on the device, where queries are answered.

    The tensors are views into a batch, whose memory is freed with the last of its solutions.
    """

    _values: torch.Tensor
    _reached: torch.Tensor
    _follow: torch.Tensor
    _tricks: torch.Tensor
    _ends: torch.Tensor

    def query(self, states) -> tuple:
        """Return V and Q like Solution.query. Tensors on the device are answered without leaving it."""
        is_tensor = isinstance(states, torch.Tensor)
        if is_tensor and (states.is_floating_point() or states.dtype == torch.bool):
            raise BadInput(f"states of type {states.dtype}: use integers (packed states are int64)")
        if is_tensor and states.ndim > 1:
            raise BadInput(f"states of shape {tuple(states.shape)}: give them as one list, [S]")
        asked = states if is_tensor else torch.from_numpy(as_states(states))
        value, q, sound = self._answer(asked.to(self._values.device, torch.int64).reshape(-1))
        if not sound.all():
            failed = int(asked.reshape(-1)[int(sound.argmin())])
            check_states(failed)
            raise unreachable(failed)
        if is_tensor:
            return value.to(states.device), q.to(states.device)
        return value.cpu().numpy(), q.cpu().numpy()

    def label_all(self) -> tuple:
        """Return all states with V and Q like Solution.label_all, computed by the host on a copy."""
        values, reached = self._values.cpu().numpy(), self._reached.cpu().numpy().view(np.uint64)
        return label_all_states(self._tables, values, reached, np.array(self.states_per_ply))

    def sample(self, rows: int, generator: np.random.Generator) -> Sample:
        """Draw like Solution.sample: the same generator gives the same states.

        The host draws the indices of the states, and the device finds them.
        """
        available = np.array(self.states_per_ply)
        drawn = draw_places(available, rows, generator)
        return weigh_sample(self._find(drawn).cpu().numpy(), drawn, available)

    def _answer(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return V int8 [S], Q int8 [S, 7], and int8 [S]: 1 if the state can occur."""
        on = device_index(str(self._values.device))
        n_states = len(states)
        value = torch.empty(n_states, dtype=torch.int8, device=on.device)
        q = torch.full((n_states, HAND_SIZE), ILLEGAL, dtype=torch.int8, device=on.device)
        sound = torch.empty(n_states, dtype=torch.int8, device=on.device)
        on.launch(
            query_states,
            n_states,
            *(states.contiguous(), value, q, sound, n_states, self._follow, self._tricks, on.ranks),
            *(on.n_subsets, on.value_offset, on.row_offset, self._values, self._reached),
        )
        return value, q, sound

    def _find(self, drawn: list[np.ndarray]) -> torch.Tensor:
        """Return the states at ascending places of each ply, like sampling.find_states, on the device."""
        on = device_index(str(self._values.device))
        ply = np.repeat(np.arange(len(drawn)), [len(places) for places in drawn])
        before = np.cumsum(self.states_per_ply) - self.states_per_ply
        place = on.put((np.concatenate(drawn) + before[ply]).astype(np.int32))
        # _ends is a running count over all rows of all plies, so a binary search finds the row.
        count = torch.searchsorted(self._ends, place, right=True, out_int32=True)
        within = place - torch.where(count > 0, self._ends[(count - 1).clamp(min=0)], 0)
        row = count - on.put(PLY_OFFSET[ply].astype(np.int32))
        states = torch.empty(len(ply), dtype=torch.int64, device=on.device)
        on.launch(
            find_states,
            len(ply),
            *(within, row, on.put(ply.astype(np.int32)), states, len(ply), self._follow),
            *(on.masks, on.holding, on.n_subsets, on.row_offset, self._reached),
        )
        return states
