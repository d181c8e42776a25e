"""The speed of Skull King, as `forge bench` measures it: correct first, then the figures.

The benchmark runs in a process of its own, so that nothing else of this process disturbs the figures.
"""

import json
import subprocess
import sys
from typing import Any

import dagster as dg

from forge_assets.checks import warn
from forge_assets.resources import COMPUTE_POOL, ComputeDevice, failing_plainly
from forge_assets.skull_king.names import GROUP
from forge_core.errors import BadInput

BENCHMARK_VERSION = "b2"
"""Raised when the benchmark measures something else."""
SUBJECTS = ("skull-king", "skull-king-train")
"""of `forge bench`"""
FORGE = "import sys; from forge_core.cli.main import main; sys.exit(main())"
"""the command `forge`, wherever it is installed"""
MEASURED = (0, 1)
"""exit statuses of a benchmark that was measured; 1: a figure is outside its limits"""


@dg.asset(
    group_name=GROUP,
    code_version=BENCHMARK_VERSION,
    pool=COMPUTE_POOL,
    kinds={"json"},
    check_specs=[
        dg.AssetCheckSpec(
            "implementations_equal",
            asset="skull_king_benchmark",
            blocking=True,
            description="plain Python, kernels and tensors were equal before anything was measured",
        ),
        dg.AssetCheckSpec(
            "within_limits",
            asset="skull_king_benchmark",
            description="every figure with a limit was measured, and is within its limits",
        ),
    ],
)
def skull_king_benchmark(compute: ComputeDevice) -> dg.MaterializeResult:
    """Decisions per second of kernels, tensors, players and training, with what is required and what a
    published environment reaches. NaN: this device does not report it."""
    from forge_core.device import resolve_device

    with failing_plainly():
        reports = [run_benchmark(subject, resolve_device(compute.device)) for subject in SUBJECTS]
        figures = [figure for report in reports for figure in report["figures"]]
        held = [assertion for report in reports for assertion in report["held"]]
        outside = [figure["name"] for figure in figures if not is_within_limits(figure)]
        return dg.MaterializeResult(
            metadata={
                "device": reports[0]["conditions"]["device"],
                "versions": reports[0]["conditions"]["versions"],
                "outside_limits": outside,
                "table": dg.MetadataValue.md(table(figures)),
                "report": dg.MetadataValue.json(reports),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name="implementations_equal", passed=bool(held), metadata={"held": held}
                ),
                warn("within_limits", not outside, outside=outside),
            ],
        )


def run_benchmark(subject: str, device: str) -> dict[str, Any]:
    """Return the report of `forge bench SUBJECT`. device: resolved. Raises BadInput if it fails."""
    command = [sys.executable, "-c", FORGE, "bench", subject, "--device", device, "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = run.stdout.strip().splitlines()
    if run.returncode not in MEASURED or not lines:
        reason = (run.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise BadInput(f"forge bench {subject} failed ({reason}): run it in a terminal to see more")
    return json.loads(lines[-1])


def is_within_limits(figure: dict[str, Any]) -> bool:
    """Return True if a figure has no limit, or was measured and is within its limits."""
    value, least, limit = figure["value"], figure["least"], figure["limit"]
    if value is None:
        return least is None and limit is None
    return (least is None or value >= least) and (limit is None or value <= limit)


def table(figures: list[dict[str, Any]]) -> str:
    """Return the figures as a Markdown table."""
    lines = ["| | measured | required | published environment |", "|-|-|-|-|"]
    for figure in figures:
        least, limit = figure["least"], figure["limit"]
        required = f"≥ {least:g}" if least is not None else f"≤ {limit:g}" if limit is not None else ""
        value = figure["value"]
        measured = "NaN" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        lines.append(
            f"| {figure['name']} | {measured} {figure['unit']} | {required} | {figure['published']} |"
        )
    return "\n".join(lines)
