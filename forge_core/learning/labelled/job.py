"""The parts of a run that trains on labelled rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forge_core.learning.labelled.config import TrainConfig
    from forge_core.learning.labelled.rows import Rows, RowSource


@dataclass(frozen=True, slots=True, eq=False)
class TrainingJob:
    """A network to train, its rows, and the folder of the run."""

    config: TrainConfig
    source: RowSource
    """the network learns from its batches 0, 1, ..."""
    val_rows: Rows
    """the network is evaluated on these"""
    folder: str | Path
    data: Mapping[str, Any] = field(default_factory=dict)
    """description of the rows as JSON types, including their version, for config.json and the model card"""
    init_from: str | None = None
    """a model to start from, with the same tokens and size"""
    sample: Rows | None = None
    """training rows on which the network is evaluated, too; training does not depend on them"""
