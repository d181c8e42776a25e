"""Clocks for benchmarks: CPU seconds of one thread on a CPU, wall seconds on CUDA."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def clock_of(device: str) -> Callable[[], float]:
    """Return the function that reads the clock for a device, in seconds."""
    return time.process_time if device == "cpu" else time.perf_counter


def clock_name(device: str) -> str:
    """Return the unit for times in nanoseconds on a device: `CPU ns` or `ns`."""
    return "CPU ns" if device == "cpu" else "ns"


def best_time(
    work: Callable[[], Any], device: str, repeats: int, clock: Callable[[], float] | None = None
) -> float:
    """Return the time in seconds of the fastest of `repeats` runs, after a warm-up run.

    clock: by default that of the device; `time.perf_counter` for work of several threads.

    On CUDA the host synchronizes with the device before and after each run.
    """
    import torch

    def wait() -> None:
        if device != "cpu":
            torch.cuda.synchronize(device)

    clock = clock or clock_of(device)
    work()
    seconds = []
    for _ in range(repeats):
        wait()
        started = clock()
        work()
        wait()
        seconds.append(clock() - started)
    return min(seconds)
