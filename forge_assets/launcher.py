"""The run launcher for one machine, which detects runs whose process has died.

Dagster's own launcher detects this through the code server, the parent of the run's process. If both die
together, because the machine, unit or container restarts, the run stays "started" forever and blocks the
pool of its asset. dagster_home/dagster.yaml selects `LocalLauncher`.
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
    """Dagster's launcher, except that a run counts as alive only while its process is alive.

    All its runs are on this machine: in this process, or started by a code server here.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True, so that run monitoring checks the health of runs."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Report to run monitoring whether the process of a started run is alive."""
        process = last_process(instance_of(self), run.run_id)
        if process and not is_process_alive(*process):
            return CheckRunHealthResult(WorkerStatus.FAILED, f"its process {process[0]} is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)
