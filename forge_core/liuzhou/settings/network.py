"""The input and the size of Liuzhou's network. Torch is not imported here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.learning.spec import StoredRecord
from forge_core.ranges import check_numbers

ARCHITECTURE = "liuzhou-residual"
"""name of Liuzhou's network in the registry of architectures"""

DEFAULT_SIZE, REFERENCE_SIZE = "32x3", "128x10"
"""for a CPU, 66 thousand weights; for a GPU, 3 million"""
MOST_WIDTH, MOST_BLOCKS = 1024, 64
"""larger values are taken for typing errors"""


@dataclass(frozen=True)
class PlaneSpec(StoredRecord):
    """The input of the network: planes of cells, see `forge_core.liuzhou.state.planes`."""

    name: str = "liuzhou-planes"
    version: str = "1"
    """raised when the content of a plane changes: a network reads only the version it was trained on"""
    planes: int = 20
    side: int = 6


@dataclass(frozen=True)
class ResidualConfig(StoredRecord):
    """The size of the network, written `32x3`. Raises BadInput for sizes out of range."""

    width: int
    """channels of the trunk"""
    blocks: int
    """residual blocks, of two convolutions each"""

    def __post_init__(self) -> None:
        check_numbers(self)
        if not (1 <= self.width <= MOST_WIDTH and 0 <= self.blocks <= MOST_BLOCKS):
            raise BadInput(f"size {self}: use a width of 1 to {MOST_WIDTH} and 0 to {MOST_BLOCKS} blocks")

    def __str__(self) -> str:
        return f"{self.width}x{self.blocks}"


def parse_size(text: str) -> ResidualConfig:
    """Return the size that `32x3` names: width 32, 3 blocks. Raises BadInput."""
    match = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", text.strip().lower())
    if match is None:
        raise BadInput(f"size {text!r}: write WIDTHxBLOCKS, such as {DEFAULT_SIZE} or {REFERENCE_SIZE}")
    return ResidualConfig(int(match[1]), int(match[2]))
