"""The run launcher for one machine: it notices a run whose process is gone, whatever else went with it.

Dagster's own launcher notices this by the code server, the parent of the run's process. When both die, by a
restart of the machine or of the unit or container that they share, the run stays "started" for ever and holds
the pool of its asset. dagster_home/dagster.yaml names `LocalLauncher`.
"""

from __future__ import annotations

import dagster as dg

from forge_assets.dagster_internals import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    WorkerStatus,
    instance_of,
    last_process,
)
from forge_assets.processes import is_process_alive


class LocalLauncher(DefaultRunLauncher):
    """Dagster's launcher, but a run counts as alive only as long as its process is.

    Its runs are those of this machine: in this process, or started by a code server here.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: run monitoring then asks for the health of runs."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the process of a run that has begun is alive; run monitoring asks."""
        process = last_process(instance_of(self), run.run_id)
        if process and not is_process_alive(*process):
            return CheckRunHealthResult(WorkerStatus.FAILED, f"its process {process[0]} is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
