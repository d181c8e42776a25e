"""The whole validation: correctness first, then the speed of each design, then the handover."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numba

from forge_core.device import device_name, resolve_device
from forge_core.learning.runs import describe_machine
from forge_core.learning.threads import one_torch_thread
from forge_core.liuzhou.arena import Arena
from forge_core.liuzhou.network import NetworkEvaluator
from forge_core.liuzhou.settings.search import SearchSettings
from forge_core.liuzhou.settings.validation import ValidationSettings
from forge_core.liuzhou.validate.correctness import (
    compare_winners,
    count_rule_differences,
    count_search_differences,
    policy_overlap,
)
from forge_core.liuzhou.validate.criteria import judge_all
from forge_core.liuzhou.validate.handoff import measure_handoff
from forge_core.liuzhou.validate.network import network_of
from forge_core.liuzhou.validate.positions import positions_of_all_phases
from forge_core.liuzhou.validate.throughput import cases_of, measure_rows, summarize

SCHEMA = 1
"""Raised when a field of the report changes its meaning"""


def steps_of(settings: ValidationSettings) -> int:
    """Return the number of times that `validate` calls `on_done` with 1."""
    return 3 + len(cases_of(settings)) * settings.repeats


def validate(
    settings: ValidationSettings,
    device: str = "auto",
    on_done: Callable[[int], None] = lambda n: None,
    on_part: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Return the report of the validator: JSON types, None for what was not measured.

    on_done: called as steps are done, see `steps_of`. on_part: called with a description of each part when
    it begins. Raises BadInput, DeviceUnavailable.
    """
    device = resolve_device(device)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with one_torch_thread() if device == "cpu" else nullcontext():
        return _measure(settings, device, started, on_done, on_part)


def _measure(
    settings: ValidationSettings,
    device: str,
    started: str,
    on_done: Callable[[int], None],
    on_part: Callable[[str], None],
) -> dict[str, Any]:
    """Return the report. device: resolved. started: the time, as ISO text."""
    on_part(f"comparing the implementations at {settings.compared:,} positions")
    correctness = measure_correctness(settings, device)
    on_done(1)
    on_part(f"measuring {len(cases_of(settings))} cases, {settings.repeats} times each")
    rows = measure_rows(settings, device, on_done)
    summary = summarize(rows)
    on_part("counting waits for the device, and measuring the handover")
    syncs = count_host_syncs(settings, device)
    on_done(1)
    handoff = measure_handoff(settings, device)
    on_done(1)
    bare = summary["bare/1/1"]
    for row in rows:
        row["share_of_bare"] = row["evaluations_per_s"] / bare["evaluations_per_s"]
    network = network_of(settings)
    return {
        "schema": SCHEMA,
        "started": started,
        "host": f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores",
        "device": device_name(device),
        "versions": {**describe_machine(device, "")["versions"], "numba": numba.__version__},
        "config": {
            **asdict(settings),
            "network": str(network.config),
            "params": network.n_parameters,
            "dtype": NetworkEvaluator(network, device=device).dtype,
        },
        "correctness": correctness,
        "bare": {"batch": settings.games, **bare},
        "rows": rows,
        "summary": summary,
        "host_syncs_per_simulation": syncs,
        "handoff": handoff,
        "criteria": judge_all(values_of(correctness, summary, handoff, syncs, settings, device)),
    }


def measure_correctness(settings: ValidationSettings, device: str) -> dict[str, Any]:
    """Return the differences between implementations, and how similarly both trees play with the network."""
    rows = positions_of_all_phases(settings.compared, settings.seed)
    network = network_of(settings)
    return {
        "positions": len(rows),
        "rule_differences": count_rule_differences(rows, device),
        "search_differences": count_search_differences(rows, settings.sims, device),
        "policy_top4_overlap": policy_overlap(rows, network, settings.sims, device),
        "winners_equal": compare_winners(network, settings, device),
    }


def values_of(
    correctness: dict[str, Any],
    summary: dict[str, dict[str, Any]],
    handoff: dict[str, Any],
    syncs: float | None,
    settings: ValidationSettings,
    device: str,
) -> dict[str, float | None]:
    """Return the value of each criterion; None for one that needs a GPU, on a CPU."""

    def speed(mode: str, processes: int = 1, threads: int = 1) -> float:
        return summary[f"{mode}/{processes}/{threads}"]["evaluations_per_s"]

    def gain(processes: int = 1, threads: int = 1) -> float | None:
        return speed("arena", processes, threads) / speed("arena") - 1 if processes * threads > 1 else None

    on_card = device != "cpu"
    watts = [summary[name]["watts"] for name in ("arena/1/1", "bare/1/1")]
    return {
        "parity": correctness["rule_differences"] + correctness["search_differences"],
        "speed_up_over_host_tree": speed("arena") / speed("host_tree") if on_card else None,
        "share_of_bare": speed("arena") / speed("bare"),
        "process_gain": gain(processes=settings.process_counts[-1]) if on_card else None,
        "thread_gain": gain(threads=settings.thread_counts[-1]) if on_card else None,
        "watts": watts[0] / watts[1] if all(watts) else None,
        "host_syncs": syncs,
        "handoff_bytes": handoff["bytes_written"],
        "handoff_copies": handoff["copies"],
        "handoff_time": handoff["iteration_seconds_with"] / handoff["iteration_seconds_via_file"],
    }


def count_host_syncs(settings: ValidationSettings, device: str) -> float | None:
    """Return how often the host waits for the GPU per simulation; None on a CPU.

    It is the difference between searches of few and of many simulations, since taking the result waits.
    """
    if device == "cpu":
        return None
    import warnings

    import torch

    rows = torch.from_numpy(positions_of_all_phases(settings.games, settings.seed)).to(device)
    evaluator = NetworkEvaluator(network_of(settings), device=device)
    most = max(2, settings.sims)
    arena = Arena(len(rows), SearchSettings(sims=most), device)
    counts = []
    for sims in (most, 1, most):  # the first compiles and captures
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                arena.search(rows, evaluator, sims=sims)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        counts.append(sum("synchronizing" in str(warning.message) for warning in caught))
    return (counts[2] - counts[1]) / (most - 1)
