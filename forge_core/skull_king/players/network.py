"""The player with a network: it bids by expected points, and plays the action with the highest logit.

The network answers in chunks; see `learning.threads`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.arena.players import Keys
from forge_core.device import core_count
from forge_core.errors import BadInput
from forge_core.game import Array, match_array, to_numpy
from forge_core.learning.checkpoints import load_model, weights_digest
from forge_core.learning.choice import choose
from forge_core.learning.threads import Pieces, in_chunks
from forge_core.skull_king.actions import BID_0, N_PLAYS
from forge_core.skull_king.game import SkullKingGame
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.players.view import TableView

CHUNK = 64
"""rows of a chunk: enough that a network is fast, few enough that the last games of a match waste little"""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkPlayer:
    """Bids and plays what a network rates best."""

    name: str
    network: BidAndPlayNet
    """in evaluation mode, on `device`"""
    device: str = "cpu"
    weights: str | None = None
    """digest of its weights"""
    pieces: Pieces = field(default_factory=lambda: Pieces(core_count()), repr=False)
    """threads that share the chunks on a CPU"""

    @classmethod
    def load(cls, folder: str, device: str) -> NetworkPlayer:
        """Load a network from a folder. device: resolved. Raises BadInput if there is none."""
        network = load_model(folder, device, kind=BidAndPlayNet)
        return cls(folder, network, device, weights_digest(folder))

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {"player": "network", "weights": self.weights}

    def require_table(self, game: SkullKingGame) -> None:
        """Raise BadInput for a table with other seats or rules than the network's."""
        spec = self.network.spec
        own, asked = ({"seats": each.seats, **asdict(each.rules)} for each in (spec, game))
        different = [f"{name}={own[name]}, not {asked[name]}" for name in own if own[name] != asked[name]]
        if different:
            raise BadInput(f"{self.name} plays with {'; '.join(different)}: choose a network for this table")

    def act(self, view: TableView, legal: Array, keys: Keys) -> Array:
        """See Player. Raises BadInput for a table with other seats or rules than the network's."""
        self.require_table(view.game)
        bid, play, is_bid = (to_numpy(seen) for seen in view.observe())
        allowed = to_numpy(legal)
        chosen = allowed.argmax(1)
        has_choice = allowed.sum(1) > 1
        for rows, seen, rate, first, n in (
            (np.flatnonzero(is_bid & has_choice), bid, self._rate_bids, BID_0, self.network.n_bids),
            (np.flatnonzero(~is_bid & has_choice), play, self._rate_plays, 0, N_PLAYS),
        ):
            if len(rows):
                rated = self._rate(seen[rows], rate)
                chosen[rows] = first + choose(rated, allowed[rows, first : first + n])
        return match_array(chosen, legal)

    def bid_chances(self, view: TableView) -> npt.NDArray[np.float32]:
        """Return [N, 11, 11]: the stated chance of each number of tricks, for each bid of seats that bid.

        The bid head of the network is `tricks`.
        """
        return self._rate(to_numpy(view.observe()[0]), self._rate_tricks)

    def _rate_tricks(self, seen: Tensor) -> Tensor:
        return self.network.bids(seen).log_chances.exp()

    def _rate_bids(self, seen: Tensor) -> Tensor:
        return self.network.bids(seen).points

    def _rate_plays(self, seen: Tensor) -> Tensor:
        return self.network.plays(seen).logits

    def _rate(self, seen: npt.NDArray[np.uint8], rate: Callable[[Tensor], Tensor]) -> npt.NDArray[np.float32]:
        """Return the ratings of observations [N, D]."""
        n = self.pieces.n if self.device == "cpu" else 1
        return in_chunks(seen, CHUNK, [partial(self._answer, rate)] * n, self.pieces)

    def _answer(
        self, rate: Callable[[Tensor], Tensor], chunk: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            return rate(torch.from_numpy(chunk).to(self.device)).cpu().numpy()
