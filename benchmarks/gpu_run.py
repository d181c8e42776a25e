"""The shared parts of `gpu.py`: one run, its parts, clocks, and the file that keeps its figures."""

from __future__ import annotations

import json
import platform
import subprocess
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from forge_core.cli.filling import place_of
from forge_core.device import core_count, device_name
from forge_core.errors import BadInput
from forge_core.meters import read_power

PACKAGES = ("torch", "triton", "numba", "numpy", "lightning", "pyarrow")
GIB = 2**30
POWER_SECONDS = 1.5
"""seconds for which power is read; nvidia-smi itself averages over up to a second"""


@dataclass(slots=True)
class Run:
    """One run of the benchmark: its device, and the figures found so far."""

    device: str
    small: bool
    """True for tiny sizes, which try the script itself"""
    begun: float
    """`time.monotonic()`"""
    seconds: float
    """no part begins later than this after `begun`"""
    path: str | None = None
    """JSON file that keeps the figures"""
    conditions: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    checked: dict[str, str] = field(default_factory=dict)
    """result of each check; `FAILED: reason` for those that failed"""
    measured: set[str] = field(default_factory=set)
    """parts that were timed to the end"""
    left_out: dict[str, str] = field(default_factory=dict)
    """reason for each part that was not timed"""

    @property
    def on_card(self) -> bool:
        """True if the device is a GPU."""
        return self.device != "cpu"

    @property
    def left(self) -> float:
        """Seconds left in which a part may begin."""
        return self.begun + self.seconds - time.monotonic()

    def resume(self) -> None:
        """Take over the checks that passed and the parts that were measured from `path`, if it has any.

        Raises BadInput if they were made under other conditions.
        """
        if self.path is None:
            raise BadInput("--resume continues a file: name it with --json")
        store, name = place_of(self.path)
        if not store.exists(name):
            return
        record = json.loads(store.read(name))
        if record["conditions"] != self.conditions:
            raise BadInput(f"{self.path} was measured under other conditions: leave --resume out")
        self.checked = {
            check: result for check, result in record["checked"].items() if not result.startswith("FAILED")
        }
        self.figures = record["figures"]
        self.measured = set(record["measured"])

    def keep(self) -> None:
        """Write everything found so far to `path`, atomically."""
        if self.path is None:
            return
        record = {
            "conditions": self.conditions,
            "checked": self.checked,
            "figures": self.figures,
            "measured": sorted(self.measured),
            "left_out": self.left_out,
            "seconds": round(time.monotonic() - self.begun, 1),
        }
        store, name = place_of(self.path)
        store.write(name, (json.dumps(record, indent=2) + "\n").encode())


@dataclass(frozen=True, slots=True)
class Part:
    """Something to time."""

    measure: Callable[[Run], dict[str, Any]]
    checks: tuple[str, ...] = ()
    """checks that must pass before it is timed"""
    reserve: float = 0.0
    """seconds that must be left for it to begin"""


Check = Callable[[Run], str]
"""Returns a sentence that says what was equal; raises AssertionError if something was not."""


def read_conditions(run: Run) -> dict[str, Any]:
    """Return the device, driver and versions, which every figure depends on."""
    conditions: dict[str, Any] = {
        "device": device_name(run.device),
        "machine": f"{platform.system()} {platform.machine()}, {core_count()} cores",
        "python": platform.python_version(),
        "versions": {name: installed_version(name) for name in PACKAGES},
    }
    if run.on_card:
        card = torch.cuda.get_device_properties(run.device)
        conditions |= {
            "memory_gib": round(card.total_memory / GIB, 1),
            "multiprocessors": card.multi_processor_count,
            "capability": f"{card.major}.{card.minor}",
            "cuda": torch.version.cuda,
            "driver": driver_version(),
        }
    return conditions


def installed_version(package: str) -> str:
    """Return the version of an installed package, or `none`."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def driver_version() -> str:
    """Return the version of NVIDIA's driver; empty if nvidia-smi does not report it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.split("\n")[0]
    except (OSError, subprocess.TimeoutExpired):
        return ""


def seconds(run: Run, work: Callable[[], Any], repeats: int = 10, warm: bool = False) -> float:
    """Return the mean seconds per repeat, after a warm-up unless warm: GPU time on a card, else CPU time."""
    if not warm:
        work()
    if not run.on_card:
        begun = time.process_time()
        work()
        return time.process_time() - begun
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(repeats):
        work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000 / repeats


def count_synchronizations(work: Callable[[], Any]) -> int:
    """Return how many times the host waited for the GPU while `work` ran."""
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            work()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(warning.message) for warning in caught)


def read_power_of(run: Run, work: Callable[[], Any]) -> tuple[float | None, float | None]:
    """Return the GPU's power in watts and its utilisation 0..1 while it repeats `work` for POWER_SECONDS."""
    with read_power(run.device) as reading:
        begun = time.monotonic()
        while run.on_card and time.monotonic() - begun < POWER_SECONDS:
            work()
            torch.cuda.synchronize(run.device)
    return reading.watts, reading.utilisation


def check(run: Run, name: str, checks: Mapping[str, Check]) -> None:
    """Run one check. A failure is recorded, and does not stop the run."""
    begun = time.monotonic()
    try:
        run.checked[name] = checks[name](run)
    except Exception as error:
        traceback.print_exc()
        run.checked[name] = f"FAILED: {type(error).__name__}: {str(error).strip()[:500]}"
    show(f"{name:<14} {time.monotonic() - begun:6.1f} s  {run.checked[name]}")


def measure(run: Run, name: str, parts: Mapping[str, Part]) -> None:
    """Time one part, or record why it was left out."""
    part = parts[name]
    failed = [other for other in part.checks if run.checked.get(other, "FAILED").startswith("FAILED")]
    if failed:
        run.left_out[name] = f"{', '.join(failed)} did not hold"
    elif run.left < part.reserve:
        run.left_out[name] = f"{run.left:.0f} s were left"
    else:
        begun = time.monotonic()
        try:
            run.figures[name] = part.measure(run)
            run.measured.add(name)
            show(f"{name:<14} {time.monotonic() - begun:6.1f} s  {to_text(run.figures[name])}")
        except Exception as error:
            traceback.print_exc()
            run.left_out[name] = f"{type(error).__name__}: {str(error).strip()[:500]}"
    if name in run.left_out:
        show(f"{name:<14} left out: {run.left_out[name]}")


def to_text(figures: Any) -> str:
    """Return figures as text: nested ones on a line each."""
    if not isinstance(figures, dict):
        return f"{figures:.4g}" if isinstance(figures, float) else str(figures)
    if any(isinstance(value, dict) for value in figures.values()):
        return "".join(f"\n    {key}: {to_text(value)}" for key, value in figures.items())
    return ", ".join(f"{key} {to_text(value)}" for key, value in figures.items())


def show(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)
