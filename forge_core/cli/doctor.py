"""`forge doctor`: print the device, the installed versions, the contents of the store, and training runs."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge_core.cli.options import Json, read_place
from forge_core.cli.status import FAILED
from forge_core.environment import variable
from forge_core.errors import BadInput

if TYPE_CHECKING:
    from forge_core.files.holdings import Fault, Stock, StorePart
    from forge_core.learning.inspection import RunStatus

PACKAGES = ("forge", "torch", "numpy", "numba", "llvmlite", "pyarrow", "fsspec", "dagster")


Root = Annotated[
    str | None,
    typer.Option(
        "--store",
        parser=read_place,
        metavar="URL",
        help="Root of the store; default: FORGE_STORE, or ./data.",
    ),
]
Runs = Annotated[
    str | None,
    typer.Option("--runs", metavar="DIR", help="Folder of training runs; default: FORGE_RUNS, or ./runs."),
]
Verify = Annotated[
    bool,
    typer.Option("--verify", help="Read whole shards, not only their footers, and checksums of runs."),
]


def doctor_of(parts_of: Callable[[], Sequence[StorePart]]) -> Callable[..., None]:
    """Return the verb `doctor`. parts_of: imports the kinds of data that games keep in a store."""

    def doctor(store: Root = None, runs: Runs = None, verify: Verify = False, json: Json = False) -> None:
        """Print device, versions, kernel cache, the contents of the store, training runs, and folders in use.

        The exit status is 1 if a file is faulty, judged by its name, footer or manifest, and with --verify
        also by the rows of shards and the checksums of checkpoints and networks.
        """
        examine(parts_of, store, runs, verify, json)

    return doctor


def examine(
    parts_of: Callable[[], Sequence[StorePart]],
    store: str | None,
    runs: str | None,
    verify: bool,
    json: bool,
) -> None:
    """Run `forge doctor`. Raises BadInput if there is no such folder, typer.Exit if a file is faulty."""
    from forge_core.cli.screen import notes, print_json
    from forge_core.device import device_name, resolve_device
    from forge_core.files import Store, default_store_url
    from forge_core.files.holdings import find_held, take_stock
    from forge_core.learning.folders import RUNS
    from forge_core.learning.inspection import inspect_runs

    root = Store(store or default_store_url())
    if store and root.is_local and not os.path.exists(root.url):
        raise BadInput(f"the folder {root.url} does not exist: name the folder of a store")
    place = Path(runs or variable("FORGE_RUNS") or RUNS)
    if runs and not place.is_dir():
        raise BadInput(f"the folder {runs} does not exist: name the folder of training runs")
    with notes().status("inspecting the store"):
        stocks = take_stock(root, parts_of(), verify)
        found = inspect_runs(place, verify)
        held = find_held([Store(str(place)), *([root] if root.is_local else [])])
    faults = [fault for _, stock in stocks for fault in stock.faults]
    damages = [fault for run in found for fault in run.faults]
    facts = {
        "device": device_name(resolve_device("auto")),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version_of(name) for name in PACKAGES},
        "kernels": kernel_cache(),
    }
    if json:
        print_json(
            {
                **facts,
                "store": store_record(root.url, parts_of(), stocks, faults, held),
                "runs": {
                    "folder": str(place),
                    "runs": [run.to_dict() for run in found],
                    "faults": {fault.path: fault.reason for fault in damages},
                },
            }
        )
    else:
        print_facts(facts)
        print_store(root.url, stocks)
        print_runs(place, found)
        print_notes(held, [*faults, *damages])
    if faults or damages:
        raise typer.Exit(FAILED)


def version_of(package: str) -> str | None:
    """Return the installed version of a package, without importing it; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def kernel_cache() -> dict:
    """Return the folder of compiled kernels, with the number and size of the files that can be read.

    Without such a folder, kernels are compiled again in each process.
    """
    from forge_core.kernels import cache_home

    folder, sizes = cache_home(), []
    for place, _, names in os.walk(folder) if folder else ():
        for name in names:
            with suppress(OSError):
                sizes.append(os.stat(f"{place}/{name}").st_size)
    return {"folder": str(folder) if folder else None, "files": len(sizes), "bytes": sum(sizes)}


def store_record(
    url: str,
    parts: Sequence[StorePart],
    stocks: Sequence[tuple[StorePart, Stock]],
    faults: Sequence[Fault],
    held: Sequence[str],
) -> dict[str, Any]:
    """Return the store's contents as JSON types: a list for each section of parts, and faults by path."""
    sections: dict[str, list[dict[str, Any]]] = {part.section: [] for part in parts}
    for part, stock in stocks:
        sections[part.section] += [part.to_dict(holding) for holding in stock.holdings]
    holdings = sections.pop("holdings", [])
    reasons = {fault.path: fault.reason for fault in faults}
    return {"url": url, **sections, "faults": reasons, "holdings": holdings, "held": held}


def print_facts(facts: dict) -> None:
    """Print the machine and the installed versions."""
    from forge_core.cli.screen import screen, size_text

    kernels, versions = facts["kernels"], facts["versions"]
    place = kernels["folder"] or "no folder, since the user has no home: set FORGE_KERNEL_CACHE"
    lines = {
        "device": facts["device"],
        "machine": facts["machine"],
        "versions": ", ".join(
            f"{name} {number}" for name, number in {"python": facts["python"], **versions}.items() if number
        ),
        "kernels": f"{place}: {kernels['files']} files, {size_text(kernels['bytes'])}",
    }
    out = screen()
    for name, text in lines.items():
        out.print(f"[bold]{name:<10}[/bold]", end="")
        out.print(text, markup=False, soft_wrap=True)


def print_store(url: str, stocks: Sequence[tuple[StorePart, Stock]]) -> None:
    """Print the contents of the store by folder and split."""
    from forge_core.cli.screen import screen, size_text, table

    out = screen()
    out.print(f"[bold]{'store':<10}[/bold]", end="")
    rows = [
        (
            holding.folder,
            holding.split,
            f"{holding.files:,}",
            f"{holding.rows:,}",
            "" if holding.states is None else f"{holding.states:,}",
            size_text(holding.nbytes),
            shortened(holding.seeds),
        )
        for _, stock in stocks
        for holding in stock.holdings
    ]
    out.print(url if rows else f"{url}: empty", markup=False, soft_wrap=True)
    if rows:
        grid = table(
            "kind", "split", "files", "rows", "states", "size", "seeds", numbers="files rows states size"
        )
        for row in rows:
            grid.add_row(*row)
        out.print()
        out.print(grid)


def print_runs(place: Path, runs: Sequence[RunStatus]) -> None:
    """Print the training runs, if there are any."""
    from forge_core.cli.screen import screen, size_text, table

    if not runs:
        return
    out = screen()
    out.print(f"\n[bold]{'runs':<10}[/bold]", end="")
    out.print(str(place), markup=False, soft_wrap=True)
    grid = table("run", "evaluations", "step", "size", "", numbers="evaluations step size")
    for run in runs:
        state = "damaged" if run.faults else "in use" if run.is_held else ""
        step = "" if run.step is None else f"{run.step:,}"
        state = state or ("" if run.can_resume else "no checkpoint")
        grid.add_row(run.name, f"{run.evaluations:,}", step, size_text(run.nbytes), state)
    out.print()
    out.print(grid)


def print_notes(held: Sequence[str], faults: Sequence[Fault]) -> None:
    """Print the folders in use, and the faults."""
    from forge_core.cli.screen import screen

    out = screen()
    for folder in held:
        out.print("\n[bold]in use[/bold]    ", end="")
        out.print(f"a process has locked {folder}", markup=False, soft_wrap=True)
    for fault in faults:
        out.print("\n[bold red]faulty[/bold red]    ", end="")
        out.print(f"{fault.path}: {fault.reason}", markup=False, soft_wrap=True)


def shortened(seeds: str) -> str:
    """Shorten a long list of seeds to its first and last."""
    if len(seeds) <= MOST_TEXT:
        return seeds
    first, last = seeds.split("-", 1)[0].split(",")[0], seeds.replace("-", ",").rpartition(",")[2]
    return f"{first}-{last}, with gaps"


MOST_TEXT = 24
"""maximum number of characters in a list of seeds; a longer one is shortened to its first and last seed"""
