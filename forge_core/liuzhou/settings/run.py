"""Settings of a training run: what the network learns from, where it starts, and where the run is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forge_core.errors import BadInput
from forge_core.learning.folders import RUNS
from forge_core.ranges import whole
from forge_core.settings import setting

_NETWORK, _RUN = "Network", "Run"


def read_last(text: str) -> int:
    """Return the number of a generation. Raises BadInput."""
    return whole(text, "generation")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Settings of a run. Raises BadInput for a contradiction."""

    source: Literal["live", "stored"] = setting(
        "live",
        "Games to learn from: live, played by the network against itself during the run; or stored, "
        "the last generations of a store.",
    )
    last: int | None = setting(
        None,
        "Number of the last stored generation to use.",
        default_text="the newest",
        read=read_last,
    )
    init_from: str | None = setting(
        None,
        "Model to start from, of the same size; it plays from the first game.",
        metavar="PATH",
        panel=_NETWORK,
    )
    runs: str = setting(RUNS, "Folder of all runs.", metavar="DIR", panel=_RUN)

    def __post_init__(self) -> None:
        if self.last is not None and self.source != "stored":
            raise BadInput("last needs source stored: set source to stored, or leave last out")
