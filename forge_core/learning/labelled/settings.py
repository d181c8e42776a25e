"""User settings of a training run: network, training length, learning rate, machine and folder."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from forge_core.errors import BadInput
from forge_core.learning.folders import RUNS
from forge_core.learning.labelled.config import Recipe, TrainConfig
from forge_core.learning.precision import PRECISIONS
from forge_core.ranges import read_seed
from forge_core.settings import setting

DEFAULT_SIZE, DEFAULT_STEPS = "817k", 10_000
LIVE_ROWS_PER_DEAL = 44
"""rows from each deal that is solved during training"""
EVALUATIONS = 20
"""evaluations in a run, unless the user sets the steps between them"""

_DEFAULTS = {field.name: field.default for kind in (Recipe, TrainConfig) for field in fields(kind)}
"""defaults of the fields of Recipe and TrainConfig"""

_NETWORK, _PACE, _MACHINE, _RUN = "Network", "Steps and learning rate", "Machine", "Run"


@dataclass(frozen=True, slots=True)
class TeachingSettings:
    """Training settings that apply to any source of rows. Raises BadInput for an impossible learning rate."""

    size: str | None = setting(
        None,
        "Size of a new network by name: 73k, 817k or 3.3m parameters; 230k is --layers 3 --heads 4 "
        "--width 96.",
        default_text=DEFAULT_SIZE,
        panel=_NETWORK,
    )
    layers: int | None = setting(
        None, "Layers of a custom network; give heads and width too, instead of size.", panel=_NETWORK
    )
    heads: int | None = setting(None, "Attention heads of a custom network.", panel=_NETWORK)
    width: int | None = setting(None, "Width of a token in a custom network.", panel=_NETWORK)
    init_from: str | None = setting(
        None, "Model to start from; it also determines the size.", metavar="PATH", panel=_NETWORK
    )
    batch_size: int = setting(1024, "Rows per step.", panel=_PACE)
    steps: int | None = setting(None, "Training steps.", default_text=f"{DEFAULT_STEPS:,}", panel=_PACE)
    epochs: int | None = setting(None, "Passes over the stored rows, instead of steps.", panel=_PACE)
    lr: float | None = setting(
        None,
        "Peak learning rate.",
        metavar="RATE",
        default_text="depends on the width of the network",
        panel=_PACE,
    )
    evaluate_every: int | None = setting(
        None,
        "Steps between evaluations; a checkpoint is saved at each.",
        default_text=f"a {EVALUATIONS}th of all steps",
        panel=_PACE,
    )
    patience: int | None = setting(
        None,
        "Stop after this many evaluations without improvement.",
        default_text="never stop early",
        panel=_PACE,
    )
    idle_weight: float = setting(
        _DEFAULTS["forced_row_weight"],
        "Weight of a row with nothing to decide; a decision has weight 1.",
        metavar="W",
        panel=_PACE,
    )
    mean_weight: float = setting(
        _DEFAULTS["mean_weight"],
        "Weight of the error common to all plays of a row, compared with 1 for what distinguishes them: less "
        "helps to choose plays, 1 helps to predict points. The objectives policy and regret do not use it.",
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
        "Threads for torch on a CPU.",
        default_text="one per core that is not making rows",
        panel=_MACHINE,
    )
    seed: int = setting(
        _DEFAULTS["seed"], "Seed of the initial weights and the order of rows.", read=read_seed, panel=_RUN
    )
    name: str | None = setting(
        None,
        "Name of the run and of its folder.",
        default_text="made from its settings",
        panel=_RUN,
    )
    runs: str = setting(RUNS, "Folder that contains all runs.", metavar="DIR", panel=_RUN)

    def __post_init__(self) -> None:
        if self.lr is not None and not 0 < self.lr < math.inf:
            raise BadInput(f"lr {self.lr}: use a number above 0")


@dataclass(frozen=True, slots=True)
class LiveTeachingSettings(TeachingSettings):
    """Training settings if rows can also be made during training."""

    live: bool = setting(False, "Train on fresh rows, made from new deals during training.")
    rows_per_deal: int | None = setting(
        None,
        "Fresh rows from each deal: more are cheaper to make, fewer are more varied.",
        default_text=f"{LIVE_ROWS_PER_DEAL}",
    )
    workers: int | None = setting(None, "Processes that make fresh rows.", default_text="1", panel=_MACHINE)
    share: str | None = setting(
        None,
        "Folder in which runs share fresh rows, side by side or one after the other, so that each row is "
        "made once for all of them.",
        metavar="DIR",
        panel=_MACHINE,
    )
