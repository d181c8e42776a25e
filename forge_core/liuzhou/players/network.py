"""Players with a network, which answers in chunks: its policy alone, and the search that it guides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from forge_core.arena.players import Keys, View
from forge_core.device import core_count
from forge_core.game import Array, to_numpy
from forge_core.learning.checkpoints import load_model, weights_digest
from forge_core.learning.threads import Pieces, in_chunks
from forge_core.liuzhou.arena import Arena
from forge_core.liuzhou.network import LiuzhouNet, NetworkEvaluator
from forge_core.liuzhou.players.choice import as_actions, choose_best, rows_of
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.state import legal_actions

CPU_CHUNK, CUDA_CHUNK = 32, 256
"""rows of a chunk: enough that a network is fast, few enough that the last games of a match waste little"""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedNetwork:
    """A network on a device, ready to evaluate positions."""

    evaluator: NetworkEvaluator
    weights: str | None
    """digest of its weights"""
    device: str
    pieces: Pieces
    """threads that share the chunks: one per core on a CPU"""

    @classmethod
    def load(cls, folder: str, device: str) -> LoadedNetwork:
        """Load Liuzhou's network from a folder. Raises BadInput if there is none."""
        return cls.of(load_model(folder, kind=LiuzhouNet), device, weights_digest(folder))

    @classmethod
    def of(cls, network: LiuzhouNet, device: str, weights: str | None = None) -> LoadedNetwork:
        """Return a copy of a network on a device. weights: their digest, if it is known."""
        pieces = Pieces(core_count() if device == "cpu" else 1)
        return cls(NetworkEvaluator(network, device=device), weights, device, pieces)

    @property
    def chunk(self) -> int:
        """Number of rows that are evaluated at a time."""
        return CPU_CHUNK if self.device == "cpu" else CUDA_CHUNK

    def priors(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Return the priors of the legal actions of some rows, [N, SLOTS]."""
        place = rows if self.device == "cpu" else torch.as_tensor(rows, device=self.device)
        return to_numpy(self.evaluator(place, legal_actions(place)[0])[0])

    def arenas(self, settings: SearchSettings) -> tuple[Arena, ...]:
        """Return an arena for each piece, with room for the trees of a chunk."""
        return tuple(Arena(self.chunk, settings, self.device) for _ in range(self.pieces.n))


@dataclass(frozen=True, slots=True, eq=False)
class PolicyPlayer:
    """Takes the action that a network gives the highest prior."""

    name: str
    network: LoadedNetwork

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {"player": "network", "weights": self.network.weights}

    def act(self, view: View, legal: Array, keys: Keys) -> Array:
        """See Player."""
        return _choose(view, legal, keys, self.network, [self.network.priors] * self.network.pieces.n)


@dataclass(frozen=True, slots=True, eq=False)
class SearchPlayer:
    """Takes the action that a tree search with a network visits most."""

    name: str
    network: LoadedNetwork
    arenas: tuple[Arena, ...]
    """its trees, see `LoadedNetwork.arenas`; only one thread at a time may call `act`"""

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {"player": "search", "weights": self.network.weights, **asdict(self.arenas[0].settings)}

    def act(self, view: View, legal: Array, keys: Keys) -> Array:
        """See Player."""

        def visits(arena: Arena, rows: Rows) -> npt.NDArray[np.int32]:
            return arena.search(rows, self.network.evaluator).visits

        return _choose(view, legal, keys, self.network, [partial(visits, arena) for arena in self.arenas])


def _choose(
    view: View, legal: Array, keys: Keys, network: LoadedNetwork, worths: Sequence[Callable[[Rows], Any]]
) -> Array:
    """Return the best-rated legal actions. worths: one per piece; rows [chunk, 4] -> [chunk, SLOTS]."""
    rows = rows_of(view)
    found = in_chunks(rows, network.chunk, worths, network.pieces)
    return as_actions(choose_best(legal_actions(rows)[0], found, keys), legal)
