"""Settings of a training run: the network, how long and how fast it learns, where the run is kept."""

from __future__ import annotations

from dataclasses import dataclass, fields

from forge_core.learning.labelled.config import Recipe, TrainConfig
from forge_core.learning.precision import PRECISIONS
from forge_core.ranges import whole
from forge_core.settings import setting

DEFAULT_SIZE, DEFAULT_STEPS = "817k", 10_000
EVALUATIONS = 20
"""of a run, unless it is told after how many steps"""
RUNS = "runs"
"""folder of all runs"""

_DEFAULTS = {field.name: field.default for kind in (Recipe, TrainConfig) for field in fields(kind)}
"""of the fields that become those of a run"""

_NETWORK, _PACE, _MACHINE, _RUN = "Network", "Steps and learning rate", "Machine", "Run"


def read_seed(text: str) -> int:
    """Return a whole number of at least 0. Raises BadInput."""
    return whole(text, "seed")


@dataclass(frozen=True, slots=True)
class TeachingSettings:
    """Settings of training, for any source of rows."""

    size: str | None = setting(
        None,
        "Named size of the network: 73k, 817k or 3.3m parameters.",
        default_text=DEFAULT_SIZE,
        panel=_NETWORK,
    )
    layers: int | None = setting(
        None, "Layers of a network of your own size; with heads and width, in place of size.", panel=_NETWORK
    )
    heads: int | None = setting(None, "Attention heads of a network of your own size.", panel=_NETWORK)
    width: int | None = setting(None, "Width of a token in a network of your own size.", panel=_NETWORK)
    init_from: str | None = setting(
        None, "Model to start from; it decides the size too.", metavar="PATH", panel=_NETWORK
    )
    batch_size: int = setting(1024, "Rows per step.", panel=_PACE)
    steps: int | None = setting(None, "Steps to take.", default_text=f"{DEFAULT_STEPS:,}", panel=_PACE)
    epochs: int | None = setting(None, "Passes over the stored rows, in place of steps.", panel=_PACE)
    lr: float | None = setting(
        None,
        "Highest learning rate.",
        metavar="RATE",
        default_text="by the width of the network",
        panel=_PACE,
    )
    evaluate_every: int | None = setting(
        None,
        "Steps between two evaluations, each with a checkpoint.",
        default_text=f"a {EVALUATIONS}th of all steps",
        panel=_PACE,
    )
    patience: int | None = setting(
        None,
        "Stop after this many evaluations without a better one.",
        default_text="never stop early",
        panel=_PACE,
    )
    idle_weight: float = setting(
        _DEFAULTS["forced_row_weight"],
        "Weight of a row in which no decision is to be made; a decision has weight 1.",
        metavar="W",
        panel=_PACE,
    )
    precision: str = setting(
        _DEFAULTS["precision"],
        f"Number format: {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}.",
        panel=_MACHINE,
    )
    compile: bool = setting(
        _DEFAULTS["compile"],
        "Compile the network with torch.compile; the first steps then take minutes.",
        panel=_MACHINE,
    )
    threads: int | None = setting(
        None,
        "Threads of torch on a CPU.",
        default_text="one per core that makes no rows",
        panel=_MACHINE,
    )
    seed: int = setting(
        _DEFAULTS["seed"], "Seed of the first weights and of the order of rows.", read=read_seed, panel=_RUN
    )
    name: str | None = setting(
        None,
        "Name of the run: it is kept in the folder of this name.",
        default_text="by its settings",
        panel=_RUN,
    )
    runs: str = setting(RUNS, "Folder in which runs are kept.", metavar="DIR", panel=_RUN)


@dataclass(frozen=True, slots=True)
class LiveTeachingSettings(TeachingSettings):
    """The same, where rows may also be made while the network learns."""

    live: bool = setting(False, "Learn from fresh rows: deals are dealt and solved during training.")
    workers: int | None = setting(None, "Processes that make fresh rows.", default_text="1", panel=_MACHINE)
