"""Meters: power and utilisation of a GPU while work runs, and the peak memory of the process."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PERIOD_MS = 200
"""time between two readings; nvidia-smi averages power over about as long"""


@dataclass(slots=True)
class PowerReading:
    """Means over the readings of one case; None if nothing was measured."""

    utilisation: float | None = None
    """share of the time in which a kernel ran, 0 to 1"""
    watts: float | None = None


@contextmanager
def read_power(device: str) -> Iterator[PowerReading]:
    """Yield a reading that is filled in when the body ends; it stays None on a CPU or without nvidia-smi."""
    reading, sampler = PowerReading(), _start_sampler(device)
    try:
        yield reading
    finally:
        if sampler is not None:
            sampler.terminate()
            text, _ = sampler.communicate(timeout=10)
            samples = [_parse(line) for line in text.splitlines()]
            whole = [sample for sample in samples if sample is not None]
            if whole:
                reading.utilisation = statistics.fmean(share for share, _ in whole)
                reading.watts = statistics.fmean(watts for _, watts in whole)


def _start_sampler(device: str) -> subprocess.Popen[str] | None:
    program = shutil.which("nvidia-smi")
    if device == "cpu" or program is None:
        return None
    _, _, number = device.partition(":")
    command = [
        program,
        f"--id={number or 0}",
        "--query-gpu=utilization.gpu,power.draw",
        f"--loop-ms={PERIOD_MS}",
    ]
    command.append("--format=csv,noheader,nounits")
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _parse(line: str) -> tuple[float, float] | None:
    """Return share and watts of a line such as `97, 412.55`; None for one cut short or `[N/A]`."""
    try:
        percent, watts = (float(word) for word in line.split(","))
    except ValueError:
        return None
    return percent / 100, watts


def peak_memory() -> float:
    """Return the peak resident memory of the process in bytes; 0 if the system does not report it."""
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return float(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
