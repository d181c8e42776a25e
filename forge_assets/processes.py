"""Processes of this machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

_TICKS_S = 2.0
"""precision of a process's start time, in seconds"""


def is_process_alive(pid: int, known_at: float) -> bool:
    """Return True if the process that had this pid at the time `known_at` (s since 1970) is still alive.

    Without /proc, a later process with the same pid is mistaken for it.
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
