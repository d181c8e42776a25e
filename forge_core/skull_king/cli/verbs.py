"""The verbs of Skull King."""

from __future__ import annotations

from forge_core.cli.games import GameVerbs
from forge_core.skull_king.cli.train import train

SKULL_KING = GameVerbs(
    name="skull-king",
    title="Skull King",
    summary="Skull King, a card game of exact bids: train networks to bid and play.",
    verbs={"networks": (train,)},
)
