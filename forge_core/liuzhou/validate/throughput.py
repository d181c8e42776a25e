"""Evaluations per second of each design, by numbers of processes and threads, at equal evaluations."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from forge_core.errors import ForgeError
from forge_core.liuzhou.settings.validation import MODES, ValidationSettings
from forge_core.liuzhou.validate.modes import BARE
from forge_core.meters import read_power

MEAN_LEGAL = 16
"""Approximate legal actions per position: one ply takes that many evaluations, a tree one per simulation"""


@dataclass(frozen=True, slots=True)
class Case:
    """A design with a number of processes, and of threads in each."""

    mode: str
    processes: int
    threads: int

    def positions(self, settings: ValidationSettings) -> int:
        """Return the positions per process: all cases take about the same number of evaluations in total."""
        per_position = {"root_only": MEAN_LEGAL + 1, BARE: 1}.get(self.mode, settings.sims + 1)
        wanted = settings.positions * (settings.sims + 1) // per_position
        return max(1, wanted // self.processes)


def cases_of(settings: ValidationSettings) -> list[Case]:
    """Return all cases: each design by processes, then by threads; and the bare network once."""
    by_process = [(n, 1) for n in settings.process_counts]
    by_thread = [(1, n) for n in settings.thread_counts if n > 1]
    return [
        Case(BARE, 1, 1),
        *(Case(mode, *counts) for mode in MODES for counts in (*by_process, *by_thread)),
    ]


def measure_rows(
    settings: ValidationSettings, device: str, on_done: Callable[[int], None] = lambda n: None
) -> list[dict[str, Any]]:
    """Run every case `settings.repeats` times, interleaved; return a record per run.

    on_done: called with 1 after each run.
    """
    cases, rows = cases_of(settings), list[dict[str, Any]]()
    with start_workers(max(settings.process_counts), settings, device) as workers:
        for repeat in range(settings.repeats):
            for case in cases[repeat % len(cases) :] + cases[: repeat % len(cases)]:
                rows.append(measure_case(case, repeat, workers[: case.processes], settings, device))
                on_done(1)
    return rows


def measure_case(
    case: Case, repeat: int, workers: Sequence[Worker], settings: ValidationSettings, device: str
) -> dict[str, Any]:
    """Run a case once, in several processes at the same time."""
    positions = case.positions(settings)
    for worker in workers:
        worker.send({"mode": case.mode, "threads": case.threads, "positions": positions})
    for worker in workers:
        worker.read()
    with read_power(device) as power:
        for worker in workers:
            worker.send({"go": True})
        done = [worker.read() for worker in workers]
    seconds = max(part["seconds"] for part in done)
    evaluations = sum(part["evaluations"] for part in done)
    searched = positions * len(workers)
    outside = [part["outside_network"] for part in done if part["outside_network"] is not None]
    energy = None if power.watts is None else 1000 * power.watts * seconds / evaluations
    return {
        **asdict(case),
        "repeat": repeat,
        "games": settings.games,
        "positions": searched,
        "evaluations": evaluations,
        "seconds": seconds,
        "cpu_seconds": sum(part["cpu_seconds"] for part in done),
        "positions_per_s": searched / seconds,
        "evaluations_per_s": evaluations / seconds,
        "outside_network": statistics.fmean(outside) if outside else None,
        "util": power.utilisation,
        "watts": power.watts,
        "joules_per_1k_evaluations": energy,
    }


class Worker:
    """A process of `validate.worker`."""

    def __init__(self, settings: ValidationSettings, device: str) -> None:
        command = [sys.executable, "-m", "forge_core.liuzhou.validate.worker"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.send({"settings": asdict(settings), "device": device})

    def send(self, record: dict[str, Any]) -> None:
        """Send one line. Raises ForgeError if the process has ended."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(record) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise ForgeError("a process of the validator ended early: see its message above") from None

    def read(self) -> dict[str, Any]:
        """Return the next answer. Raises ForgeError if the process has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise ForgeError("a process of the validator ended early: see its message above")
        return json.loads(line)

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


@contextmanager
def start_workers(n: int, settings: ValidationSettings, device: str) -> Iterator[list[Worker]]:
    """Yield n processes that wait for cases; they end when the body does."""
    workers = [Worker(settings, device) for _ in range(n)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.stop()


def summarize(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return medians and spreads over repeats, by case `mode/processes/threads`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(f"{row['mode']}/{row['processes']}/{row['threads']}", []).append(row)
    return {name: summary_of(of_case) for name, of_case in found.items()}


def summary_of(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each figure of a case, and the spread of its speed: (max - min) / median."""
    summary: dict[str, Any] = {}
    for name in ("positions_per_s", "evaluations_per_s", "outside_network", "util", "watts"):
        known = [row[name] for row in rows if row[name] is not None]
        summary[name] = statistics.median(known) if known else None
    speeds = [row["evaluations_per_s"] for row in rows]
    return {
        **summary,
        "spread": (max(speeds) - min(speeds)) / statistics.median(speeds),
        "repeats": len(rows),
    }
