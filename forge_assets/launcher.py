"""One machine: a run whose process is gone is noticed, whatever else went with it.

Dagster's own launcher notices by the code server, the parent of the run's process. When both die,
by a restart of the unit or container they share or of the machine, the run would stay "started" for
ever, and hold the pool of its asset. `LocalLauncher` is what dagster_home/dagster.yaml names.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

_TICKS_S = 2.0
"""how exactly it is known when a process began"""


class LocalLauncher(DefaultRunLauncher):
    """Dagster's launcher, which believes a run to be alive for as long as its process is.

    Runs are those of this machine: in this process, or started by a code server here.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """So run monitoring asks."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run that has begun is there; asked by run monitoring."""
        entries = self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        for entry in reversed(entries):
            if pid := entry.get_dagster_event().engine_event_data.metadata.get("pid"):
                if is_process_alive(int(str(pid.value)), entry.timestamp):
                    break
                return CheckRunHealthResult(WorkerStatus.FAILED, f"its process {pid.value} is gone")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


def is_process_alive(pid: int, known_at: float) -> bool:
    """Whether the process that had a number at a time (s since 1970) still has it, and has not ended.

    Where there is no /proc, another process that was given the number since is taken for it.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return not Path("/proc/self/stat").exists()
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    began = booted + int(fields[18]) / os.sysconf("SC_CLK_TCK")
    return state not in "ZX" and began <= known_at + _TICKS_S
