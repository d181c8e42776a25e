"""The input and the size of Skull King's network. Torch is not imported here."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from forge_core.errors import BadInput
from forge_core.learning.spec import StoredRecord
from forge_core.ranges import check_numbers
from forge_core.skull_king.cards import N_CARDS
from forge_core.skull_king.rules import Rules, check_seats
from forge_core.skull_king.state.inputs import OBSERVATION_VERSION, bid_blocks, play_blocks

ARCHITECTURE = "skull-king-bid-and-play"
"""name of Skull King's network in the registry of architectures"""

DEFAULT_SIZE, LARGE_SIZE = "256x2", "512x3"
"""0.3 and 1.1 million weights"""
MOST_WIDTH, MOST_LAYERS = 4096, 16
"""larger values are taken for typing errors"""
POINTS_PER_VALUE = 100.0
"""points of a round that a value of 1 stands for"""
POINTS_PER_BONUS = 20.0
"""points that a predicted bonus of 1 stands for"""
BID_HEADS = ("tricks", "policy")
"""see `BidAndPlayConfig.bid_head`"""


@dataclass(frozen=True)
class TableSpec(StoredRecord):
    """The input of the network: observations at a table, see `forge_core.skull_king.state.inputs`.

    Raises BadInput for rules under which other decisions than bids and plays exist.
    """

    name: str = "skull-king-observations"
    version: str = str(OBSERVATION_VERSION)
    """raised when the meaning of an entry changes: a network reads only the version it was trained on"""
    seats: int = 4
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        check_numbers(self)
        check_seats(self.seats)
        if self.rules.abilities or self.rules.cannonball:
            raise BadInput("networks play without abilities and without cannonballs: choose other rules")

    @property
    def bid_width(self) -> int:
        """The length of an observation before all have bid."""
        return bid_blocks(self.rules, self.seats).width

    @property
    def play_width(self) -> int:
        """The length of an observation after all have bid."""
        return play_blocks(self.rules, self.seats).width

    @property
    def hidden_width(self) -> int:
        """The length of the hands of the others, which only a critic sees while the network learns."""
        return N_CARDS * (self.seats - 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the record that is stored: JSON types only."""
        record = asdict(self)
        record["rules"]["advanced"] = list(self.rules.advanced)
        return record

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Self:
        """Read the record of `to_dict`. Raises BadInput if its keys differ."""
        rules: dict[str, Any] = dict(record.get("rules", {}))
        if set(rules) != {field.name for field in fields(Rules)}:
            raise BadInput(f"rules {sorted(rules)} are not those of this version of Forge")
        return super().from_dict(record | {"rules": _rules_of(rules)})


def _rules_of(record: dict[str, Any]) -> Rules:
    record["advanced"] = tuple(record["advanced"])
    return Rules(**record)


@dataclass(frozen=True)
class BidAndPlayConfig(StoredRecord):
    """The size of the network. Raises BadInput for values out of range."""

    width: int
    """of the hidden layers of the part that plays; those of the part that bids have half of it"""
    layers: int
    """hidden layers of each part"""
    bid_head: str = "tricks"
    """tricks: the distribution of tricks won for each bid, from which expected points follow; policy: logits
    of bids, learnt by policy gradient"""
    hidden_critic: bool = False
    """while it learns, the value of a play comes from a network that sees all hands"""

    def __post_init__(self) -> None:
        check_numbers(self)
        if not (2 <= self.width <= MOST_WIDTH and 1 <= self.layers <= MOST_LAYERS):
            raise BadInput(
                f"network size {self}: use a width of 2 to {MOST_WIDTH} and 1 to {MOST_LAYERS} layers"
            )
        if self.bid_head not in BID_HEADS:
            raise BadInput(f"bid head {self.bid_head!r}: use {' or '.join(BID_HEADS)}")

    def __str__(self) -> str:
        return f"{self.width}x{self.layers}"


def parse_size(text: str) -> tuple[int, int]:
    """Return the width and the layers that `256x2` names. Raises BadInput."""
    match = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,2})", text.strip().lower())
    if match is None:
        raise BadInput(f"size {text!r}: write width x layers, such as {DEFAULT_SIZE} or {LARGE_SIZE}")
    config = BidAndPlayConfig(int(match[1]), int(match[2]))
    return config.width, config.layers
