"""Settings of the acceptance validator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forge_core.errors import BadInput
from forge_core.ranges import check_numbers
from forge_core.settings import setting

MODES = ("root_only", "host_tree", "arena")
"""The published design, a tree on the host with the network on the device, and this project's arena"""


def read_counts(text: str, name: str) -> tuple[int, ...]:
    """Return `1,2,4` as numbers. name: of the setting, for the error. Raises BadInput."""
    try:
        counts = tuple(int(word) for word in text.split(","))
    except ValueError:
        counts = ()
    if not counts or counts[0] != 1 or list(counts) != sorted(set(counts)):
        raise BadInput(f"{name} {text!r}: use ascending whole numbers from 1, such as 1,2,4")
    return counts


@dataclass(frozen=True, slots=True)
class ValidationSettings:
    """Settings of `validate`. Raises BadInput for values out of range."""

    model: str | None = setting(
        None,
        "Folder of the network; without one, a network of `size` with fresh weights.",
        metavar="FOLDER",
        default_text="fresh weights",
    )
    size: Literal["32x3", "128x10"] = setting("32x3", "Size of a network with fresh weights.")
    sims: int = setting(64, "Simulations per search.")
    games: int = setting(256, "Positions searched at once.")
    positions: int = setting(2048, "Positions that `arena` and `host_tree` search per case.")
    processes: str = setting("1,2,4", "Numbers of processes to try, ascending.", metavar="N,N")
    threads: str = setting("1,2,4", "Numbers of threads per process to try, ascending.", metavar="N,N")
    repeats: int = setting(3, "Repeats of each case, interleaved.")
    compared: int = setting(100, "Positions, of all phases, on which implementations are compared.")
    seed: int = setting(0, "Seed of positions and weights.")

    def __post_init__(self) -> None:
        check_numbers(self)
        for name in ("sims", "games", "positions", "repeats", "compared"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} {getattr(self, name)}: use at least 1")
        if self.seed < 0:
            raise BadInput(f"seed {self.seed}: use a whole number of at least 0")
        _ = self.process_counts, self.thread_counts

    @property
    def process_counts(self) -> tuple[int, ...]:
        """Numbers of processes, ascending; the first is 1."""
        return read_counts(self.processes, "processes")

    @property
    def thread_counts(self) -> tuple[int, ...]:
        """Numbers of threads, ascending; the first is 1."""
        return read_counts(self.threads, "threads")


QUICK = ValidationSettings(
    sims=16, games=64, positions=128, processes="1", threads="1", repeats=3, compared=20
)
"""Settings of `--quick`, except those that the user enters: about a minute on two cores"""
