"""Settings of `forge-pipeline prune`, and of the job that does the same."""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.errors import BadInput
from forge_core.learning.labelled.settings import TeachingSettings
from forge_core.settings import like, setting

DAYS = 90
"""days that everything is kept after its last change; ticks of schedules and sensors are kept as long
(dagster.yaml)"""


@dataclass(frozen=True, slots=True)
class PruneSettings:
    """Settings of prune: what is kept, and the folder of runs. Raises BadInput for contradictions."""

    days: int = setting(DAYS, "Keep what changed in the last N days.")
    runs: str = like(
        TeachingSettings, "runs", help="Folder in which runs are kept; begins at the project.", panel=None
    )

    def __post_init__(self) -> None:
        if self.days < 1:
            raise BadInput(f"{self.days} days: keep at least 1")
