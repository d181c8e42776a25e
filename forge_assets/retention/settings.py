"""Settings of `forge-pipeline prune` and of the Dagster job that does the same."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.learning.labelled.settings import TeachingSettings
from forge_core.settings import like, setting

DAYS = 90
"""days for which every item is kept after its last change; dagster.yaml keeps ticks of schedules and sensors
as long, but skipped ones for 7 days"""


@dataclass(frozen=True, slots=True)
class PruneSettings:
    """Settings of prune: the age of items to keep, and the folder of runs. Raises BadInput for bad values."""

    days: int = setting(DAYS, "Keep items that changed in the last N days.")
    runs: str = like(
        TeachingSettings, "runs", help="Folder of training runs, relative to the project.", panel=None
    )

    def __post_init__(self) -> None:
        if self.days < 1:
            raise BadInput(f"days is {self.days}: keep at least 1 day")
