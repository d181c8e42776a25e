"""Advice by a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from forge_core.arena.players import Keys
from forge_core.errors import BadInput
from forge_core.game import to_numpy
from forge_core.skull_king.advice.record import BidAdvice, PlayAdvice, legal_plays
from forge_core.skull_king.players import TableView
from forge_core.skull_king.players.network import NetworkPlayer
from forge_core.skull_king.settings.network import POINTS_PER_VALUE
from forge_core.skull_king.state import layout as at


@dataclass(frozen=True, slots=True)
class NetworkAdviser:
    """States what a network expects of its own bids and plays. Methods raise BadInput for another table."""

    player: NetworkPlayer

    @property
    def note(self) -> str:
        """See Adviser."""
        return f"points that {self.player.name} expects; %: probability of the play by its policy"

    @property
    def advises_bids(self) -> bool:
        """True if the network predicts the tricks that each bid wins."""
        return self.player.network.config.bid_head == "tricks"

    def bids(self, view: TableView, keys: Keys) -> list[BidAdvice]:
        """See Adviser. Raises BadInput for a network that states no chances."""
        if not self.advises_bids:
            raise BadInput(
                f"{self.player.name} states no chances of its bids: choose a network with bid head tricks"
            )
        self.player.require_table(view.game)
        with torch.inference_mode():
            answers = self.player.network.bids(self._seen(view.observe()[0]))
        points, chances = to_numpy(answers.points)[0], to_numpy(answers.log_chances.exp())[0]
        dealt = int(view.host_rows[0, at.DEALT])
        return [
            BidAdvice(bid, float(points[bid]), tuple(chances[bid, : dealt + 1].tolist()))
            for bid in range(dealt + 1)
        ]

    def plays(self, view: TableView, keys: Keys) -> list[PlayAdvice]:
        """See Adviser."""
        self.player.require_table(view.game)
        with torch.inference_mode():
            answers = self.player.network.plays(self._seen(view.observe()[1]))
        chances, points = to_numpy(answers.logits.softmax(1))[0], float(answers.value[0]) * POINTS_PER_VALUE
        return [PlayAdvice(action, points, float(chances[action])) for action in legal_plays(view)]

    def describe(self) -> dict[str, Any]:
        """See Adviser."""
        return self.player.describe() | {"model": self.player.name}

    def _seen(self, observations: Any) -> torch.Tensor:
        return torch.from_numpy(to_numpy(observations)).to(self.player.device)
