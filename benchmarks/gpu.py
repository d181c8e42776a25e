"""Check and time everything that runs on a GPU, in one run of under ten minutes.

    python benchmarks/gpu.py --json FILE [--resume] [--checks] [--only solver,games] [--seconds 560]

It needs torch with CUDA, Triton, numba, pyarrow, fsspec, Lightning and Typer; neither Dagster nor
MLflow. The checks come first, each against the CPU. A part is timed only if the checks that it
depends on passed and `--seconds` leaves enough time; the run reports the parts that it left out.
FILE is written again after each part, so an interrupted run keeps its figures; `--resume` continues it
with the checks that have not passed and the parts that were not timed. The exit status is 1 if a check
failed or a part was left out.

docs/gpu.md has the expectation for each figure, written before the first run. `--small` tries the
script itself on a machine without a GPU.
"""

from __future__ import annotations

import argparse
import sys
import time

import gpu_liuzhou
import gpu_one_hand
import gpu_processes
import gpu_skull_king
import gpu_texas42
import torch
from gpu_run import Check, Part, Run, check, measure, read_conditions, show, to_text

from forge_core.cli.filling import check_place, place_of
from forge_core.device import resolve_device
from forge_core.errors import ForgeError

_MODULES = (gpu_texas42, gpu_processes, gpu_one_hand, gpu_liuzhou, gpu_skull_king)
CHECKS: dict[str, Check] = {name: each for module in _MODULES for name, each in module.CHECKS.items()}
PARTS: dict[str, Part] = {name: each for module in _MODULES for name, each in module.PARTS.items()}


def main() -> int:
    """Run the benchmark and return the exit status."""
    known = list(dict.fromkeys([*CHECKS, *PARTS]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", metavar="FILE", help="write the figures here, after each part")
    parser.add_argument("--resume", action="store_true", help="continue FILE: repeat nothing that is in it")
    parser.add_argument("--checks", action="store_true", help="only check, and time nothing")
    parser.add_argument("--seconds", type=float, default=560, help="begin no part after so many seconds")
    parser.add_argument("--only", help=f"comma-separated: {', '.join(known)}")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try the script itself")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else known
    if unknown := set(names) - set(known):
        parser.error(f"no part {min(unknown)!r}: use {', '.join(known)}")
    try:
        device = resolve_device(arguments.device)
        if arguments.json:
            check_place(place_of(arguments.json)[0])
    except ForgeError as error:
        parser.error(str(error))
    run = Run(device, arguments.small, time.monotonic(), arguments.seconds, arguments.json)
    if run.on_card:
        torch.cuda.set_device(run.device)
    run.conditions = read_conditions(run)
    show(to_text(run.conditions))
    if arguments.resume:
        try:
            run.resume()
        except ForgeError as error:
            parser.error(str(error))
    needed = {name for part in names if part in PARTS for name in PARTS[part].checks}
    for name in CHECKS:
        if (name in names or name in needed) and name not in run.checked:
            check(run, name, CHECKS)
            run.keep()
    for name in PARTS:
        if name in names and name not in run.measured and not arguments.checks:
            measure(run, name, PARTS)
            run.keep()
    failed = [name for name, result in run.checked.items() if result.startswith("FAILED")]
    summary = f"failed: {', '.join(failed) or 'none'}; left out: {', '.join(run.left_out) or 'none'}"
    show(f"\n{time.monotonic() - run.begun:.0f} s; {summary}")
    return 1 if failed or run.left_out else 0


if __name__ == "__main__":
    sys.exit(main())
